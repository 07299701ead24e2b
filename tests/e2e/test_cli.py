"""The command line as a new user types it, on the sample study, from scan to report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from organtwin.sample import sample_folder


def organtwin(*arguments: object, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command; check its exit code and that no traceback reaches the user."""
    command = [sys.executable, "-m", "organtwin.cli.main", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=500, cwd=cwd, env={**os.environ, "DISPLAY": ""}
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def made(*arguments: object) -> list[dict]:
    return json.loads(organtwin(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The sample, imported and segmented."""
    folder = tmp_path_factory.mktemp("e2e") / "sample.otwin"
    (volume,) = made("import", sample_folder(), "-p", folder)
    assert volume["modality"] == "CT"
    made("segment", folder)
    return folder


def test_the_sample_is_imported_without_the_patients_name(project):
    for file in project.rglob("*.json*"):
        assert "SAMPLE^" not in file.read_text(errors="ignore")


def test_where_the_scan_came_from_is_not_kept_since_paths_name_patients(tmp_path):
    source = tmp_path / "DOE_JANE_1950"
    source.symlink_to(sample_folder())
    organtwin("import", source, "-p", tmp_path / "x.otwin")
    for file in (tmp_path / "x.otwin").rglob("*"):
        if file.is_file() and file.suffix != ".npy":
            assert "DOE_JANE" not in file.read_text(errors="ignore"), file


def test_segmentation_finds_the_organs_and_says_how_sure_it_is(project):
    segmentation = next(o for o in made("info", project)["objects"] if o["kind"] == "segmentation")
    found = {s["key"]: s for s in segmentation["segments"]}
    assert {"aorta", "heart", "liver", "spleen", "kidney_left", "kidney_right", "bone"} <= set(found)
    assert all(0 <= s["confidence"] <= 1 for s in found.values())


def test_the_way_from_labels_to_flow_and_pull_and_report(project, tmp_path):
    surface, aorta = made("mesh", project, "--structure", "aorta", "--edge", "5 mm")
    assert surface["kind"] == "surface"
    assert abs(surface["report"]["volume_error_percent"]) < 1
    assert any(c["role"] == "inlet" for c in aorta["caps"])
    assert any(c["role"] == "outlet" for c in aorta["caps"])
    assert "wall" in aorta["boundaries"]
    (flow,) = made("flow", project, "--preset", "aorta-steady")
    assert flow["physics"] == "flow"
    assert all(np.isfinite(q["value"]) for q in flow["quantities"])
    made("mesh", project, "--structure", "liver", "--edge", "15 mm")
    (pull,) = made("deform", project, "--preset", "liver-pull")
    assert pull["physics"] == "tissue"
    report = tmp_path / "report.html"
    organtwin("report", project, "-o", report)
    text = report.read_text()
    assert "Not a medical device" in text
    assert "Aorta" in text
    assert text.count("data:image/png") >= 4
    for name, ending in (
        (aorta["uuid"], ".vtu"),
        (flow["uuid"], ".vtu"),
        (surface["uuid"], ".stl"),
        (flow["uuid"], ".csv"),
    ):
        file = tmp_path / f"out{ending}"
        organtwin("export", project, name, file)
        assert file.stat().st_size > 100


def test_info_tells_what_is_stale_after_an_edit(project):
    objects = made("info", project)["objects"]
    assert not any(o["stale"] for o in objects)


def test_a_zip_is_imported_like_a_folder(tmp_path):
    archive = tmp_path / "scan.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in sorted(p for p in sample_folder().rglob("*") if p.is_file()):
            zipped.write(file, file.relative_to(sample_folder()))
    (volume,) = made("import", archive, "-p", tmp_path / "z.otwin")
    assert volume["modality"] == "CT"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("import", "nowhere", "-p", "x.otwin"), 3, "There is nothing at this place"),
        (("import", "empty", "-p", "x.otwin"), 3, "no files to import"),
        (("import", "text.dcm", "-p", "x.otwin"), 3, ""),
        (("segment", "nowhere.otwin"), 3, "not an OrganTwin project"),
        (("mesh", "fresh.otwin", "--structure", "aorta"), 3, "no segmentation"),
        (("flow", "fresh.otwin"), 3, "case file or --preset"),
        (("flow", "fresh.otwin", "text.dcm"), 3, "not JSON"),
        (("flow", "fresh.otwin", "nothere.json"), 3, "No such file"),
        (("resume", "fresh.otwin"), 3, "No job of this project can go on"),
        (("validate", "no-such-case"), 3, "no verification case"),
        (("segment", "fresh.otwin", "--engine", "ct", "--frobnicate"), 2, ""),
        (("export", "fresh.otwin", "thing", "x.stl"), 3, "no object 'thing'"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_exit_code_and_leaves_nothing_behind(tmp_path, arguments, code, sentence):
    from organtwin.document import Document

    (tmp_path / "empty").mkdir()
    (tmp_path / "text.dcm").write_text("this is no scan")
    Document.create(tmp_path / "fresh.otwin").close()
    done = organtwin(*arguments, code=code, cwd=tmp_path)
    assert sentence in " ".join(done.stderr.split())
    assert not (tmp_path / "x.otwin").exists()


def test_a_case_with_an_unknown_key_or_a_bare_number_is_refused_by_name(project, tmp_path):
    organtwin("mesh", project, "--structure", "aorta", "--edge", "6 mm")
    case = tmp_path / "case.json"
    case.write_text(json.dumps({"inlets": [{"cap": "inlet", "flwo": "5 L/min"}]}))
    assert "flwo" in organtwin("flow", project, case, "--mesh", "aorta", code=3).stderr
    case.write_text(json.dumps({"inlets": [{"cap": "inlet", "flow": 5}]}))
    assert "unit" in organtwin("flow", project, case, "--mesh", "aorta", code=3).stderr
    case.write_text(json.dumps({"inlets": [{"cap": "inlet", "flow": "5 kPa"}]}))
    assert "not a flow" in " ".join(organtwin("flow", project, case, "--mesh", "aorta", code=3).stderr.split())
