"""The commands of monitoring, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from organtwin.cli.main import app
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Observations, Source

DAY, START = 86400.0, 1_735_689_600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    document = Document.create(tmp_path / "case.otwin")
    n = 3
    readings = Observations(
        name="readings", codes=("59408-5",), sources=(Source(name="x", format="fhir"),), times_s=START + DAY * np.arange(n),
        durations_s=np.zeros(n, np.float32), offset_min=np.zeros(n, np.int16), values=np.array([95.0, 95.0, 85.0]),
        code=np.zeros(n, np.uint16), source=np.zeros(n, np.uint16),
    )  # fmt: skip
    document.add([readings], "readings")
    document.close()
    return tmp_path / "case.otwin"


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_watch_look_acknowledge(folder: Path) -> None:
    tried = json.loads(run("monitor", str(folder), "--protocol", "respiratory", "--dry-run", "--json"))
    assert tried["open"]
    assert run("alerts", str(folder)).strip() == "No alerts."
    done = json.loads(run("monitor", str(folder), "--protocol", "respiratory", "--json"))
    assert done["protocols"] == ["Chronic lung disease at home"]
    alert = next(a for a in done["open"] if a["rule"] == "saturation-very-low")
    assert "85 %" in run("alerts", str(folder))
    seen = json.loads(
        run("alerts", str(folder), "--acknowledge", alert["uuid"][:8], "--by", "Dr Berg", "--said", "called", "--json")
    )
    assert next(a for a in seen if a["rule"] == "saturation-very-low")["acknowledged"]["by"] == "Dr Berg"
    assert next(a for a in seen if a["rule"] == "saturation-very-low")["replaces"] == alert["uuid"]
    assert "Dr Berg: called" in run("alerts", str(folder))
    rows = json.loads(run("cohort", str(folder.parent), "--json"))
    assert rows[0]["severity"] == "urgent"
    assert "85" in run("cohort", str(folder.parent))
    before = json.loads(run("monitor", str(folder), "--at", "2025-01-02", "--dry-run", "--json"))
    assert not before["open"]


def test_protocols_are_listed_printed_and_checked(folder: Path, tmp_path: Path) -> None:
    assert "diabetes" in run("protocols")
    text = run("protocols", "diabetes")
    own = tmp_path / "own.yaml"
    own.write_text(text)
    assert "Diabetes" in run("protocols", "--check", str(own))
    own.write_text(text.replace("rules:", "ruls:"))
    with pytest.raises(BadInput, match="ruls"):
        run("protocols", "--check", str(own))
    with pytest.raises(BadInput, match="no protocol"):
        run("monitor", str(folder), "--protocol", "nothing")
    with pytest.raises(BadInput, match="no date"):
        run("cohort", str(folder), "--at", "soon")


def test_a_feed_needs_to_know_where_to_listen(folder: Path) -> None:
    for wrong in ((), ("--mqtt", "localhost"), ("--topic", "a"), ("--fhir", "0", "--tls-cert", "x"),
                  ("--fhir", "0", "--host", "0.0.0.0"), ("--fhir", "0", "--mqtt-ca", "x"),
                  ("--mqtt", "127.0.0.1:1", "--topic", "a")):  # fmt: skip
        with pytest.raises(BadInput):
            run("feed", str(folder), *wrong)
