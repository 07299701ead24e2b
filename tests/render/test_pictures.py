"""A few pictures against kept ones, as thumbnails: coarse enough not to mind type and drivers, fine enough to see a mirror.

ORGANTWIN_KEEP_PICTURES=1 writes them anew; look at them before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui import theme
from organtwin_gui.views import Clip, FlowLook, MeshLook, QuadView, TissueLook
from organtwin_gui.views.state import ImageScene
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

KEPT = Path(__file__).parent / "kept"
SIZE = QSize(120, 96)


def thumbnail(widget: QWidget) -> QImage:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return image.scaled(SIZE, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def values(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., :3].astype(int)


def check(widget: QWidget, name: str) -> None:
    now = thumbnail(widget)
    path = KEPT / f"{name}.png"
    if os.environ.get("ORGANTWIN_KEEP_PICTURES"):
        KEPT.mkdir(exist_ok=True)
        assert now.save(str(path))
    kept = QImage(str(path))
    assert not kept.isNull(), f"{path} is not there"
    difference = np.abs(values(now) - values(kept))
    mirrored = np.abs(values(now) - values(kept.flipped(Qt.Orientation.Horizontal))).mean()
    assert difference.mean() < 4, f"{name} looks different (mean difference {difference.mean():.1f})"
    assert (difference.max(axis=-1) > 60).mean() < 0.02, f"{name} differs in places"
    assert mirrored > difference.mean()


def settle(qtbot, viewport) -> None:
    qtbot.waitUntil(lambda: not viewport._background.busy, timeout=30_000)
    viewport.canvas.refresh()
    viewport.grab()  # the first frame tells how long a frame takes, the next one is as fine as that allows
    qtbot.wait(60)


@pytest.fixture
def four(qtbot, gl, scan):
    theme.apply(QApplication.instance(), theme.DARK)
    scene = ImageScene()
    quad = QuadView(scene)
    qtbot.addWidget(quad)
    quad.resize(900, 720)
    quad.show()
    qtbot.waitExposed(quad)
    scene.set_volume(scan[0])
    scene.show_segmentation(scan[1])
    yield quad
    quad.shut_down()


def test_four_up(qtbot, four, ball) -> None:
    four.scene.cursor.move((25, 0, 0))
    four.viewport.show_surface(ball((25, 0, 0), 18, "liver"))
    four.viewport.show_slices()
    four.viewport.look_from("A")
    settle(qtbot, four.viewport)
    check(four, "four_up")


def test_a_mesh_cut_open(qtbot, viewport, vessel) -> None:
    viewport.show_mesh(vessel, MeshLook(clip=Clip((0, -1, 0), 0.5)))
    settle(qtbot, viewport)
    check(viewport, "mesh_cut")


def test_wall_shear(qtbot, viewport, vessel, flow) -> None:
    viewport.show_flow(flow, vessel, FlowLook(wall="wall_shear", streamlines=False))
    viewport.look_from("L")
    settle(qtbot, viewport)
    check(viewport, "wall_shear")


def test_a_deformation_over_its_ghost(qtbot, viewport, vessel, tissue) -> None:
    viewport.show_tissue(tissue, vessel, TissueLook(colour_by="displacement"))
    settle(qtbot, viewport)
    check(viewport, "deformation")
