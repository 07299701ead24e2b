"""What we write passes the checkers of others: dciodvfy of dicom3tools, and dicom-validator with the standard's own tables."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from organtwin.io.export import export
from organtwin.io.study import read, scan
from organtwin.model import Segment, Segmentation

FORMS = ("dicom-seg", "dicom-seg-fractional", "rtstruct", "rtstruct-smooth", "sr")


@pytest.fixture
def scanned(studio, tmp_path: Path):
    folder = tmp_path / "scan"
    studio.series(
        folder, studio.positions(6, orientation=studio.ORIENTATIONS["oblique"]), studio.ORIENTATIONS["oblique"]
    )
    with scan([folder]) as study:
        (volume,) = read(study.best())
    labels = np.zeros(volume.grid.shape, np.uint8)
    labels[1:5, 5:20, 6:30], labels[2:4, 8:12, 10:14] = 1, 2
    segments = (
        Segment.of(1, "liver", 0.0, 0.9, "a doubt"),
        Segment.of(2, "tumour", 0.0),
        Segment.of(3, "kidney_left", 0.0),
    )
    return folder, volume, Segmentation(name="Größe", grid=volume.grid, labels=labels, segments=segments)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("form", FORMS)
def test_dciodvfy_finds_no_error(scanned, tmp_path: Path, form: str) -> None:
    folder, volume, drawn = scanned
    files = [export([drawn, volume], tmp_path / "with.dcm", form=form, sources=[folder])]
    if form != "sr":
        files.append(export(drawn, tmp_path / "alone.dcm", form=form))
    for file in files:
        said = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        errors = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]
        assert not errors, file.name


@pytest.mark.parametrize("form", [*FORMS, "dicom-labelmap"])
def test_dicom_validator_finds_no_error(scanned, tmp_path: Path, form: str) -> None:
    """It needs the tables of the standard, which it fetches once (``validate_iods --recreate-json``); without them: skipped."""
    kept = Path(os.environ.get("DICOM_VALIDATOR_STANDARD", Path.home() / "dicom-validator"))
    if not any(kept.glob("*/json/*.json")) and not any(kept.glob("*/docbook/*.xml")):
        pytest.skip("the tables of the standard are not here")
    folder, volume, drawn = scanned
    file = export([drawn, volume], tmp_path / "a.dcm", form=form, sources=[folder])
    command = ["validate_iods", "--standard-path", str(kept), "-e", "local", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
