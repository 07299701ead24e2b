"""Asking what report is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from organtwin_gui.report_dialog import ReportDialog
from PySide6.QtWidgets import QFileDialog


@pytest.mark.parametrize(
    ("reader", "ending", "proposed"),
    [
        ("both", "pdf", "case-report.pdf"),
        ("patient", "pdf", "case-report-patient.pdf"),
        ("clinician", "html", "case-report-clinician.html"),
    ],
)
def test_a_report_is_proposed_for_whom_and_as_what_was_chosen(qtbot, tmp_path, monkeypatch, reader, ending, proposed):
    dialog = ReportDialog(tmp_path / "case.otwin")
    qtbot.addWidget(dialog)
    dialog.reader.setCurrentIndex(dialog.reader.findData(reader))
    dialog.kind.setCurrentIndex(dialog.kind.findData(ending))
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (asked.append(a[2]), (a[2], ""))[1])
    dialog.choose()
    assert Path(asked[0]).name == proposed
    assert dialog.file == tmp_path / proposed
    assert dialog.options == ["--for", reader]


def test_a_report_has_the_ending_of_what_it_is(qtbot, tmp_path, monkeypatch):
    dialog = ReportDialog(tmp_path / "case.otwin")
    qtbot.addWidget(dialog)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(tmp_path / "mine"), ""))
    dialog.choose()
    assert dialog.file == tmp_path / "mine.pdf"


def test_without_a_place_nothing_is_written(qtbot, tmp_path, monkeypatch):
    dialog = ReportDialog(tmp_path / "case.otwin")
    qtbot.addWidget(dialog)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: ("", ""))
    dialog.choose()
    assert dialog.file is None
    assert not dialog.result()
