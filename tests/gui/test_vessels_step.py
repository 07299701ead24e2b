"""The page of vessels: measure, and look along what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.steps import StudyStep, VesselsStep
from organtwin_gui.vessels.board import IN_SPACE
from organtwin_gui.vessels.trees import branches_of
from PySide6.QtCore import QPoint, Qt

from organtwin.document import Document
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

GRID = Grid.make((40, 40, 60), (1.0, 1.0, 1.5))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An upright tube of 8 mm radius, 5 mm in its middle."""
    k, j, i = np.indices(GRID.shape)
    radius = 8.0 - 3.0 * np.exp(-(((k - 30) * 1.5 / 8.0) ** 2))
    tube = (i - 20) ** 2 + (j - 20) ** 2 < radius**2
    volume = Volume(name="scan", grid=GRID, values=np.where(tube, 300, 40).astype(np.int16), modality="CT")
    segments = (Segment.of(1, "aorta", float(tube.sum() * 1.5)),)
    found = Segmentation(name="found", grid=GRID, labels=tube.astype(np.uint8), segments=segments)
    document = Document.create(tmp_path / "tube.otwin")
    document.add([volume, found], "begin")
    document.close()
    return tmp_path / "tube.otwin"


def test_a_narrow_place_is_found_listed_and_gone_to(window, qtbot, project, finished):
    window.open_project(project)
    window.workflow.go_to(VesselsStep)
    step = window.workflow.step(VesselsStep)
    assert not window.vessel_board.isVisible()
    qtbot.mouseClick(step.run, Qt.MouseButton.LeftButton)
    finished(window)
    qtbot.waitUntil(lambda: step.lines.count() == 1, timeout=5000)
    board = window.vessel_board
    assert board.isVisible()
    percent = float(step.findings.topLevelItem(0).text(0).split()[1])
    assert percent == pytest.approx(100 * 3 / 8, abs=3)
    window.scene.cursor.move(GRID.to_world((5, 5, 5)))
    place = step.findings.visualItemRect(step.findings.topLevelItem(0)).center()
    qtbot.mouseClick(step.findings.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert np.linalg.norm(window.scene.cursor.position_mm - GRID.to_world((20, 20, 30))) < 3
    assert "ø 10." in board.said.text() or "ø 9." in board.said.text()
    before = window.scene.cursor.position_mm
    board.step(10)
    assert np.linalg.norm(window.scene.cursor.position_mm - before) == pytest.approx(10, abs=1.5)
    board.turn.setValue(9)
    board.kind.setCurrentIndex(1)
    qtbot.mouseClick(
        board.long, Qt.MouseButton.LeftButton, pos=QPoint(board.long.width() // 2, board.long.height() // 2)
    )
    assert np.linalg.norm(window.scene.cursor.position_mm - GRID.to_world((20, 20, 30))) < 4  # half way along
    if window.quad.viewport.is_ready:
        assert IN_SPACE in window.quad.viewport.items
        window.workflow.go_to(StudyStep)
        assert IN_SPACE not in window.quad.viewport.items
    window.close_project()
    assert not board.isVisible()


def test_the_arteries_of_the_arch_belong_to_the_aorta_and_veins_do_not():
    there = {"carotid_left", "aorta", "brachiocephalic_trunk", "inferior_vena_cava", "heart"}
    assert branches_of("aorta", there) == ["brachiocephalic_trunk", "carotid_left"]
    assert branches_of("inferior_vena_cava", there) == []


def test_numbers_and_picture_are_saved_from_the_page(window, qtbot, project, finished, tmp_path, monkeypatch):
    window.open_project(project)
    window.workflow.go_to(VesselsStep)
    step, board = window.workflow.step(VesselsStep), window.vessel_board
    assert not step.with_branches.isVisible()  # there are none
    qtbot.mouseClick(step.run, Qt.MouseButton.LeftButton)
    finished(window)
    qtbot.waitUntil(board.isVisible, timeout=5000)
    table, picture = tmp_path / "aorta.csv", tmp_path / "aorta.png"
    asked = iter([str(picture), str(table)])
    monkeypatch.setattr("organtwin_gui.vessels.board.QFileDialog.getSaveFileName", lambda *_: (next(asked), ""))
    board.save_picture()
    assert picture.stat().st_size > 1000
    with qtbot.waitSignal(window.bridge.told, timeout=60_000, check_params_cb=lambda text: "Wrote" in text):
        board.save_table()
    head, *rows = table.read_text().splitlines()
    assert head.startswith("branch,parent,x_mm")
    assert len(rows) > 50
