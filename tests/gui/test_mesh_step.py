"""The page of meshing: flow extensions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from organtwin_gui.steps import MeshStep
from PySide6.QtCore import Qt

from organtwin.model import OrganMesh

sys.path.insert(0, str(Path(__file__).parent))
from vessels import narrow_pipe, project_with


def test_the_openings_of_a_vessel_are_extended_from_the_page(window, qtbot, tmp_path, finished):
    pipe = narrow_pipe(0.0)
    window.open_project(project_with(tmp_path / "pipe.otwin", pipe))
    window.workflow.go_to(MeshStep)
    step = window.workflow.step(MeshStep)
    assert step.extend.isVisible()
    step.diameters.setValue(2)
    qtbot.mouseClick(step.extend, Qt.MouseButton.LeftButton)
    finished(window)
    qtbot.waitUntil(lambda: len(window.bridge.entries("mesh")) == 2, timeout=10_000)
    longer = window.bridge.get(window.bridge.entries("mesh")[-1].uuid)
    assert isinstance(longer, OrganMesh)
    reach = longer.points_mm[:, 2].max() - longer.points_mm[:, 2].min()
    assert reach == pytest.approx(40 + 2 * 2 * 8, rel=0.05)


def test_there_is_nothing_to_extend_without_a_vessel_mesh(window, tmp_path):
    window.open_project(project_with(tmp_path / "empty.otwin"))
    window.workflow.go_to(MeshStep)
    assert not window.workflow.step(MeshStep).extend.isVisible()
