"""Patients of a folder in the window: found, looked at, acknowledged, opened. The program's commands run as they are."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.monitoring import CohortWindow
from organtwin_gui.monitoring.alert_card import AlertCard
from organtwin_gui.monitoring.trend_plot import smoothed
from organtwin_gui.monitoring.words import ago
from PySide6.QtCore import Qt

from organtwin.document import Document
from organtwin.model import Alert, Event, Observations, Source
from organtwin.monitoring import alerts_of
from organtwin.store import Project

DAY = 86400.0
START = 1_735_689_600.0
LONG_MS = 60_000


def pressures(level: float) -> Observations:
    """Three weeks of home blood pressure of somebody with hypertension."""
    n = 42
    times = np.repeat(START + DAY * np.arange(n // 2) + 8 * 3600.0, 2)
    values = np.tile([level, 0.62 * level], n // 2) + np.repeat(np.arange(n // 2) % 3, 2)
    return Observations(
        name="home", codes=("8480-6", "8462-4"), sources=(Source(name="cuff", format="fhir"),), times_s=times,
        durations_s=np.zeros(n, np.float32), offset_min=np.zeros(n, np.int16), values=values,
        code=np.tile([0, 1], n // 2).astype(np.uint16), source=np.zeros(n, np.uint16),
        events=(Event(kind="condition", code="38341003", display="Hypertension", start_s=START, status="active"),),
    )  # fmt: skip


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    for name, level in (("calm", 118.0), ("tense", 158.0)):
        with closing(Document.create(folder / f"{name}.otwin")) as document:
            document.add([pressures(level)], "Import")
    (folder / "broken.otwin").mkdir()
    (folder / "broken.otwin" / "project.json").write_text("{")
    return folder


@pytest.fixture
def shown(window, qtbot, ward) -> CohortWindow:
    window.show_cohort(ward)
    (dialog,) = window.findChildren(CohortWindow)
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 3, timeout=LONG_MS)
    return dialog


def choose(dialog: CohortWindow, qtbot, name: str) -> list[AlertCard]:
    (item,) = dialog.list.findItems(name, Qt.MatchFlag.MatchExactly, 1)
    dialog.list.setCurrentItem(item)
    qtbot.waitUntil(lambda: dialog.dashboard.findChild(AlertCard) is not None, timeout=LONG_MS)
    return dialog.dashboard.findChildren(AlertCard)


def test_who_needs_a_look_stands_above_who_does_not_and_a_broken_project_says_why(shown, qtbot):
    names = [shown.list.topLevelItem(n).text(1) for n in range(3)]
    assert names.index("tense") < names.index("calm")
    assert "pressure" in shown.list.topLevelItem(names.index("tense")).text(2)
    assert "damaged" in shown.list.topLevelItem(names.index("broken")).text(2)
    shown.find.setText("tense")
    assert [shown.list.topLevelItem(n).isHidden() for n in range(3)] == [name != "tense" for name in names]


def test_an_alert_that_was_seen_is_kept_with_what_was_said_also_in_the_project_that_is_open(shown, window, qtbot, ward):
    cards = choose(shown, qtbot, "tense")
    assert cards
    window.open_project(ward / "tense.otwin")
    shown.show()
    shown._look()
    qtbot.waitUntil(lambda: bool(shown.dashboard.findChildren(AlertCard)), timeout=LONG_MS)
    card = shown.dashboard.findChildren(AlertCard)[0]
    card.note.setText("called her")
    qtbot.mouseClick(card.seen, Qt.MouseButton.LeftButton)
    found = [window.bridge.document.get(e.uuid) for e in window.bridge.document.entries("alert")]
    assert [a.acknowledged.said for a in found if isinstance(a, Alert) and a.acknowledged] == ["called her"]
    window.bridge.document.undo()
    assert not any(a.acknowledged for a in alerts_of(window.bridge.document.project))


def test_looking_at_a_patient_raises_the_alerts_in_his_project(shown, qtbot, ward):
    choose(shown, qtbot, "tense")
    with Project(ward / "tense.otwin", read_only=True) as project:
        assert alerts_of(project)


def test_the_line_of_a_trend_is_the_median_of_the_week_before():
    days = START + DAY * np.arange(10)
    assert smoothed(days, np.array([1.0, 1, 1, 99, 1, 1, 1, 1, 1, 1])).tolist() == [1.0] * 10


def test_times_are_told_in_the_words_of_people():
    assert ago(START, START + 3600) == "today"
    assert ago(START, START + 3 * DAY) == "3 days ago"
    assert ago(START, START + 30 * DAY) == "4 weeks ago"
    assert ago(None, START) == "never"
