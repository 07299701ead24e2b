"""Who is where: the shapes of a made-up adult, lying on the back, in LPS mm (x to the left, y to the back, z up).

z = 0 lies near the dome of the diaphragm. Sizes are those of a healthy adult of middle height: ascending aorta 31 mm,
descending 25 mm, left ventricle about 100 mL, liver about 1.5 L. The descending aorta is narrowed by half.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

from phantom.shapes import (
    Field,
    Shape,
    Tube,
    axes,
    ellipsoid,
    everywhere,
    half_space,
    soft_minimum,
    tube,
    union,
)

STENOSIS_SEVERITY = 0.5  # of the diameter
STENOSIS_HALF_LENGTH_MM = 22.0

TUMOURS = (  # centre and diameter
    ((-96.0, 12.0, -76.0), 34.0),
    ((-62.0, -42.0, -72.0), 22.0),
)

# -- profiles along z -----------------------------------------------------------------------------------------------

#                      z:   -220  -160  -100   -40     0    60   100   130   150   170   190
_Z = np.array([-220, -160, -100, -40, 0, 60, 100, 130, 150, 170, 190], float)
_SKIN = {
    "half_width": [158, 156, 158, 163, 166, 169, 171, 168, 158, 146, 138],
    "front": [-106, -106, -107, -110, -110, -108, -102, -92, -82, -72, -66],
    "back": [96, 98, 102, 107, 109, 110, 108, 104, 100, 94, 88],
}
_CAVITY = {
    "half_width": [124, 126, 132, 138, 138, 128, 108, 84, 60, 34, 20],
    "front": [-82, -83, -85, -88, -86, -80, -70, -56, -40, -18, -10],
    "back": [62, 68, 76, 82, 84, 82, 76, 66, 56, 42, 34],
}


def _profile(table: list[float], z: Field) -> Field:
    return np.asarray(PchipInterpolator(_Z, table, extrapolate=True)(z), np.float32)


def _section(profile: dict[str, list[float]], exponent: float) -> Shape:
    """Superellipse whose widths run along z."""

    def distance(x: Field, y: Field, z: Field) -> Field:
        wide, front, back = (_profile(profile[k], z) for k in ("half_width", "front", "back"))
        middle, deep = (front + back) / 2, (back - front) / 2
        u, v = np.abs(x) / wide, np.abs(y - middle) / deep
        g = (u**exponent + v**exponent + 1e-12) ** (1 / exponent)
        slope = np.sqrt((u ** (exponent - 1) / wide) ** 2 + (v ** (exponent - 1) / deep) ** 2) / g ** (exponent - 1)
        return (g - 1) / np.maximum(slope, 1e-5)

    return everywhere(distance)


skin = _section(_SKIN, 2.6)
cavity = _section(_CAVITY, 2.35)

_DOME_X = np.array([-170, -140, -75, -35, 5, 45, 80, 140, 170], float)
_DOME_Z = np.array([-12, -8, 4, -8, -26, -28, -12, -22, -26], float)


def _diaphragm(x: Field, y: Field, z: Field) -> Field:
    """Height above the diaphragm, divided by its slope: positive in the chest."""
    rho = np.sqrt((x / 138) ** 2 + ((y + 2) / 85) ** 2)
    lateral, posterior = np.abs(x) / 138, np.clip((y + 2) / 85, -1, 1)
    drop = (58 + 22 * np.minimum(lateral, 1) ** 2 + 34 * np.maximum(posterior, 0)) * np.minimum(rho, 1.1) ** 7
    height = CubicSpline(_DOME_X, _DOME_Z)(np.clip(x, -170, 170)) - drop
    slope_y, slope_x = np.gradient(height[0], y[0, :, 0], x[0, 0, :]) if min(height.shape[1:]) > 1 else (0.0, 0.0)
    return np.asarray((z - height) / np.sqrt(1 + np.square(slope_x) + np.square(slope_y))[None], np.float32)


above_diaphragm = everywhere(lambda x, y, z: -_diaphragm(x, y, z))
below_diaphragm = everywhere(_diaphragm)


# -- skeleton -----------------------------------------------------------------------------------------------------

#             name, centre z, height with disc
VERTEBRAE = (
    ("L4", -218, 35), ("L3", -183, 35), ("L2", -149, 34), ("L1", -116, 32), ("T12", -85, 29), ("T11", -57, 27), ("T10", -31, 26),
    ("T9", -6, 25), ("T8", 18, 24), ("T7", 41, 23), ("T6", 63, 22), ("T5", 84, 21), ("T4", 104, 20), ("T3", 123, 19),
    ("T2", 141, 18), ("T1", 158, 17), ("C7", 174, 16), ("C6", 189, 15),
)  # fmt: skip


def spine_y(z: float) -> float:
    """Where the middle of the vertebral bodies lies: lordosis below, kyphosis above."""
    return float(np.interp(z, [-220, -160, -100, -50, 0, 50, 100, 140, 180], [34, 36, 42, 48, 53, 55, 51, 43, 32]))


def body_size(z: float) -> tuple[float, float]:
    """Half width and half depth of a vertebral body."""
    return float(np.interp(z, [-220, -85, 60, 180], [25, 21, 16, 13])), float(
        np.interp(z, [-220, -85, 60, 180], [18, 16.5, 13.5, 9])
    )


def _vertebral_column(margin: float = 0.0) -> Shape:
    def distance(x: Field, y: Field, z: Field) -> Field:
        zs = np.linspace(-230, 200, 87)
        yc = np.interp(z, zs, [spine_y(v) for v in zs])
        a, b = (np.interp(z, zs, [body_size(v)[n] for v in zs]) + margin for n in (0, 1))
        u, v = x / a, (y - yc) / b
        g = np.sqrt(u * u + v * v) + 1e-6
        return (g - 1) * g / np.sqrt((u / a) ** 2 + (v / b) ** 2 + 1e-9)

    return everywhere(distance)


def _slab(z0: float, z1: float, concave_mm: float = 0.0, half_width: float = 20.0) -> Shape:
    """Between two heights; ``concave_mm`` hollows the end plates towards the middle."""

    def distance(x: Field, y: Field, z: Field) -> Field:
        return np.abs(z - (z0 + z1) / 2) - (z1 - z0) / 2 + concave_mm * np.maximum(1 - (x / half_width) ** 2, 0)

    return everywhere(distance)


def _bounded(shape: Shape, low: tuple[float, float, float], high: tuple[float, float, float]) -> Shape:
    return Shape(np.array([low, high], float).T, shape.distance)


def vertebra(z: float, height: float) -> tuple[Shape, Shape]:
    """(bone, spinal canal) of one vertebra."""
    yc, (a, b) = spine_y(z), body_size(z)
    disc = 2.2 + 0.10 * (height - 16)
    waist = everywhere(lambda x, y, zz: 1.6 * (1 - ((zz - z) / (height / 2)) ** 2) + 0 * x + 0 * y)
    column = _vertebral_column()
    body = Shape(column.bounds, lambda p: column.distance(p) + np.maximum(waist.distance(p), 0))
    body = body.trim(_slab(z - height / 2 + disc, z + height / 2 - disc, 1.0, a), 2.5)
    canal_y = yc + b + 8.5
    lumbar = z < -100
    parts = [_bounded(body, (-a - 4, yc - b - 4, z - height), (a + 4, yc + b + 4, z + height))]
    for side in (-1, 1):
        parts.append(
            tube(
                (side * 9, yc + b - 3, z + 3, 3.6),
                (side * 11, canal_y, z + 2, 3.4),
                (side * 8, canal_y + 8, z - 2, 3.6),
                (0, canal_y + 11, z - 5, 3.4),
            )
        )
        parts.append(
            tube(
                (side * 11, canal_y, z + 1, 4.2),
                (side * (22 if lumbar else 20), canal_y + (2 if lumbar else 8), z + 3, 3.2),
                (side * (38 if lumbar else 30), canal_y + (2 if lumbar else 12), z + 5, 2.8),
            )
        )
        parts.append(
            tube((side * 13, canal_y + 4, z - height / 2 - 4, 4.0), (side * 12, canal_y + 4, z - height / 2 + 5, 4.2))
        )
    drop = 4 if lumbar else 20
    parts.append(
        tube(
            (0, canal_y + 10, z - 5, 3.0),
            (0, canal_y + 19, z - 6 - drop * 0.5, 3.0),
            (0, canal_y + (29 if lumbar else 24), z - 6 - drop, 3.4),
        )
    )
    if lumbar:
        parts.append(tube((0, canal_y + 13, z - 9, 3.0), (0, canal_y + 28, z - 15, 3.2)))
    return union(parts, 2.0), tube((0, canal_y, z - height / 2 - 1, 8.0), (0, canal_y, z + height / 2 + 1, 8.0))


def disc(z: float, height: float) -> Shape:
    """The intervertebral disc above a vertebra."""
    yc, (a, b) = spine_y(z + height / 2), body_size(z)
    flat = _vertebral_column(0.5) & _slab(z + height / 2 - 6, z + height / 2 + 6)
    return _bounded(flat, (-a - 4, yc - b - 4, z + height / 2 - 7), (a + 4, yc + b + 4, z + height / 2 + 7))


def _on_wall(z: float, angle: float, outward: float) -> tuple[float, float]:
    """Point (x, y) of the left side of the chest wall at an angle from the back (0) over the side (pi/2) to the front (pi)."""
    wide, front, back = (
        float(_profile(_CAVITY[k], np.array([z], np.float32))[0]) for k in ("half_width", "front", "back")
    )
    middle, deep = (front + back) / 2, (back - front) / 2
    c, s = np.cos(angle), np.sin(angle)
    r = (abs(s) ** 2.35 + abs(c) ** 2.35) ** (-1 / 2.35)
    return (wide + outward) * r * s, middle + (deep + outward) * r * c


def rib(number: int, side: int) -> tuple[Shape, Shape | None]:
    """(bone, cartilage or None) of one rib: from its vertebra it slopes down and forward round the chest."""
    z0 = {name: z for name, z, _ in VERTEBRAE}[f"T{number}"] + 4
    end = {1: 2.75, 11: 1.9, 12: 1.25}.get(number, 2.62 if number <= 7 else 2.62 - 0.16 * (number - 7))
    fall = float(np.interp(number, [1, 2, 4, 7, 10, 12], [26, 42, 60, 82, 84, 45]))
    yc, (_, b) = spine_y(z0), body_size(z0)
    stations = [(side * 13.0, yc + b + 1, z0 + 1, 4.2)]
    for angle in np.linspace(0.42, end, 12):
        z = z0 - fall * (1 - np.cos(angle * 0.95)) / 2 * 1.05
        x, y = _on_wall(z, angle, 5.0)
        stations.append((side * x, y, z, 4.3 if number > 1 else 4.8))
    bone = Tube(tuple(stations)).shape()
    if number > 10:
        return bone, None
    x, y, z, _ = stations[-1]
    if number <= 7:
        goal_z = float(np.interp(number, [1, 7], [108, -8]))
        goal = (side * 17.0, sternum_y(goal_z), goal_z)
    else:
        goal = (side * (24.0 + 9 * (number - 8)), sternum_y(-20) + 1.5 * (number - 8), -18.0 - 15 * (number - 8))
    sag = min(z, goal[2]) * 0.5 + (z + goal[2]) * 0.25 - 2
    return bone, tube(
        (x, y, z, 4.6),
        ((x + goal[0]) / 2, min((y + goal[1]) / 2, _on_wall(sag, 2.6, 4)[1]) - 2, sag, 4.6),
        (*goal, 4.8),
    )


def sternum_y(z: float) -> float:
    """The sternum lies just in front of the chest cavity."""
    return float(_profile(_CAVITY["front"], np.array([z], np.float32))[0]) - 7.5


@cache
def sternum() -> Shape:
    def distance(x: Field, y: Field, z: Field) -> Field:
        zs = np.linspace(-60, 140, 41)
        yc = np.interp(z, zs, [sternum_y(v) for v in zs])
        half = np.interp(z, [-35, -20, 0, 60, 72, 78, 100, 118], [5, 7, 16, 13, 12, 17, 26, 24])
        outer = np.maximum(np.abs(x) - half + 4, 0) ** 2 + np.maximum(np.abs(y - yc) - 1.5, 0) ** 2
        return np.maximum(np.sqrt(outer) - 4.2, np.abs(z - 43) - 76)

    return _bounded(everywhere(distance), (-34, -110, -38), (34, -50, 124))


def clavicle(side: int) -> Shape:
    return tube(
        (side * 22, -66, 122, 8), (side * 55, -72, 130, 6), (side * 100, -42, 146, 6), (side * 140, -12, 160, 7)
    )


def scapula(side: int) -> Shape:
    blade = ellipsoid((side * 98, 78, 100), (46, 3.2, 62), axes((side * 0.9, -0.42, 0.12), (-side * 0.3, -0.75, 0)))
    spine = tube((side * 62, 88, 132, 4), (side * 105, 78, 148, 5), (side * 138, 50, 165, 7))
    border = tube((side * 132, 52, 130, 6), (side * 112, 78, 80, 4.5), (side * 92, 88, 42, 4))
    return union([blade, spine, border], 4.0)


# -- heart and great vessels ------------------------------------------------------------------------------------

LV_AXIS = np.array([0.66, -0.61, -0.44]) / np.linalg.norm([0.66, -0.61, -0.44])
LV_CENTRE = np.array([40.0, -26.0, 1.0])
VALVE = np.array([-1.0, -26.0, 35.0])  # aortic valve


@dataclass(frozen=True)
class Heart:
    left_ventricle: Shape
    right_ventricle: Shape
    left_atrium: Shape
    right_atrium: Shape
    papillary: Shape
    wall: Shape  # everything within the outer surface of the muscle
    sac: Shape  # with the fat around it


@cache
def heart() -> Heart:
    turn = axes(LV_AXIS, (0, 0, 1))
    base = LV_CENTRE - LV_AXIS * 25
    lv = ellipsoid(LV_CENTRE, (47, 23.5, 23.5), turn).trim(half_space(base, -LV_AXIS), 6.0)
    outer = ellipsoid(LV_CENTRE + LV_AXIS * 0.5, (56, 33.0, 33.0), turn).trim(
        half_space(base - LV_AXIS * 3, -LV_AXIS), 8.0
    )
    outflow = tube((18, -20, 16, 13), (8, -23, 27, 12.0), (*(VALVE + np.array([-3, 0, 9])), 12.0)) & half_space(
        VALVE, (-0.25, 0.06, 1)
    )
    lv = lv.blend(outflow, 6)
    rv_turn = axes((0.80, -0.30, -0.40), (0, 0, 1))
    rv = ellipsoid((16, -48, 3), (47, 30, 27), rv_turn).blend(
        tube((2, -58, 22, 16), (10, -56, 38, 14), (14, -50, 52, 13)), 10
    )
    rv = rv.trim(half_space((14, -50, 51), (0.12, 0.35, 1)), 1.0)
    la = ellipsoid((10, 8, 36), (33, 17, 23), axes((1, -0.08, -0.05)))
    for stations in (  # pulmonary veins
        ((-24, 12, 44), (-44, 18, 48), (-62, 20, 56)),
        ((-22, 14, 28), (-42, 24, 22), (-60, 34, 10)),
        ((36, 10, 46), (52, 14, 54), (66, 14, 64)),
        ((34, 14, 30), (50, 24, 24), (66, 36, 12)),
    ):
        la = la.blend(tube(*[(*s, r) for s, r in zip(stations, (7.5, 6.5, 5.0), strict=True)]), 6)
    la = la.blend(tube((36, -8, 44, 9), (44, -24, 48, 8), (40, -36, 50, 5)), 6)  # appendage
    ra = ellipsoid((-37, -16, 12), (22, 27, 33), axes((1, 0.1, 0.1))).blend(
        tube((-30, -34, 32, 12), (-18, -50, 42, 8)), 8
    )
    ra = (
        ra.blend(tube((-34, -22, 8, 20), (-16, -37, 5, 15)), 8)
        .cut(outer, 2)
        .trim(half_space((-14, -38, 4), (0.85, -0.45, -0.1)), 4.0)
    )
    valve_plane = half_space((-14, -38, 4), (-0.85, 0.45, 0.1))
    rv = rv.trim(valve_plane, 4.0).cut(outer.grow(0.5), 3.0)
    la = la.cut(lv.grow(2.0), 1.0).cut(ra.grow(2.5), 1.0).cut(outer.grow(-6), 2.0)
    bodies = union([outer, rv.grow(3.2), la.grow(2.0), ra.grow(2.4)], 3.0)
    papillary = union(
        [
            tube((*(LV_CENTRE + LV_AXIS * 20 + np.array(o)), 4.2), (*(LV_CENTRE + 0.8 * np.array(o)), 3.6))
            for o in ((8, 11, 12), (-4, 4, -15))
        ]
    )
    return Heart(
        lv, rv, la, ra, papillary, bodies, bodies.grow(3.5) & everywhere(lambda x, y, z: -_diaphragm(x, y, z) + 1)
    )


AORTA_STATIONS: tuple[tuple[float, float, float, float], ...] = (
    (-1, -26, 35, 12.2), (-4, -29, 46, 17.0), (-8, -32, 58, 14.6), (-13, -35, 76, 15.5), (-13, -35, 92, 15.5), (-5, -27, 108, 14.8),
    (9, -9, 114, 14.0), (21, 14, 109, 13.4), (27, 33, 95, 12.9), (27, 41, 72, 12.6), (27, 42, 30, 12.4), (25, 40, 0, 12.1), (20, 32, -40, 11.6),
    (11, 18, -80, 11.0), (7, 10.5, -112, 10.4), (6, 6, -150, 9.6), (6, 5, -225, 9.0),
)  # fmt: skip


@cache
def aorta_tube() -> Tube:
    """The aorta from its valve to below the kidneys; the throat sits in the descending thoracic part, at about z = 20."""
    plain = Tube(AORTA_STATIONS)
    length, points, _ = plain.sampled()
    behind = np.flatnonzero((points[:, 1] > 30) & (points[:, 2] < 90))
    place = length[behind[np.argmin(np.abs(points[behind, 2] - 20.0))]]
    return Tube(AORTA_STATIONS, throats=((float(place), STENOSIS_HALF_LENGTH_MM, STENOSIS_SEVERITY),))


ARCH_BRANCHES = {
    "brachiocephalic_trunk": Tube(
        ((-4, -24, 112, 7.2), (-9, -22, 128, 6.6), (-20, -17, 148, 6.4), (-31, -12, 168, 6.2), (-40, -10, 190, 6.0))
    ),
    "carotid_left": Tube(((7, -10, 118, 4.6), (11, -9, 134, 4.0), (17, -4, 155, 3.9), (21, 0, 190, 3.8))),
    "subclavian_left": Tube(
        ((20, 12, 112, 5.6), (25, 14, 134, 5.0), (33, 14, 152, 4.8), (52, 6, 168, 4.6), (80, -4, 172, 4.4))
    ),
}

AORTIC_BRANCHES = (  # celiac, splenic, common hepatic, superior mesenteric, renal
    Tube(((6, 10, -97, 4.0), (6, -8, -97, 3.8), (7, -16, -96, 3.6))),
    Tube(((7, -16, -96, 3.2), (30, -4, -90, 3.0), (55, 14, -78, 2.8), (76, 32, -66, 2.4))),
    Tube(((7, -16, -96, 3.0), (-12, -18, -94, 2.8), (-30, -16, -84, 2.4))),
    Tube(((6, 8, -111, 4.2), (6, -10, -118, 4.0), (4, -18, -140, 3.8), (2, -22, -180, 3.2), (0, -26, -225, 2.8))),
    Tube(((8, 10, -122, 3.4), (22, 16, -122, 3.0), (40, 30, -116, 2.7))),
    Tube(((4, 10, -124, 3.4), (-12, 18, -126, 3.0), (-26, 28, -128, 2.8), (-40, 32, -128, 2.6))),
)

PULMONARY = {
    "trunk": Tube(((14, -50, 50, 13.5), (17, -40, 62, 13.8), (20, -22, 73, 13.8), (20, -10, 77, 12.5))),
    "right": Tube(
        (
            (20, -9, 77, 11.5),
            (0, -2, 76, 10.8),
            (-24, 3, 74, 10.2),
            (-46, 7, 70, 9.2),
            (-64, 12, 58, 7.4),
            (-72, 18, 40, 6.0),
        )
    ),
    "left": Tube(
        (
            (20, -10, 77, 11.5),
            (34, 4, 84, 10.8),
            (48, 14, 84, 9.8),
            (62, 20, 74, 8.2),
            (70, 28, 54, 6.4),
            (72, 34, 38, 5.4),
        )
    ),
    "right_upper": Tube(((-44, 6, 71, 6.5), (-58, 2, 86, 5.6), (-66, 0, 104, 4.2))),
    "left_upper": Tube(((50, 12, 85, 6.0), (62, 4, 96, 5.0), (68, 0, 110, 3.8))),
}

SUPERIOR_CAVA = {
    "trunk": Tube(
        ((-33, -28, 126, 9.0), (-35, -27, 104, 9.6), (-34, -24, 76, 9.8), (-33, -18, 48, 10.2), (-34, -17, 30, 10))
    ),
    "left_brachiocephalic": Tube(
        ((58, -26, 168, 5.8), (36, -34, 150, 6.2), (6, -44, 137, 6.6), (-20, -38, 128, 7.0), (-33, -28, 122, 7.4))
    ),
    "right_brachiocephalic": Tube(((-50, -26, 178, 6.5), (-40, -28, 152, 7.4), (-33, -28, 122, 8.5))),
}
INFERIOR_CAVA = Tube(
    (
        (-33, -10, 2, 13),
        (-30, 0, -22, 13.5),
        (-27, 8, -50, 12.5),
        (-23, 12, -85, 11.5),
        (-20, 11, -125, 11.0),
        (-18, 8, -170, 10.4),
        (-17, 6, -225, 10.0),
    )
)
RENAL_VEINS = (
    Tube(((-20, 10, -126, 5.0), (8, -4, -122, 4.4), (24, 10, -118, 4.6), (42, 28, -114, 4.2))),
    Tube(((-22, 12, -132, 5.0), (-32, 22, -133, 4.6), (-40, 28, -132, 4.0))),
)

# -- liver --------------------------------------------------------------------------------------------------------

PORTAL_ROOTS = (  # superior mesenteric and splenic vein
    Tube(((4, -18, -112, 6.0), (10, -22, -140, 5.4), (12, -26, -180, 4.8), (12, -28, -225, 4.2))),
    Tube(((4, -18, -112, 4.8), (30, -6, -98, 4.4), (54, 12, -86, 4.0), (76, 34, -72, 3.4))),
)
HILUM = (-36.0, -12.0, -80.0)


@cache
def liver() -> Shape:
    right = ellipsoid((-76, 0, -52), (70, 84, 96))
    left = ellipsoid((2, -52, -42), (72, 34, 34), axes((1, 0.05, 0.22)))
    whole = right.blend(left, 24)
    fossa = ellipsoid((-14, 12, -112), (44, 52, 42))  # porta, head of the pancreas, duodenum
    whole = whole.cut(fossa, 16).cut(kidney_outer("right").grow(5), 10).cut(ellipsoid((6, 50, -40), (36, 36, 140)), 10)
    whole = whole.cut(stomach().grow(2), 6).cut(gallbladder().grow(0.5), 2)
    fissure = everywhere(
        lambda x, y, z: np.hypot(x + 12, np.minimum(z + 40, 0) * 0.2) - 2.2 + np.maximum(y + 50, 0)
    )  # of the falciform ligament
    whole = whole.cut(fissure, 3)
    return whole.trim(cavity.grow(-3.0), 6).trim(below_diaphragm.grow(-2.5), 4)


@cache
def gallbladder() -> Shape:
    return ellipsoid((-52, -48, -106), (13, 14, 26))


@dataclass(frozen=True)
class Tree:
    """A vessel tree of tubes; the branches end within the organ."""

    trunk: tuple[Tube, ...]
    branches: tuple[Tube, ...]

    def shape(self, organ: Shape) -> Shape:
        within = union([t.shape() for t in self.branches]) & organ.grow(-2.0)
        return union([t.shape() for t in self.trunk], 2.0).blend(within, 2.0)


def _grow(
    rng: np.random.Generator,
    start: NDArray[np.float64],
    heading: NDArray[np.float64],
    length: float,
    radius: float,
    depth: int,
) -> list[Tube]:
    """A branch that bends a little, and at its end two thinner ones (Murray: r0^3 = r1^3 + r2^3)."""
    heading = heading / np.linalg.norm(heading)
    bend = np.cross(heading, rng.normal(size=3)) * 0.18
    points = [start + heading * length * t + bend * length * t * t for t in (0, 0.5, 1.0)]
    taper = (1.0, 0.95, 0.9)
    tubes = [Tube(tuple((*p, radius * f) for p, f in zip(points, taper, strict=True)))]
    if depth:
        split = rng.uniform(0.42, 0.58)
        across = np.cross(heading, rng.normal(size=3))
        across /= np.linalg.norm(across)
        for share, sign in ((split, 1), (1 - split, -1)):
            angle = 0.62 * (1 - share) + 0.3
            tubes += _grow(
                rng,
                points[-1],
                heading * np.cos(angle) + sign * across * np.sin(angle),
                length * 0.74,
                radius * 0.9 * share ** (1 / 3),
                depth - 1,
            )
    return tubes


@cache
def portal_tree() -> Tree:
    rng = np.random.default_rng(5)
    trunk = (
        Tube(((4, -18, -112, 6.8), (-14, -15, -98, 6.8), (-30, -12, -84, 6.6), (*HILUM, 6.2))),
        Tube(((*HILUM, 5.6), (-58, -8, -74, 5.2), (-78, -2, -70, 4.8))),
        Tube(((*HILUM, 5.0), (-26, -26, -70, 4.6), (-12, -42, -60, 4.2), (4, -52, -52, 3.6))),
    )
    branches: list[Tube] = []
    for start, heading, length, radius, depth in (
        ((-78, -2, -70), (-0.75, 0.6, 0.3), 26, 3.5, 3), ((-78, -2, -70), (-0.6, -0.5, -0.55), 26, 3.5, 3), ((-58, -8, -74), (-0.4, -0.75, 0.5), 26, 3.2, 3),
        ((-78, -2, -70), (-0.5, 0.45, -0.75), 26, 3.0, 3), ((4, -52, -52), (0.95, -0.1, 0.2), 16, 2.8, 2), ((-12, -42, -60), (0.2, -0.8, -0.35), 13, 2.4, 2),
    ):  # fmt: skip
        branches += _grow(rng, np.array(start, float), np.array(heading), length, radius, depth)
    return Tree(trunk, tuple(branches))


@cache
def hepatic_tree() -> Tree:
    rng = np.random.default_rng(11)
    gate = (-30.0, -2.0, -22.0)
    trunk = (
        Tube(((*gate, 5.5), (-52, 8, -24, 5.2), (-78, 18, -32, 4.6), (-98, 26, -46, 3.8))),
        Tube(((*gate, 5.0), (-44, -18, -26, 4.8), (-58, -36, -38, 4.0), (-66, -46, -54, 3.2))),
        Tube(((-32, -8, -22, 4.6), (-22, -28, -25, 4.4), (-8, -46, -32, 3.8), (10, -56, -38, 3.0))),
    )
    branches: list[Tube] = []
    for start, heading, length, radius, depth in (
        ((-98, 26, -46), (-0.5, 0.3, -0.85), 24, 2.8, 2), ((-98, 26, -46), (-0.7, -0.4, -0.6), 24, 2.6, 2), ((-78, 18, -32), (-0.4, 0.85, -0.4), 22, 2.6, 2),
        ((-66, -46, -54), (-0.6, -0.2, -0.75), 22, 2.4, 2), ((-58, -36, -38), (-0.9, -0.3, 0.0), 22, 2.4, 2), ((10, -56, -38), (0.95, 0.1, -0.2), 16, 2.2, 2),
        ((-78, 18, -32), (-0.8, -0.5, 0.2), 20, 2.2, 2),
    ):  # fmt: skip
        branches += _grow(rng, np.array(start, float), np.array(heading), length, radius, depth)
    return Tree(trunk, tuple(branches))


# -- other organs ---------------------------------------------------------------------------------------------------

KIDNEY_CENTRE = {"left": np.array([60.0, 40.0, -112.0]), "right": np.array([-60.0, 40.0, -128.0])}


@cache
def kidney_outer(side: str) -> Shape:
    s = 1 if side == "left" else -1
    centre = KIDNEY_CENTRE[side]
    long = np.array([s * 0.26, -0.16, -1.0])
    return ellipsoid(centre, (54, 29, 23), axes(long, (s * 1.0, 0.5, 0)))


@cache
def kidney_sinus(side: str) -> Shape:
    s = 1 if side == "left" else -1
    return ellipsoid(
        KIDNEY_CENTRE[side] + np.array([-s * 20.0, -10, 0]),
        (23, 9, 20),
        axes((s * 1.0, 0.5, 0), (0, 0, 1))[:, [0, 2, 1]],
    )


@cache
def kidney(side: str) -> Shape:
    return kidney_outer(side).cut(kidney_sinus(side), 5)


@cache
def pyramids(side: str) -> Shape:
    """The medulla: cones around the sinus, apart from each other."""
    s = 1 if side == "left" else -1
    centre, parts = KIDNEY_CENTRE[side], []
    for up in (-30.0, -15.0, 0.0, 15.0, 30.0):
        for front in (-1.0, 1.0):
            tip = centre + np.array([-s * 7.0 - s * up * 0.26 * -0.4, -5.0 + front * 3, up * 0.62])
            foot = centre + np.array([s * 8.0 + s * -up * 0.2, 2.0 + front * 11, up * 1.1])
            parts.append(tube((*tip, 2.5), (*foot, 5.2)))
    return union(parts) & kidney_outer(side).grow(-6.0)


@cache
def stomach() -> Shape:
    return tube(
        (54, 16, -32, 22),
        (60, 2, -50, 28),
        (60, -24, -76, 25),
        (46, -44, -102, 20),
        (20, -52, -116, 18),
        (-6, -46, -112, 14),
        (-24, -34, -106, 10),
    )


@cache
def spleen() -> Shape:
    bean = ellipsoid((104, 38, -60), (31, 52, 58), axes((1, 0.55, 0.1), (-0.5, 0.9, 0.2)))
    return (
        bean.cut(stomach().grow(2.5), 8)
        .cut(kidney_outer("left").grow(3.5), 6)
        .trim(cavity.grow(-3.5), 5)
        .trim(below_diaphragm.grow(-2.5), 4)
    )


@cache
def airways() -> tuple[Shape, Shape]:
    """(lumen, outside of the wall) of the trachea and bronchi."""

    def at(extra: float) -> Shape:
        runs = (
            ((-4, 4, 195, 8.5), (-4, 8, 160, 8.6), (-4, 16, 125, 8.7), (-3, 21, 98, 8.8)),
            ((-3, 21, 97, 7.6), (-16, 22, 84, 6.6), (-34, 24, 72, 5.4), (-50, 28, 58, 4.2), (-62, 38, 30, 3.2), (-68, 44, 6, 2.4)),
            ((-24, 23, 79, 4.6), (-44, 18, 86, 3.6), (-58, 14, 98, 2.8)),
            ((-3, 21, 97, 7.0), (14, 24, 86, 6.2), (34, 26, 72, 5.6), (50, 30, 56, 4.4), (62, 40, 30, 3.2), (68, 46, 4, 2.4)),
            ((40, 27, 68, 4.2), (56, 18, 78, 3.4), (68, 8, 88, 2.6)),
        )  # fmt: skip
        return union([tube(*[(x, y, z, r + extra) for x, y, z, r in run]) for run in runs], 3.0)

    return at(0.0), at(1.6)


@cache
def lung_vessels(side: int) -> Shape:
    """Arteries and veins that fill a lung, without those of the hilum."""
    rng = np.random.default_rng(3 + side)
    roots = [((70, 30, 48), (0.55, 0.55, -0.9)), ((72, 32, 42), (0.75, 0.2, -0.75)), ((68, 2, 108), (0.35, 0.1, 1)), ((66, 4, 92), (0.7, -0.75, 0.3)),
             ((66, 14, 66), (0.9, -0.5, -0.15)), ((66, 14, 62), (0.9, 0.6, 0.25)), ((64, 34, 12), (0.4, 0.35, -1)), ((68, 6, 86), (0.6, 0.7, 0.7)),
             ((60, 22, 52), (0.3, -0.85, -0.5)), ((62, 18, 58), (0.8, 0.1, 0.5)), ((64, 10, 92), (0.85, 0.35, 0.4)), ((64, 32, 16), (0.85, -0.2, -0.6)),
             ((58, 30, 30), (0.15, 0.9, -0.35)), ((62, 12, 56), (0.65, -0.65, 0.4))]  # fmt: skip
    tubes = []
    for start, heading in roots:
        a, h = np.array(start, float), np.array(heading, float)
        a[0] *= side
        h[0] *= side
        tubes += _grow(rng, a, h, 26.0, 3.6, 5)
    return union([t.shape() for t in tubes if t.stations[-1][3] > 0.62])


@cache
def mediastinum() -> Shape:
    """What keeps the lungs apart: heart, great vessels, spine, and the fat between."""
    h = heart()
    vessels = [
        t.shape().grow(2.5)
        for t in (aorta_tube(), *ARCH_BRANCHES.values(), PULMONARY["trunk"], *SUPERIOR_CAVA.values(), INFERIOR_CAVA)
    ]
    vessels += [PULMONARY[k].shape().grow(1.2) for k in ("right", "left")]
    core = everywhere(
        lambda x, y, z: (
            np.abs(x + 2)
            - np.interp(y, [-90, -70, -45, -20, 30, 50, 70], [3, 4, 15, 24, 22, 20, 22])
            - np.interp(z, [-60, 60, 110, 150], [0, 0, 2, 8])
        )
    )
    column = _bounded(_vertebral_column(3.0), (-60, 0, -230), (60, 120, 200))
    whole = union([_bounded(h.sac, *(h.sac.bounds[:, n] for n in (0, 1))), *vessels, airways()[1].grow(1.0)], 6.0)
    back = _bounded(everywhere(lambda x, y, z: np.hypot(x, (y - 88) * 0.8) - 36), (-60, 30, -230), (60, 140, 200))
    return Shape(
        core.bounds,
        lambda p: reduce(lambda a, b: soft_minimum(a, b, 6.0), [s.distance(p) for s in (core, whole, column, back)]),
    )


@cache
def lung(side: str) -> Shape:
    s = 1 if side == "left" else -1
    half = half_space((0, 0, 0), (-s, 0, 0))
    return cavity.grow(-2.0).trim(above_diaphragm.grow(-1.0), 4).cut(mediastinum(), 3) & half


def bowel() -> list[tuple[Tube, float]]:
    """(loop, share of it filled with gas)."""
    loops = [
        (
            Tube(
                (
                    (-98, 4, -225, 22),
                    (-100, 0, -185, 21),
                    (-96, -14, -155, 19),
                    (-80, -46, -142, 17),
                    (-40, -66, -152, 16),
                    (0, -70, -158, 16),
                    (42, -66, -146, 16),
                    (84, -38, -118, 15),
                    (104, -2, -98, 14),
                    (106, 26, -118, 13),
                    (104, 34, -170, 13),
                    (102, 34, -225, 13),
                ),
                step_mm=1.5,
            ),
            0.45,
        ),
    ]
    rng = np.random.default_rng(8)
    for n in range(5):
        z = -168 - 13.0 * n
        xs = np.linspace(-58, 68, 6) if n % 2 == 0 else np.linspace(68, -58, 6)
        loops.append(
            (
                Tube(
                    tuple(
                        (
                            x,
                            -28 + 20 * np.sin(1.7 * m + n) + rng.normal(0, 3),
                            z + rng.normal(0, 6),
                            11.5 + rng.normal(0, 1),
                        )
                        for m, x in enumerate(xs)
                    ),
                    step_mm=1.5,
                ),
                0.12,
            )
        )
    loops.append(
        (
            Tube(
                (
                    (-24, -34, -106, 10),
                    (-46, -16, -112, 11),
                    (-48, -6, -140, 11),
                    (-40, -8, -165, 11),
                    (0, -6, -170, 11),
                    (34, -12, -160, 11),
                ),
                step_mm=1.5,
            ),
            0.1,
        )
    )
    return loops


@cache
def pancreas() -> Shape:
    return tube((-34, -18, -122, 15), (-10, -22, -112, 11), (20, -16, -104, 10), (48, 6, -92, 9), (74, 26, -80, 8))


@cache
def oesophagus() -> Shape:
    return tube(
        (2, 24, 195, 6),
        (4, 32, 130, 6),
        (5, 34, 95, 6.5),
        (6, 33, 40, 7),
        (10, 22, -10, 7),
        (24, 8, -40, 8),
        (46, 6, -48, 9),
    )
