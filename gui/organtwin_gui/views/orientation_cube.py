"""The cube that tells where the patient's left, front and head are; a click on a face looks from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from organtwin_gui import theme

# letter, outward direction (LPS), right and up of the face when it is looked at, colour of the plane it is parallel to
_FACES: tuple[tuple[str, tuple[int, int, int], tuple[int, int, int], tuple[int, int, int], str], ...] = (
    ("L", (1, 0, 0), (0, 1, 0), (0, 0, 1), "sagittal"),
    ("R", (-1, 0, 0), (0, -1, 0), (0, 0, 1), "sagittal"),
    ("P", (0, 1, 0), (-1, 0, 0), (0, 0, 1), "coronal"),
    ("A", (0, -1, 0), (1, 0, 0), (0, 0, 1), "coronal"),
    ("S", (0, 0, 1), (-1, 0, 0), (0, -1, 0), "axial"),
    ("I", (0, 0, -1), (1, 0, 0), (0, -1, 0), "axial"),
)


@dataclass(frozen=True)
class CubeFace:
    """A face that can be seen: its letter, its outline on the screen and how squarely it faces the eye (0 to 1)."""

    letter: str
    polygon: QPolygonF
    facing: float
    plane: str


def visible_faces(view: NDArray[np.float64], centre: QPointF, size: float) -> list[CubeFace]:
    """Faces turned to the eye, the most turned away first.

    Parameters
    ----------
    view : (3, 3) array
        Rows are the screen's right, the screen's up and towards the eye, as LPS directions.
    centre : QPointF
        Where the cube's middle is on the screen.
    size : float
        Half an edge in pixels.
    """
    faces = []
    for letter, out, right, up, plane in _FACES:
        facing = float(view[2] @ out)
        if facing <= 0.02:
            continue
        corners = []
        for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1)):  # top left, top right, bottom right, bottom left
            corner = np.add(out, np.multiply(right, a) + np.multiply(up, b)) * size
            corners.append(centre + QPointF(float(view[0] @ corner), -float(view[1] @ corner)))
        faces.append(CubeFace(letter, QPolygonF(corners), facing, plane))
    return sorted(faces, key=lambda face: face.facing)


def paint_cube(painter: QPainter, faces: list[CubeFace]) -> None:
    """Draw the faces of :func:`visible_faces`."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    square = QPolygonF([QPointF(0, 0), QPointF(100, 0), QPointF(100, 100), QPointF(0, 100)])
    for face in faces:
        base = QColor("#39434f").darker(round(100 + 90 * (1 - face.facing)))
        base.setAlpha(235)
        painter.setBrush(base)
        painter.setPen(QPen(QColor("#0b0e12"), 1.2))
        painter.drawPolygon(face.polygon)
        placed = QTransform()
        if face.facing > 0.2 and QTransform.quadToQuad(square, face.polygon, placed):
            painter.save()
            painter.setTransform(placed, True)
            letters = theme.font(10, bold=True)
            letters.setPixelSize(62)
            painter.setFont(letters)
            ink = QColor(theme.PLANE_COLOURS[face.plane])
            ink.setAlphaF(min(1.0, 0.25 + face.facing))
            painter.setPen(ink)
            painter.drawText(0, 0, 100, 100, Qt.AlignmentFlag.AlignCenter, face.letter)
            painter.restore()
    painter.restore()


def face_at(faces: list[CubeFace], point: QPointF) -> str | None:
    """Letter of the face under a point."""
    for face in reversed(faces):
        if face.polygon.containsPoint(point, Qt.FillRule.OddEvenFill):
            return face.letter
    return None
