"""A moving scan in the window: phases, volumes over the cycle, and every act as a line of Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from organtwin.document import Document
from organtwin.model import DynamicSegmentation, DynamicVolume, Segment
from organtwin.model.result import Quantity
from organtwin.space import Grid

GRID = Grid.make((20, 20, 6), (2.0, 2.0, 8.0))
PHASES = 5


@pytest.fixture
def project(tmp_path: Path) -> Path:
    document = Document.create(tmp_path / "beat.otwin")
    _, j, i = np.indices(GRID.shape)
    away = (i - 10) ** 2 + (j - 10) ** 2
    inside = np.stack([away < (7 - abs(t - 2)) ** 2 for t in range(PHASES)])
    times = np.linspace(0, 0.8, PHASES)
    volume = DynamicVolume(
        name="beat",
        grid=GRID,
        values=np.where(inside, 200, 50).astype(np.int16),
        times_s=times,
        period_s=1.0,
        modality="MR",
    )
    volumes = inside.sum((1, 2, 3))[:, None] * GRID.voxel_volume_mm3
    labels = DynamicSegmentation(
        name="ventricle", dynamic=volume.uuid, grid=GRID, labels=inside.astype(np.uint8), times_s=times,
        segments=(Segment.of(1, "left_ventricle", float(volumes[0, 0])),), volumes_mm3=volumes.astype(float),
        quantities=(Quantity(name="Ejection fraction", value=48.0, unit="%", level="fair", why="made up"),),
    )  # fmt: skip
    document.add([volume], "Import")
    document.add([labels], "Find")
    document.close()
    return tmp_path / "beat.otwin"


def test_a_moving_scan_plays_with_its_structures_over_it(window, qtbot, project):
    assert not window.motion.isVisible()
    window.open_project(project)
    assert window.motion.isVisible()
    shown = window.motion.shown
    (overlay,) = window.scene.overlays.values()
    first = overlay.labels.copy()
    window.motion.step(1)
    window.motion.step(1)
    assert shown.phase == 2
    np.testing.assert_array_equal(window.scene.values[3], shown.volume.values[2][3])
    (overlay,) = window.scene.overlays.values()
    assert overlay.labels.sum() > first.sum()
    assert "phase 3 of 5, 400 ms" in window.motion.bar.text.text()
    window.motion.bar.set_fraction(1.0)
    assert shown.phase == PHASES - 1
    qtbot.waitUntil(lambda: window.motion.bar.button.height() > 0)  # laid out
    qtbot.mouseClick(window.motion.bar.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shown.phase != PHASES - 1, timeout=5000)
    window.close_project()
    assert not window.motion.isVisible()
    assert not window.motion.bar.playing


def test_taking_a_phase_makes_a_scan_and_says_so_in_python(window, qtbot, project, finished):
    window.open_project(project)
    window.script_log.show()
    window.motion.bar.set_fraction(0.5)
    qtbot.mouseClick(window.motion.take, Qt.MouseButton.LeftButton)
    finished(window)
    qtbot.waitUntil(lambda: len(window.bridge.entries("volume")) == 1, timeout=5000)
    made = window.bridge.get(window.bridge.entries("volume")[0].uuid)
    np.testing.assert_array_equal(np.asarray(made.values)[3] > 100, window.bridge.get(window.bridge.entries("dynamic-segmentation")[0].uuid).labels[2][3] > 0)  # fmt: skip
    assert "twin.run('phase', dynamic=dynamic, segmentation=dynamic_segmentation, phase=3)" in window.script_log.text.toPlainText()  # fmt: skip
    window.undo()
    assert window.script_log.text.toPlainText().endswith("twin.undo()")
    window.script_log.hide()
