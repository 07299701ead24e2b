"""``organtwin readings``: in, listed, set aside and out again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from organtwin.cli import commands  # noqa: F401  # fills the application
from organtwin.cli.base import app
from organtwin.errors import BadInput
from sample_dicom.readings import two_years


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["readings", *(str(a) for a in arguments)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "p.json").write_text(json.dumps(two_years(days=30, cgm_days=2).bundle()))
    told = json.loads(run("import", folder / "p.json", "-p", folder / "a.otwin", "--purpose", "care", "--json"))
    assert told[0]["readings"] > 500
    assert told[0]["set_aside"] == {}
    assert told[0]["purpose"] == "care"
    assert "p.json" not in json.dumps(told[0].get("recipe") or {})
    return folder / "a.otwin"


def test_what_is_there_is_listed_with_its_last_value(project):
    rows = {row["code"]: row for row in json.loads(run("list", project, "--json"))["readings"]}
    assert rows["29463-7"]["unit"] == "kg"
    assert rows["8480-6"]["first"].startswith("2024-03-01")
    assert "Body weight" in run("list", project)
    last = json.loads(run("list", project, "--code", "weight", "--last", 3, "--json"))
    assert len(last["readings"]) == 3
    assert last["readings"][-1]["time"].endswith("+01:00")
    with pytest.raises(BadInput, match="no reading that is known"):
        run("list", project, "--code", "mood")


def test_the_same_file_again_brings_nothing_and_says_why(project):
    told = run("import", project.parent / "p.json", "-p", project)
    assert "0 readings" in told
    assert "duplicate" in told
    rows = json.loads(run("quarantine", project, "--reason", "duplicate", "--json"))
    assert rows
    assert all(row["reason"] == "duplicate" for row in rows)
    assert "it is there already" in run("quarantine", project)


def test_an_export_is_de_identified_unless_told_otherwise(project, tmp_path):
    told = run("export", project, "-o", tmp_path / "out.json")
    assert "de-identified" in told
    text = (tmp_path / "out.json").read_text()
    assert "HomeCuff" not in text
    run("export", project, "-o", tmp_path / "kept.ndjson", "--keep-dates", "--keep-texts")
    kept = (tmp_path / "kept.ndjson").read_text()
    assert "HomeCuff" in kept
    first, first_kept = (min(re.findall(r'"(\d{4}-\d\d-\d\d)T', one)) for one in (text, kept))
    assert first != first_kept


def test_a_file_without_readings_leaves_no_project_behind(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear doctor")
    with pytest.raises(BadInput, match="no readings here"):
        run("import", tmp_path / "letter.txt", "-p", tmp_path / "new.otwin")
    assert not (tmp_path / "new.otwin").exists()
    with pytest.raises(BadInput, match="nothing at this place"):
        run("import", tmp_path / "absent.json", "-p", tmp_path / "new.otwin")


def test_the_readings_that_are_known_are_listed():
    rows = json.loads(run("codes", "--json"))
    assert {"8480-6", "99504-3"} <= {row["code"] for row in rows}
    assert "Systolic blood pressure" in run("codes")


def test_what_happened_again_and_again_is_one_line():
    from organtwin.cli.commands.timeline import _event_lines
    from organtwin.model import Event

    visits = [
        Event(kind="encounter", code="", display="Check up", start_s=86400.0 * 30 * n, status="finished")
        for n in range(24)
    ]
    once = Event(kind="condition", code="", display="Hypertension", start_s=0.0)
    assert list(_event_lines([once, *visits])) == [
        f"{'condition':<14}{'Hypertension':<61}1970-01-01",
        f"{'encounter':<14}{'Check up':<61}24 times, 1970-01-01 to 1971-11-22  finished",
    ]
