"""Readings that a feed keeps while the window holds the project."""

from __future__ import annotations

from pathlib import Path

import pytest
from organtwin_gui.arrivals import keep_raised

from organtwin.document import Document
from organtwin.feed.service import Feed
from organtwin.model import Alert, Observations


def heavy(kg: float, minute: int) -> dict[str, object]:
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": f"2026-03-01T07:{minute:02d}:00+01:00",
        "valueQuantity": {"value": kg, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }  # fmt: skip


@pytest.fixture
def open_project(window, tmp_path: Path) -> Path:
    folder = tmp_path / "case.otwin"
    Document.create(folder).close()
    window.open_project(folder)
    return folder


def test_what_arrives_while_the_window_has_the_project_is_taken_in_there_and_can_be_undone(window, open_project):
    feed = Feed(open_project)
    feed.accept([heavy(80, 1), heavy(81, 2)], "mqtt")
    feed.close()
    taken = window.arrivals.look()
    assert taken is not None
    assert taken.readings == 2
    document = window.bridge.document
    (entry,) = document.entries("observations")
    made = document.get(entry.uuid)
    assert isinstance(made, Observations)
    assert made.values.tolist() == [80, 81]
    assert window.arrivals.look() is None
    document.undo()
    assert not document.entries("observations")


def test_without_a_feed_nothing_is_looked_for(window, open_project):
    assert window.arrivals.look() is None


def test_alerts_that_another_process_found_are_kept_once(window, open_project):
    alert = Alert(
        name="Weight", protocol="p", rule="r", severity="warning", since_s=0, raised_s=1, why="2 kg in 3 days"
    )
    told = {"open": [alert.model_dump(mode="json")], "raised": [alert.uuid], "ended": []}
    for _ in range(2):
        assert [one.uuid for one in keep_raised(window.bridge.document, told)] == [alert.uuid]
    assert [entry.uuid for entry in window.bridge.entries("alert")] == [alert.uuid]
