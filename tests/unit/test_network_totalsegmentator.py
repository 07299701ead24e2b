"""The adapter for TotalSegmentator, with a program on the PATH that pretends to be it."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput, Cancelled, OrganTwinError
from organtwin.model import STRUCTURES, Volume
from organtwin.monitor import NullMonitor
from organtwin.operations import find
from organtwin.segment.totalsegmentator.names import RENAMED, SAME, TOGETHER, key_of, names_of
from organtwin.space import Grid

PRETENDER = """#!{python}
import json, os, sys, time
from pathlib import Path
import SimpleITK as sitk
at = sys.argv.index
out = Path(sys.argv[at("-o") + 1])
out.mkdir()
Path({told!r}).write_text(json.dumps({{"argv": sys.argv[1:], "proxy": os.environ.get("https_proxy", ""),
    "stats": json.loads((Path(os.environ["TOTALSEG_HOME_DIR"]) / "config.json").read_text())["send_usage_stats"]}}))
print("  50%|#####     |", flush=True)
if Path({told!r}).with_name("slow").exists():
    time.sleep(60)
if Path({told!r}).with_name("broken").exists():
    print("RuntimeError: no memory on the device")
    sys.exit(1)
scan = sitk.ReadImage(sys.argv[at("-i") + 1])
for name, low, high in (("liver", 90, 110), ("lung_upper_lobe_left", -900, -800), ("lung_lower_lobe_left", -800, -700),
                        ("vertebrae_L1", 400, 500), ("adrenal_gland_left", 30, 40), ("spleen", 5000, 6000)):
    sitk.WriteImage(sitk.Cast((scan > low) * (scan < high), sitk.sitkUInt8), str(out / f"{{name}}.nii.gz"))
"""


@pytest.fixture
def pretender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "TotalSegmentator"
    program.parent.mkdir()
    program.write_text(PRETENDER.format(python=sys.executable, told=str(tmp_path / "told.json")))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("TOTALSEG_WEIGHTS_PATH", raising=False)
    for number in (291, 292, 293, 294, 295):
        (tmp_path / "home" / "nnunet" / "results" / f"Dataset{number}_x").mkdir(parents=True)
    return tmp_path


def scan() -> Volume:
    values = np.full((14, 12, 10), -1000, np.int16)
    values[2:5, 3:4, 5:9] = 100
    values[6:8, 3:9, 1:3] = -850
    values[8:9, 3:9, 1:3] = -750
    values[10:12, 6:8, 4:6] = 450
    values[12, 1, 1] = 35
    grid = Grid.make((10, 12, 14), (1.5, 2, 3), (10, -20, 30), np.diag([-1.0, 1, -1]))
    return Volume(name="scan", grid=grid, values=values, modality="CT", value_unit="HU")


def run(volume: Volume, monitor: NullMonitor | None = None, **more: object):  # type: ignore[no-untyped-def]
    structures = more.pop("structures", None)
    parameters = {"engine": "totalsegmentator", "structures": structures, "options": more}
    (made,) = find("segment")({"volume": volume}, parameters, monitor)
    return made


def test_its_masks_come_back_on_the_voxels_they_belong_to(pretender: Path) -> None:
    volume = scan()
    made = run(volume)
    values = np.asarray(volume.values)
    assert np.array_equal(made.mask("liver"), values == 100)
    assert np.array_equal(made.mask("lung_left"), (values == -850) | (values == -750))
    assert np.array_equal(made.mask("bone"), values == 450)
    assert np.array_equal(made.mask("adrenal_left"), values == 35)
    assert {s.key for s in made.segments} == {"liver", "lung_left", "bone", "adrenal_left"}


def test_each_bone_by_itself_when_asked(pretender: Path) -> None:
    assert {"vertebrae_l1", "lung_upper_lobe_left"} <= {s.key for s in run(scan(), detail=True).segments}


def test_it_is_asked_for_the_classes_of_the_structures(pretender: Path) -> None:
    made = run(scan(), structures=["liver", "adrenal_left", "spleen"])
    argv = json.loads((pretender / "told.json").read_text())["argv"]
    assert argv[argv.index("--roi_subset") + 1 :] == ["liver", "adrenal_gland_left", "spleen"]
    assert any("Spleen was not found" in note for note in made.notes)


def test_nothing_leaves_this_machine_unless_weights_may_be_fetched(pretender: Path) -> None:
    run(scan())
    told = json.loads((pretender / "told.json").read_text())
    assert told["proxy"] == "http://127.0.0.1:9"
    assert told["stats"] is False
    with pytest.raises(BadInput, match=r"weights .* are not on this machine \(data sets 297\)"):
        run(scan(), resolution="fast")
    run(scan(), resolution="fast", download=True)
    told = json.loads((pretender / "told.json").read_text())
    assert told["proxy"] != "http://127.0.0.1:9"
    assert told["stats"] is False
    assert "--fast" in told["argv"]


def test_its_failure_is_its_own_last_words(pretender: Path) -> None:
    (pretender / "broken").touch()
    with pytest.raises(OrganTwinError, match="no memory on the device"):
        run(scan())


def test_a_cancel_ends_it(pretender: Path) -> None:
    (pretender / "slow").touch()

    class Stopping(NullMonitor):
        def progress(self, fraction: float, what: str = "") -> None:
            if "50%" in what:
                raise Cancelled

    with pytest.raises(Cancelled):
        run(scan(), Stopping())


def test_where_it_is_not_installed_that_is_said_with_its_licence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"not installed.*non-commercial"):
        run(scan())


def test_every_key_it_is_mapped_to_is_one_of_ours() -> None:
    assert {*SAME, *RENAMED.values(), *TOGETHER} <= set(STRUCTURES)
    assert key_of("rib_left_3", False) == "bone"
    assert key_of("rib_left_3", True) == "rib_left_3"
    assert names_of(["lung_left"], False) == ["lung_upper_lobe_left", "lung_lower_lobe_left"]
    assert names_of(["bone", "liver"], False) is None
