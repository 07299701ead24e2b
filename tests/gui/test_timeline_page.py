"""The page of readings: lanes, events, what was set aside, files that are brought in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.notice import without_flags
from organtwin_gui.steps import ReadingsStep, StudyStep
from organtwin_gui.timeline.gather import bands_of, first_lanes, gather
from organtwin_gui.timeline.quarantine import QuarantineModel, lines_of, reason_of
from organtwin_gui.timeline.span import Span
from organtwin_gui.timeline.units import number_words, unit_words
from organtwin_gui.timeline.untold import units_of
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.timeline.days import DAY_S

sys.path.insert(0, str(Path(__file__).parent))
import patients as twin


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    document = Document.create(tmp_path / "patient.otwin")
    document.add([twin.readings()], "Import readings")
    document.close()
    return tmp_path / "patient.otwin"


@pytest.fixture
def board(window, qtbot, patient):
    window.open_project(patient)
    window.workflow.go_to(ReadingsStep)
    qtbot.waitUntil(lambda: window.timeline.all is not None, timeout=10_000)
    qtbot.wait(60)
    return window.timeline


def wheel(widget, notches: int, share: float = 0.5) -> None:
    left, right = widget.edges()
    at = QPointF(left + share * (right - left), widget.height() / 2)
    event = QWheelEvent(
        at, widget.mapToGlobal(at), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget.viewport(), event)


def test_without_readings_the_page_says_what_to_do(window, tmp_path):
    Document.create(tmp_path / "empty.otwin").close()
    window.open_project(tmp_path / "empty.otwin")
    window.workflow.go_to(ReadingsStep)
    assert window.timeline.isVisible()
    assert window.timeline.import_button.isVisible()
    assert "Drop files here" in window.timeline.empty.text.text()
    window.workflow.go_to(StudyStep)
    assert window.quad.isVisible()
    assert not window.timeline.isVisible()


def test_readings_stand_in_lanes_with_their_unit_and_usual_range(board, window):
    names = {lane.name: lane for lane in board.lanes}
    assert set(names) == {"Blood pressure", "Heart rate", "Steps"}
    assert [t.unit for t in names["Blood pressure"].tracks] == ["mmHg", "mmHg"]
    assert names["Blood pressure"].tracks[0].usual == (90, 120)
    assert names["Steps"]._shown[0].daily
    assert names["Steps"]._shown[0].window.mean[5] == pytest.approx(2400)  # of a day
    assert not window.inspector.isVisible()


def test_the_wheel_zooms_about_the_pointer_and_all_lanes_follow(board, qtbot):
    lane = board.lanes[1]
    before = board.span.at(0.25), board.span.length_s
    wheel(lane, 5, 0.25)
    qtbot.wait(60)
    assert board.span.length_s < 0.5 * before[1]
    assert board.span.at(0.25) == pytest.approx(before[0], abs=0.01 * before[1])
    for other in board.lanes:
        assert other.viewRange()[0] == pytest.approx([board.span.start_s, board.span.end_s])
    qtbot.mouseDClick(lane.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 40))
    assert board.span.length_s == pytest.approx(before[1])


def test_a_lane_is_taken_away_and_put_back_with_its_tick(board, window):
    page = window.workflow.step(ReadingsStep)
    items = page.lanes.findItems("Heart rate", Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)
    items[0].setCheckState(0, Qt.CheckState.Unchecked)
    assert [lane.name for lane in board.lanes] == ["Blood pressure", "Steps"]
    items[0].setCheckState(0, Qt.CheckState.Checked)
    assert len(board.lanes) == 3


def test_what_was_set_aside_is_told_with_reason_place_and_text_and_can_be_filtered(board, qtbot):
    assert board.aside.text().startswith("3")
    qtbot.mouseClick(board.aside, Qt.MouseButton.LeftButton)
    rows = board.quarantine
    assert rows.isVisible()
    assert [rows.model.cell(0, column) for column in range(4)] == [
        "Unit", "A heart rate cannot be in mmHg", "a.json, entry 4", '{"value": 72}'
    ]  # fmt: skip
    rows.reason.setCurrentIndex(rows.reason.findData("unit"))
    assert rows.model.rowCount() == 2
    rows.text.setText("80 cm")
    assert rows.model.rowCount() == 1
    assert "1 of 3" in rows.said.text()


def test_a_click_on_a_scan_opens_it_or_says_that_it_is_not_here(board, window, qtbot):
    drawn = next(d for d in board.happenings.drawn if d.events[0].kind == "imaging")
    qtbot.mouseClick(board.happenings, Qt.MouseButton.LeftButton, pos=drawn.place.center().toPoint())
    assert "is not in this project" in window.notice.text


def test_files_dropped_on_the_timeline_are_imported_and_nothing_is_dropped_silently(window, qtbot, finished, tmp_path):
    Document.create(tmp_path / "drop.otwin").close()
    window.open_project(tmp_path / "drop.otwin")
    window.workflow.go_to(ReadingsStep)
    entries = [
        {"resource": {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1950"}},
        *(
            {
                "resource": {
                    "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p"},
                    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                    "effectiveDateTime": f"2025-01-{day:02d}T08:00:00+01:00",
                    "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit, "unit": unit},
                }
            }
            for day, value, unit in ((1, 70, "/min"), (2, 72, "/min"), (3, 71, "mm[Hg]"))
        ),
    ]  # fmt: skip
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(bundle))])
    window.timeline.dropEvent(
        QDropEvent(
            QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
    )
    finished(window)
    qtbot.waitUntil(lambda: window.timeline.all is not None, timeout=10_000)
    assert len(window.timeline.all.timeline) == 2
    assert window.timeline.all.reasons == ["unit"]
    window.undo_action.trigger()
    assert window.timeline.all is None


def test_a_hostile_file_is_one_sentence(window, qtbot, finished, tmp_path):
    Document.create(tmp_path / "bad.otwin").close()
    window.open_project(tmp_path / "bad.otwin")
    (tmp_path / "evil.json").write_text("[" * 5000)
    window.open_paths([tmp_path / "evil.json"])
    assert window.workflow.current is ReadingsStep
    finished(window)
    qtbot.waitUntil(window.notice.isVisible, timeout=5000)
    assert "Traceback" not in window.notice.text


def test_a_forecast_is_drawn_after_the_last_reading(board, window, qtbot):
    document = window.bridge.document
    of = document.get(window.bridge.entries("observations")[0].uuid)
    document.add([twin.forecast(twin.state(of))], "Forecast")
    pressure = next(lane for lane in board.lanes if lane.name == "Blood pressure")
    assert len(pressure._middles) == 1  # of the systolic one: the diastolic is not in it
    assert board.span.last_s > board.all.now_s + 80 * DAY_S
    board.expected.setChecked(False)
    assert not pressure._middles


def test_a_forecast_of_the_heart_rate_stands_for_the_resting_rate_only_where_the_lane_has_no_other():
    lane = next(kind for kind in gather([twin.readings()]).lanes if kind.name == "Heart rate")
    made = twin.forecast(twin.state(twin.readings()))
    assert set(bands_of(made, lane.tracks)) == {"8867-4"}


def test_the_first_lanes_are_the_usual_ones():
    assert first_lanes(gather([twin.readings()])) == ["8480-6", "8867-4", "55423-8"]


def test_a_span_stays_within_what_there_is():
    span = Span()
    span.set_limits(0.0, 100 * DAY_S)
    span.show_all()
    span.zoom(5.0, 0.0)
    assert span.length_s == pytest.approx(104 * DAY_S)
    span.show(10 * DAY_S, 20 * DAY_S)
    span.pan(-1000 * DAY_S)
    assert span.start_s == pytest.approx(-2 * DAY_S)
    assert span.length_s == pytest.approx(10 * DAY_S)


def test_a_project_with_readings_and_no_scan_opens_at_them(window, patient):
    window.open_project(patient)
    assert window.workflow.current is ReadingsStep


def test_who_saw_all_sees_what_comes_after_it_too_and_who_looked_closer_stays():
    span = Span()
    span.set_limits(0.0, 100 * DAY_S)
    span.show_all()
    span.set_limits(0.0, 130 * DAY_S)
    assert span.end_s > 130 * DAY_S
    assert span.start_s < 0.0
    span.show(10 * DAY_S, 20 * DAY_S)
    span.set_limits(0.0, 160 * DAY_S)
    assert (span.start_s, span.end_s) == (10 * DAY_S, 20 * DAY_S)


def test_a_hundred_thousand_lines_set_aside_are_read_only_as_they_are_seen():
    line = b'{"reason":"clock","said":"later than now","place":"x","raw":"not json: {{"}'
    model = QuarantineModel()
    model.take([line] * 100_000, ["clock"] * 100_000)
    assert model.rowCount() == 100_000
    assert model.cell(99_999, 3) == "not json: {{"
    assert reason_of(line) == "clock"
    assert lines_of([twin.readings()])[1].startswith(b'{"reason": "impossible"')


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0"), (3e-16, "0"), (131.25, "131"), (60.04, "60"), (-4.4, "−4.4"), (0.0571, "0.057"), (12345.6, "12\u202f346")]
)  # fmt: skip
def test_numbers_are_short(value, words):
    assert number_words(value) == words


def test_units_are_those_that_people_write():
    assert [unit_words(u) for u in ("mm[Hg]", "Cel", "{steps}", "[iU]", "kg/m2", "mm[Hg].s/mL")] == [
        "mmHg", "°C", "steps", "IU", "kg/m²", "mmHg·s/mL"
    ]  # fmt: skip
    assert np.isfinite(twin.readings().values).all()


def test_a_file_that_does_not_tell_the_order_of_dates_can_be_read_again(window, qtbot, patient, tmp_path):
    file = tmp_path / "cuff.csv"
    file.write_text("time,systolic,diastolic\n03/04/2025 08:00,141,88\n05/04/2025 08:10,139,86\n")
    window.open_project(patient)
    window.workflow.go_to(ReadingsStep)
    step = window.workflow.step(ReadingsStep)
    assert step.untold.isHidden()
    step.import_files([file])
    qtbot.waitUntil(lambda: not step.again.isHidden(), timeout=30_000)
    assert not step.untold.isHidden()
    step.untold.order.setCurrentIndex(step.untold.order.findData("day-first"))
    step.untold.zone.setCurrentText("Europe/Berlin")
    step.again.click()
    qtbot.waitUntil(lambda: len(window.bridge.entries("observations")) == 2, timeout=30_000)
    made = window.bridge.get(window.bridge.entries("observations")[-1].uuid)
    assert str(np.datetime64(int(made.times_s[0]), "s")) == "2025-04-03T06:00:00"
    assert step.again.isHidden()
    assert step.untold.isHidden()


def test_what_only_the_command_line_has_is_not_said_in_the_window():
    assert without_flags("Say it: day-first or month-first (--dates).") == "Say it: day-first or month-first."


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", {}),
        ("weight=kg", {"weight": "kg"}),
        ("weight = kg; glucose=mmol/L,", {"weight": "kg", "glucose": "mmol/L"}),
    ],
)
def test_units_are_told_by_reading(text, units):
    assert units_of(text) == units


def test_units_that_cannot_be_read_are_refused():
    with pytest.raises(BadInput, match="weight=kg"):
        units_of("kilograms")
