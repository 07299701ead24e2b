"""``organtwin calibrate``, ``update``, ``twin``, ``forecast``, ``models``: a patient's file to what is to be expected of him."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from organtwin.cli import commands  # noqa: F401  # fills the application
from organtwin.cli.base import app
from organtwin.errors import BadInput
from sample_dicom.readings import two_years

pytest.importorskip("organtwin_solvers.physiology.circulation.manifest")


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("twin")
    (folder / "p.json").write_text(json.dumps(two_years(days=120, cgm_days=2).bundle()))
    run("readings", "import", folder / "p.json", "-p", folder / "a.otwin", "--purpose", "care")
    return folder / "a.otwin"


@pytest.fixture(scope="module")
def calibrated(project) -> dict:
    return json.loads(run("calibrate", project, "--members", 60, "--until", "2024-06-01", "--json"))[0]


def test_a_calibration_says_what_it_learned_from_how_many_readings(calibrated):
    assert calibrated["model"] == "circulation"
    assert calibrated["at"] < "2024-06-02"
    learned = {e["key"]: e for e in calibrated["estimates"]}
    assert learned["heart_rate"]["learned"] > 0.5
    assert learned["heart_rate"]["low"] < learned["heart_rate"]["value"] < learned["heart_rate"]["high"]
    assert calibrated["used"]["8480-6"] > 20
    assert calibrated["verified_by"]


def test_an_update_takes_in_what_came_since_and_a_second_one_finds_nothing(project, calibrated):
    updated = json.loads(run("update", project, "--json"))[0]
    assert updated["at_s"] > calibrated["at_s"]
    assert updated["used"]["8480-6"] > calibrated["used"]["8480-6"]
    with pytest.raises(BadInput, match="newer than the twin"):
        run("update", project)
    shown = run("twin", project, "--sheet")
    assert "known bias" in shown
    assert "twin less measured" in shown


def test_a_forecast_tells_intervals_and_how_earlier_ones_held(project, calibrated):
    made = json.loads(run("forecast", project, "--days", 14, "--members", 60, "--json"))[0]
    systolic = made["quantiles"][made["keys"].index("systolic")]
    assert len(made["times_s"]) == 14
    assert all(low < middle < high for low, middle, high in zip(systolic[0], systolic[2], systolic[4], strict=True))
    assert "%" in made["checked"]


def test_what_is_not_there_is_said(project, calibrated, tmp_path):
    with pytest.raises(BadInput, match="no twin of the model 'glucose'"):
        run("forecast", project, "--model", "glucose")
    with pytest.raises(BadInput, match="no model 'soul'"):
        run("calibrate", project, "--model", "soul")
    with pytest.raises(BadInput, match="no parameter 'soul'"):
        run("calibrate", project, "--learn", "soul")
    with pytest.raises(BadInput, match="no readings"):
        run("calibrate", project, "--until", "1990-01-01")


def test_models_are_listed_with_their_sources():
    told = {m["name"]: m for m in json.loads(run("models", "--json"))}
    assert told["circulation"]["sheet"]["sources"]
    assert "systemic_resistance" in run("models", "circulation")
