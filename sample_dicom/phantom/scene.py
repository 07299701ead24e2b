"""The patient painted: Hounsfield units and labels on a lattice, later shapes over earlier ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from phantom import anatomy as a
from phantom.shapes import Field, Lattice, Shape, ellipsoid, half_space, tube, union

EDGE_MM = 1.9  # over this width a surface passes from one tissue to the other: voxel size and beam width together

STUB_MM = 10.0  # this much of each abdominal branch counts as aorta, and of each root as the vein it joins

# the labels of the truth, in this order; later ones win where shapes overlap
KEYS = (
    "body", "bone", "lung_right", "lung_left", "myocardium", "left_ventricle", "right_ventricle", "left_atrium", "right_atrium", "aorta",
    "brachiocephalic_trunk", "carotid_left", "subclavian_left", "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava", "liver", "portal_vein",
    "hepatic_vein", "tumour", "spleen", "kidney_right", "kidney_left",
)  # fmt: skip

# whole organs that are stored in parts
COMPOSITES = {
    "heart": ("left_ventricle", "right_ventricle", "left_atrium", "right_atrium", "myocardium"),
    "liver": ("liver", "portal_vein", "hepatic_vein", "tumour"),
    "body": KEYS,
    "lungs": ("lung_right", "lung_left"),
    "kidneys": ("kidney_right", "kidney_left"),
}

HU = {
    "skin": 25, "fat": -102, "muscle": 56, "air": -1000, "bone": 640, "marrow": 215, "disc": 85, "cartilage": 125, "canal": 22, "lung": -858, "airway": -995,
    "airway_wall": 20, "lung_vessel": 190, "vessel_wall": 45, "diaphragm": 58, "myocardium": 112, "left_ventricle": 312, "left_atrium": 305,
    "right_ventricle": 242, "right_atrium": 228, "aorta": 322, "pulmonary_artery": 246, "superior_vena_cava": 262, "inferior_vena_cava": 142,
    "liver": 106, "portal_vein": 172, "hepatic_vein": 152, "tumour": 58, "spleen": 126, "cortex": 186, "medulla": 132, "sinus": -60, "gallbladder": 9,
    "stomach_wall": 68, "stomach": 22, "bowel_wall": 72, "bowel": 34, "pancreas": 94, "oesophagus": 40,
}  # fmt: skip


class Canvas:
    """What is painted so far."""

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice
        self.hu = np.full(lattice.shape, HU["air"], np.float32)
        self.labels = np.zeros(lattice.shape, np.uint8)

    def paint(
        self,
        shape: Shape,
        hu: float | Callable[[Lattice], Field],
        key: str | None = None,
        *,
        keep: tuple[str, ...] = (),
        erase: bool = False,
    ) -> None:
        """Fill a shape; its voxels take the label of ``key``, lose theirs (``erase``), or keep it. ``keep`` shields labels."""
        box = self.lattice.box(shape.bounds + np.array([-1, 1]) * EDGE_MM)
        part = self.lattice.part(box)
        if not min(part.shape):
            return
        distance = shape.distance(part)
        cover = np.clip(np.float32(0.5) - distance / np.float32(EDGE_MM), 0, 1)
        cover = cover * cover * (3 - 2 * cover)
        for shielded in keep:
            cover = np.where(self.labels[box] == KEYS.index(shielded) + 1, 0, cover)
        value = hu(part) if callable(hu) else np.float32(hu)
        self.hu[box] += cover * (value - self.hu[box])
        if key is not None or erase:
            inside = distance < 0
            for shielded in keep:
                inside &= self.labels[box] != KEYS.index(shielded) + 1
            self.labels[box][inside] = KEYS.index(key) + 1 if key else 1


def mottle(mean: float, amplitude: float, grain_mm: float, seed: int) -> Callable[[Lattice], Field]:
    """A tissue that is not quite even: a sum of plane waves of about that wavelength."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(7, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    waves = directions * (2 * np.pi / (grain_mm * rng.uniform(0.6, 1.6, 7)))[:, None]
    phases = rng.uniform(0, 2 * np.pi, 7)

    def value(p: Lattice) -> Field:
        total = np.zeros(p.shape, np.float32)
        for w, phase in zip(waves, phases, strict=True):  # cos(x + y + z) from one-dimensional tables
            ex, ey, ez = (np.exp(1j * w[n] * c).astype(np.complex64) for n, c in enumerate((p.x, p.y, p.z)))
            plane = (ey[:, None] * ex[None, :])[None]
            total += np.real(plane * (ez * np.exp(1j * phase)).astype(np.complex64)[:, None, None])
        return np.float32(mean) + np.float32(amplitude / 1.9) * total

    return value


def paint(lattice: Lattice) -> Canvas:
    """The whole patient, from the outside in."""
    c = Canvas(lattice)
    _wall(c)
    _abdomen_background(c)
    _lungs(c)
    _skeleton(c)
    _heart_and_vessels(c)
    _abdomen(c)
    return c


def _wall(c: Canvas) -> None:
    c.paint(a.skin, HU["skin"], "body")
    c.paint(a.skin.grow(-2.2), mottle(HU["fat"], 6, 30, 1), "body")
    layer = uneven(a.cavity.grow(14.0), 2.5, 55, 21).trim(uneven(a.skin.grow(-8.5), 2.0, 45, 22), 6)
    c.paint(layer, mottle(HU["muscle"], 5, 25, 2))
    for side in (-1, 1):
        c.paint(ellipsoid((side * 33, 84, -60), (27, 17, 190)).trim(a.skin.grow(-6), 4), mottle(HU["muscle"], 6, 14, 3))
        c.paint(ellipsoid((side * 72, -88, 88), (52, 13, 42)).trim(a.skin.grow(-6), 5), HU["muscle"])  # pectoral
        c.paint(
            ellipsoid((side * 146, 26, 60), (15, 52, 95)).trim(a.skin.grow(-5), 5), HU["muscle"]
        )  # latissimus, serratus
        c.paint(
            ellipsoid((side * 96, 84, 104), (50, 15, 62)).trim(a.skin.grow(-6), 5), HU["muscle"]
        )  # about the scapula
        c.paint(
            ellipsoid((side * 82, 64, 172), (62, 20, 34)).trim(a.skin.grow(-6), 5), mottle(HU["muscle"], 6, 16, 19)
        )  # trapezius
        c.paint(
            ellipsoid((side * 118, 18, 168), (24, 30, 40)).trim(a.skin.grow(-6), 5), mottle(HU["muscle"], 6, 16, 20)
        )  # under the shoulder blade
        c.paint(
            ellipsoid((side * 84, -44, 160), (56, 15, 26)).trim(a.skin.grow(-6), 5), HU["muscle"]
        )  # pectoral, upper part
        c.paint(ellipsoid((side * 34, -92, -150), (32, 6, 110)).trim(a.skin.grow(-5), 3), HU["muscle"])  # rectus
    for depth, seed in ((5.5, 23), (10.0, 24)):  # fat between the layers
        c.paint(_shell(uneven(a.cavity.grow(depth), 2.2, 38, seed), 0.55), HU["fat"] + 55)


def uneven(shape: Shape, by_mm: float, grain_mm: float, seed: int) -> Shape:
    """The shape with an undulating surface."""
    wave = mottle(0.0, by_mm, grain_mm, seed)
    return Shape(shape.bounds, lambda p: shape.distance(p) + wave(p))


def _shell(shape: Shape, half_mm: float) -> Shape:
    return Shape(shape.bounds + np.array([-1, 1]) * half_mm, lambda p: np.abs(shape.distance(p)) - np.float32(half_mm))


def _abdomen_background(c: Canvas) -> None:
    c.paint(a.cavity, mottle(HU["fat"], 5, 20, 4))
    c.paint(a.cavity & _shell(a.above_diaphragm, 1.5), HU["diaphragm"])
    for side in (-1, 1):
        c.paint(
            tube(
                (side * 22, 44, -85, 7), (side * 34, 42, -125, 14), (side * 42, 38, -175, 19), (side * 46, 30, -230, 21)
            ),
            mottle(HU["muscle"], 5, 12, 5),
        )
        c.paint(tube((side * 10, 26, -95, 5), (side * 17, 24, -60, 5), (side * 26, 30, -40, 4)), HU["muscle"])  # crura
    # neck and thoracic inlet above the lungs
    c.paint(ellipsoid((0, 20, 196), (62, 52, 50)), mottle(HU["muscle"], 8, 12, 6))
    c.paint(ellipsoid((0, -6, 172), (40, 26, 40)), HU["fat"] + 20)


def _lungs(c: Canvas) -> None:
    def parenchyma(p: Lattice) -> Field:
        gradient = (p.xyz[1] + 40) * np.float32(0.45)  # blood settles towards the back
        return mottle(HU["lung"], 14, 12, 7)(p) + np.clip(gradient, -40, 55)

    for side, key, sign in (("right", "lung_right", -1), ("left", "lung_left", 1)):
        whole = a.lung(side)
        c.paint(whole, parenchyma, key)
        c.paint(a.lung_vessels(sign) & whole.grow(-2.0), HU["lung_vessel"])
    for points in (((-134, 30, -5), (-80, 6, 18), (-30, -70, -28)), ((128, -60, -20), (90, 20, 50), (60, 70, 110))):
        p0, p1, p2 = (np.array(q, float) for q in points)  # oblique fissures, seen as faint sheets
        sheet = _shell(half_space(p1, np.cross(p1 - p0, p2 - p0)), 0.35)
        for side in ("right", "left"):
            if (p0[0] < 0) == (side == "right"):
                c.paint(a.lung(side) & sheet, HU["lung"] + 130)


def _skeleton(c: Canvas) -> None:
    thick = mottle(HU["bone"], 40, 18, 8)

    def bone(shape: Shape, cortex_mm: float, marrow: float = HU["marrow"]) -> None:
        c.paint(shape, thick, "bone")
        c.paint(shape.grow(-cortex_mm), mottle(marrow, 22, 7, 9), "bone")

    for _, z, height in a.VERTEBRAE:
        c.paint(a.disc(z, height), HU["disc"], erase=True)
    for _, z, height in a.VERTEBRAE:
        solid, canal = a.vertebra(z, height)
        bone(solid, 1.7)
        c.paint(canal, HU["canal"], erase=True)
        yc, (_, deep) = a.spine_y(z), a.body_size(z)
        c.paint(
            tube((0, yc + deep + 8.5, z - height / 2, 4.6), (0, yc + deep + 8.5, z + height / 2, 4.6)), 42
        )  # the cord
    for side in (-1, 1):
        for number in range(1, 13):
            solid, cartilage = a.rib(number, side)
            if cartilage is not None:
                c.paint(cartilage, HU["cartilage"], erase=True)
            bone(solid, 1.4, 260)
        bone(
            tube((side * 136, 6, 178, 21), (side * 150, 2, 200, 18)), 2.0, 230
        )  # head of the humerus, the arms lie beside the head
        bone(a.clavicle(side), 2.0, 260)
        bone(a.scapula(side), 1.4, 280)
    bone(a.sternum(), 1.5, 190)


def _heart_and_vessels(c: Canvas) -> None:
    c.paint(a.oesophagus(), HU["oesophagus"])
    c.paint(a.oesophagus().grow(-4.4), -150)
    lumen, outside = a.airways()
    c.paint(outside, HU["airway_wall"], erase=True)
    c.paint(lumen, HU["airway"], erase=True)

    h = a.heart()
    c.paint(h.sac, HU["fat"], erase=True)
    above = a.above_diaphragm.grow(0.5)
    c.paint(h.wall & above, mottle(HU["myocardium"], 5, 14, 10), "myocardium")

    def vessel(shapes: list[Shape], key: str, wall_mm: float = 1.3) -> None:
        whole = union(shapes, 3.0)
        c.paint(whole.grow(wall_mm), HU["vessel_wall"], erase=True)
        c.paint(whole, HU[key] if key in HU else HU["aorta"], key)

    vessel([a.INFERIOR_CAVA.shape()], "inferior_vena_cava")
    renal = union([t.shape() for t in a.RENAL_VEINS], 2.0)
    c.paint(renal, 165, erase=True, keep=("inferior_vena_cava",))
    c.paint(renal & a.INFERIOR_CAVA.shape().grow(STUB_MM), 165, "inferior_vena_cava")
    vessel([t.shape() for t in a.SUPERIOR_CAVA.values()], "superior_vena_cava")
    vessel([t.shape() for t in a.PULMONARY.values()], "pulmonary_artery", 1.2)
    c.paint(union([t.shape() for t in a.ARCH_BRANCHES.values()]).grow(1.0), HU["vessel_wall"], erase=True)
    for key, branch in a.ARCH_BRANCHES.items():
        c.paint(branch.shape(), HU["aorta"] - 4, key)
    c.paint(union([a.aorta_tube().shape()]).grow(1.5), HU["vessel_wall"], erase=True, keep=tuple(a.ARCH_BRANCHES))
    c.paint(a.aorta_tube().shape(), HU["aorta"], "aorta")
    branches = union([t.shape() for t in a.AORTIC_BRANCHES])
    c.paint(branches, HU["aorta"] - 8, erase=True, keep=("aorta",))
    c.paint(branches & a.aorta_tube().shape().grow(STUB_MM), HU["aorta"] - 8, "aorta")

    for key in ("right_atrium", "left_atrium", "right_ventricle", "left_ventricle"):
        chamber = getattr(h, key) & above.grow(-1.5)
        c.paint(chamber, mottle(HU[key], 6, 25, 11), key, keep=("pulmonary_artery",) if key == "left_atrium" else ())
    c.paint(h.papillary, HU["myocardium"], "left_ventricle")


def _abdomen(c: Canvas) -> None:
    vessels = ("aorta", "inferior_vena_cava")
    c.paint(a.pancreas(), mottle(HU["pancreas"], 14, 9, 12), keep=vessels)
    for loop, gas in a.bowel():
        shape = loop.shape()
        c.paint(shape, HU["bowel_wall"], keep=vessels)
        c.paint(shape.grow(-2.2), mottle(HU["bowel"], 18, 9, 13), keep=vessels)
        if gas > 0.2:
            c.paint(shape.grow(-2.6) & half_space((0, -48, 0), (0, 1, 0)), HU["air"] + 20)
    stomach = a.stomach()
    c.paint(stomach, HU["stomach_wall"])
    c.paint(stomach.grow(-3.2), mottle(HU["stomach"], 6, 15, 14))
    c.paint(stomach.grow(-3.4) & half_space((0, -40, 0), (0, 1, 0)), HU["air"] + 10)
    c.paint(a.gallbladder(), HU["gallbladder"])

    c.paint(
        a.liver(),
        mottle(HU["liver"], 4, 12, 15),
        "liver",
        keep=("inferior_vena_cava", "myocardium", "right_atrium", "right_ventricle", "left_ventricle"),
    )
    c.paint(a.spleen(), mottle(HU["spleen"], 4, 10, 16), "spleen")
    for side in ("right", "left"):
        key = f"kidney_{side}"
        c.paint(a.kidney_sinus(side) & a.kidney_outer(side), HU["sinus"])
        c.paint(a.kidney(side), HU["cortex"], key)
        c.paint(a.pyramids(side) & a.kidney(side), HU["medulla"], key)
    tree, roots = a.portal_tree().shape(a.liver()), union([t.shape() for t in a.PORTAL_ROOTS], 2.0)
    c.paint(roots, HU["portal_vein"], erase=True, keep=("aorta", "inferior_vena_cava", "spleen", "liver"))
    c.paint(tree | (roots & tree.grow(STUB_MM)), HU["portal_vein"], "portal_vein", keep=("aorta", "inferior_vena_cava"))
    c.paint(a.hepatic_tree().shape(a.liver()), HU["hepatic_vein"], "hepatic_vein", keep=("inferior_vena_cava",))
    for n, (centre, diameter) in enumerate(a.TUMOURS):
        radius = diameter / 2
        c.paint(ellipsoid(centre, (radius + 2.5,) * 3), HU["liver"] - 14)  # a faint rim
        c.paint(ellipsoid(centre, (radius,) * 3), mottle(HU["tumour"], 8, 8, 17 + n), "tumour")


def lattice_of(
    columns: int, rows: int, slices: range, pixel_mm: float, step_mm: float, bottom_mm: float, centre_y_mm: float
) -> Lattice:
    """Voxel centres of an axial scan whose slice k lies at ``bottom_mm + k * step_mm``."""
    x = (np.arange(columns) - (columns - 1) / 2) * pixel_mm
    y = (np.arange(rows) - (rows - 1) / 2) * pixel_mm + centre_y_mm
    z = bottom_mm + np.array(slices) * step_mm
    return Lattice(x.astype(np.float32), y.astype(np.float32), z.astype(np.float32))


def label(key: str) -> int:
    return KEYS.index(key) + 1


def mask(labels: NDArray[np.uint8], key: str) -> NDArray[np.bool_]:
    """Voxels of a structure, or of a whole organ that is stored in parts."""
    return np.isin(labels, [label(part) for part in COMPOSITES.get(key, (key,))])
