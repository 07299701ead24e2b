"""One run of TotalSegmentator: the scan goes out as NIfTI, a mask for each class comes back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Found
from organtwin.segment.totalsegmentator.engine import LICENCE, PROGRAM, TotalSegmentatorParameters, available
from organtwin.segment.totalsegmentator.names import DOUBTS, key_of, names_of
from organtwin.space import Grid

# numbers of the nnU-Net data sets whose weights a task needs, by resolution
WEIGHTS: dict[tuple[str, str], tuple[int, ...]] = {
    ("total", "full"): (291, 292, 293, 294, 295),
    ("total", "fast"): (297,),
    ("total", "fastest"): (298,),
    ("total_mr", "full"): (850, 851),
    ("total_mr", "fast"): (852,),
    ("total_mr", "fastest"): (853,),
    ("body", "full"): (299,),
    ("body", "fast"): (300,),
    ("body_mr", "full"): (597,),
    ("body_mr", "fast"): (598,),
    ("lung_vessels", "full"): (258,),
    ("liver_vessels", "full"): (8,),
    ("heartchambers_highres", "full"): (301,),
    ("coronary_arteries", "full"): (503,),
    ("tissue_types", "full"): (481,),
}
NOWHERE = "http://127.0.0.1:9"  # the discard port: whoever asks for the network finds nobody
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: TotalSegmentatorParameters, monitor: Monitor
) -> Sequence[Found]:
    """Run TotalSegmentator and read its masks.

    Raises
    ------
    BadInput
        When it is not installed, or its weights are not there and may not be fetched.
    OrganTwinError
        When it fails: its own last words.
    """
    program = which(PROGRAM)
    if program is None:
        raise BadInput(f"The engine 'totalsegmentator' cannot run: {available()}")
    if (parameters.task, parameters.resolution) not in WEIGHTS:
        raise BadInput(f"TotalSegmentator has no '{parameters.resolution}' resolution for the task '{parameters.task}'")
    if not parameters.download and (missing := missing_weights(parameters.task, parameters.resolution)):
        raise BadInput(
            f"TotalSegmentator's weights for the task '{parameters.task}' are not on this machine "
            f"(data sets {', '.join(str(n) for n in missing)})",
            remedy="Nothing is fetched unasked: give the option download = true, or fetch them with totalseg_download_weights.",
        )
    monitor.log(f"TotalSegmentator, task {parameters.task}. Licence: {LICENCE}.")
    wanted = (
        names_of(structures, parameters.detail) if structures and parameters.task in ("total", "total_mr") else None
    )
    with tempfile.TemporaryDirectory(prefix="organtwin-totalsegmentator-") as name:
        folder = Path(name)
        monitor.progress(0.02, "writing the scan for TotalSegmentator")
        _write(volume, folder / "scan.nii.gz")
        command = [program, "-i", str(folder / "scan.nii.gz"), "-o", str(folder / "masks"), "--task", parameters.task,
                   "--device", parameters.device, "--nr_thr_saving", "1"]  # fmt: skip
        if parameters.resolution != "full":
            command.append(f"--{parameters.resolution}")
        if wanted:
            command += ["--roi_subset", *wanted]
        _follow(command, _environment(folder, parameters.download), monitor)
        monitor.progress(0.92, "reading masks")
        masks = dict(_masks(folder / "masks", volume.grid, parameters.detail))
    keys = list(structures) if structures else sorted(masks)
    return [
        Found(key, masks[key], None, DOUBTS.get(key, ""))
        if key in masks
        else Found(key, None, None, "TotalSegmentator sees none of it")
        for key in keys
    ]


def weights_folder() -> Path:
    """Where TotalSegmentator keeps its weights."""
    if given := os.environ.get("TOTALSEG_WEIGHTS_PATH"):
        return Path(given)
    return _home() / "nnunet" / "results"


def missing_weights(task: str, resolution: str) -> list[int]:
    """Numbers of the data sets whose weights are not there."""
    there = [path.name for path in weights_folder().glob("Dataset*")]
    return [n for n in WEIGHTS[task, resolution] if not any(name.startswith(f"Dataset{n:03d}_") for name in there)]


def _home() -> Path:
    given = os.environ.get("TOTALSEG_HOME_DIR")
    return Path(given) if given else Path.home() / ".totalsegmentator"


def _environment(folder: Path, download: bool) -> dict[str, str]:
    """The program's surroundings: the user's weights and licence number, no word about its use sent to anybody, and no way to
    the network unless weights may be fetched."""
    settings: dict[str, Any] = {"totalseg_id": "totalseg_private", "prediction_counter": 0}
    with suppress(OSError, ValueError):
        settings |= json.loads((_home() / "config.json").read_text(encoding="utf-8"))
    settings["send_usage_stats"] = False
    (folder / "home").mkdir()
    (folder / "home" / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = {
        **os.environ,
        "TOTALSEG_HOME_DIR": str(folder / "home"),
        "TOTALSEG_WEIGHTS_PATH": str(weights_folder()),
    }
    if not download:
        environment |= dict.fromkeys(PROXIES, NOWHERE) | {"NO_PROXY": "", "no_proxy": ""}
    return environment


def _follow(command: list[str], environment: dict[str, str], monitor: Monitor) -> None:
    """Run it and tell how far it says it is; a cancel ends it and all that it has started."""
    said = Path(command[command.index("-o") + 1]).parent / "said.txt"
    with said.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True, env=environment
        )  # fmt: skip
    fraction = 0.05
    try:
        while process.poll() is None:
            last = _last_line(said)
            if part := re.search(r"(\d{1,3})%\|", last):
                fraction = max(fraction, 0.05 + 0.85 * min(int(part[1]), 100) / 100)
            monitor.progress(fraction, f"TotalSegmentator: {last[:60]}" if last else "TotalSegmentator is starting")
            time.sleep(0.25)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        monitor.log(said.read_text(encoding="utf-8", errors="replace")[-4000:])
        raise OrganTwinError(
            f"TotalSegmentator failed (exit code {process.returncode}): {_last_line(said) or 'it said nothing'}",
            remedy="The log has its last words; try it by itself on the scan.",
        )


def _last_line(said: Path) -> str:
    with said.open("rb") as stream:
        stream.seek(max(0, said.stat().st_size - 600))
        lines = re.split(r"[\r\n]+", stream.read().decode(errors="replace"))
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _write(volume: Volume, path: Path) -> None:
    """The scan without any header of its patient. NIfTI through ITK knows right angles only; the voxels are those of the scan."""
    import SimpleITK as sitk

    values = np.asarray(volume.values)
    image = sitk.GetImageFromArray(values.astype(np.float32) if values.dtype.kind == "f" else values.astype(np.int16))
    left, _, right = np.linalg.svd(volume.grid.directions)
    image.SetSpacing([float(s) for s in volume.grid.spacing_mm])
    image.SetOrigin([float(x) for x in volume.grid.origin_mm])
    image.SetDirection([float(x) for x in (left @ right).ravel()])
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=1)


def _masks(folder: Path, grid: Grid, detail: bool) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Key and mask of every class that is there, parts of one key put together."""
    import SimpleITK as sitk

    together: dict[str, NDArray[np.bool_]] = {}
    for path in sorted(folder.glob("*.nii.gz")):
        name = path.name.removesuffix(".nii.gz")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            continue
        try:
            mask = sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0
        except RuntimeError as error:
            raise OrganTwinError("A mask that TotalSegmentator wrote cannot be read", where=path.name) from error
        if mask.shape != grid.shape:
            raise OrganTwinError("A mask that TotalSegmentator wrote does not lie on the scan", where=path.name)
        if mask.any():
            key = key_of(name.lower(), detail)
            together[key] = together[key] | mask if key in together else mask
    yield from together.items()
