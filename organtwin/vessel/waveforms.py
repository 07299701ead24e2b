"""Flow over a heart beat: templates of arteries from the literature, and which of them fits a vessel.

A template is flow over its mean against the phase of the beat (0 where the flow begins to rise), through which a periodic
monotone cubic is laid: smooth, and it overshoots no value. Another heart rate stretches all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.organ_mesh import OrganMesh

Array = NDArray[np.float64]
_ARCH = ("brachiocephalic", "carotid", "subclavian", "arch_branch")
_VISCERAL = ("renal", "celiac", "sma", "visceral")
Shape = Callable[[Array], Array]  # phases in [0, 1) to flow


@dataclass(frozen=True)
class Template:
    """Flow over mean flow at ``phases``, which are even when left out; ``source`` says where it is from."""

    title: str
    source: str
    values: tuple[float, ...]
    phases: tuple[float, ...] = ()


def periodic(phases: Sequence[float] | Array, values: Sequence[float] | Array) -> Shape:
    """The periodic monotone cubic (PCHIP) through values at phases in [0, 1)."""
    from scipy.interpolate import PchipInterpolator

    at, through = np.asarray(phases, float), np.asarray(values, float)
    curve = PchipInterpolator(np.concatenate([at - 1.0, at, at + 1.0]), np.tile(through, 3))

    def shape(phase: Array) -> Array:
        return np.asarray(curve(np.mod(phase, 1.0)))

    return shape


@cache
def shape_of(name: str) -> Shape:
    """The template of that name as a function of phase, with mean one.

    Raises
    ------
    BadInput
        When there is none.
    """
    if name == "constant":
        return lambda phase: np.ones_like(np.asarray(phase, float))
    if name == "systolic":
        return _systolic
    if name not in TEMPLATES:
        raise BadInput(f"There is no waveform '{name}'", remedy=f"There are: {', '.join(names())}.")
    template = TEMPLATES[name]
    phases = template.phases or tuple(np.arange(len(template.values)) / len(template.values))
    raw = periodic(phases, template.values)
    mean = float(raw(np.arange(4096) / 4096.0).mean())
    return lambda phase: raw(phase) / mean


def names() -> list[str]:
    """Every name that an inlet's waveform may have."""
    return ["constant", "systolic", *TEMPLATES]


def suggest(structure: str, caps: Sequence[str] = (), *, from_below: bool | None = None) -> str:
    """The template that fits the inlet of a structure whose openings have these names.

    Parameters
    ----------
    from_below : bool, optional
        Whether blood enters the structure upwards, where that is known: an aorta that it enters so begins at the heart, one
        that it enters downwards begins beyond the arch; above the kidneys when it feeds them, below otherwise.
    """
    name = structure.lower()
    if "coronary" in name:
        return "left-coronary"
    if "carotid" in name or "vertebral" in name or "cerebral" in name:
        return "common-carotid"
    if "iliac" in name or "femoral" in name:
        return "iliac"
    if "pulmonary" in name:
        return "pulmonary-artery"
    if "aorta" in name or name == "blood_pool":
        if from_below or any(cap.startswith(_ARCH) for cap in caps) or "ascending" in name.replace("descending", ""):
            return "ascending-aorta"
        if any(cap.startswith(_VISCERAL) for cap in caps) or "descending" in name:
            return "descending-aorta"
        if any(cap.startswith("iliac") for cap in caps) or "abdominal" in name:
            return "abdominal-aorta"
        return "descending-aorta" if from_below is False else "ascending-aorta"
    return "constant"  # veins, and what is not known


def suggest_for(mesh: OrganMesh) -> str:
    """The template that fits the inlet of a vessel mesh."""
    inlet = next((cap for cap in mesh.caps if cap.role == "inlet"), None)
    from_below = None if inlet is None else inlet.normal[2] < 0.0  # the normal points out of the vessel
    return suggest(mesh.structure, [cap.name for cap in mesh.caps], from_below=from_below)


def _systolic(phase: Array) -> Array:
    """Half a sine over the first third of the beat, nothing after it."""
    phase = np.mod(phase, 1.0)
    return np.where(phase < 1.0 / 3.0, 1.5 * np.pi * np.sin(3.0 * np.pi * phase), 0.0)


# fmt: off
TEMPLATES: dict[str, Template] = {
    "ascending-aorta": Template(
        "Ascending aorta",
        "inflow of the ADAN56 benchmark, Boileau et al., Int. J. Numer. Meth. Biomed. Eng. 31, 2015, e02732",
        (
            0.0, 0.0, 0.932, 2.424, 3.589, 4.754, 5.034, 5.08, 5.034, 4.754, 4.335, 4.008, 2.797, 1.585, 1.212,
            0.0, -1.445, 0.0, 0.0, 0.0, 0.0,
        ),
        (
            0.0, 0.0219, 0.0413, 0.0607, 0.0801, 0.0994, 0.1188, 0.1285, 0.1382, 0.1576, 0.1769, 0.1963, 0.2447,
            0.3222, 0.3513, 0.3901, 0.4151, 0.4376, 0.4869, 0.516, 0.5838,
        ),
    ),
    "descending-aorta": Template(
        "Descending aorta",
        "upper thoracic aorta of Xiao et al., Int. J. Numer. Meth. Biomed. Eng. 30, 2014, as in Boileau et al., ibid. 31, 2015, e02732",
        (
            0.013, 0.883, 2.839, 4.098, 4.659, 4.913, 4.862, 4.557, 4.101, 3.51, 2.683, 1.948, 1.259, 0.15,
            -0.221, -0.014, -0.014, -0.01, -0.012, -0.007, -0.002, 0.003, -0.002, -0.004, 0.0, 0.008, 0.013,
            0.007, -0.002, -0.015, -0.016, -0.007, 0.0, -0.001, -0.004, -0.019, -0.038, -0.047, -0.044, -0.027,
        ),
    ),
    "abdominal-aorta": Template(
        "Abdominal aorta below the kidneys, with backflow in diastole",
        "aortic bifurcation of Xiao et al., Int. J. Numer. Meth. Biomed. Eng. 30, 2014, as in Boileau et al., ibid. 31, 2015, e02732",
        (
            -0.121, -0.617, -0.928, -0.418, 0.785, 2.73, 5.601, 8.867, 10.771, 10.693, 9.624, 7.75, 5.292,
            2.894, 0.466, -1.72, -2.877, -2.914, -2.339, -1.611, -0.882, -0.338, -0.188, -0.203, -0.287, -0.61,
            -0.914, -1.037, -1.049, -0.894, -0.75, -0.639, -0.571, -0.728, -0.808, -0.71, -0.523, -0.304,
            -0.302, -0.193,
        ),
    ),
    "common-carotid": Template(
        "Common carotid artery",
        "common carotid of Xiao et al., Int. J. Numer. Meth. Biomed. Eng. 30, 2014, as in Boileau et al., ibid. 31, 2015, e02732",
        (
            0.689, 0.644, 0.584, 0.708, 1.082, 1.583, 1.94, 2.042, 2.024, 1.967, 1.866, 1.712, 1.517, 1.332,
            1.174, 1.034, 0.932, 0.908, 0.955, 0.993, 0.961, 0.883, 0.82, 0.788, 0.75, 0.7, 0.67, 0.677, 0.69,
            0.68, 0.665, 0.671, 0.687, 0.682, 0.663, 0.665, 0.679, 0.677, 0.649, 0.654,
        ),
    ),
    "left-coronary": Template(
        "Left coronary artery, mostly in diastole",
        "computed: left coronary model of Kim et al., Ann. Biomed. Eng. 38, 2010, 3195, under an aortic pressure of 123/83 mmHg",
        (
            -0.201, 0.028, 0.351, 0.592, 0.756, 0.87, 0.957, 1.03, 1.081, 1.114, 1.137, 1.154, 1.161, 1.16,
            1.149, 1.096, 1.081, 1.308, 1.738, 2.08, 2.135, 1.92, 1.624, 1.396, 1.238, 1.125, 1.046, 0.988,
            0.946, 0.914, 0.89, 0.871, 0.855, 0.842, 0.831, 0.82, 0.812, 0.735, 0.411, -0.043,
        ),
    ),
    "pulmonary-artery": Template(
        "Main pulmonary artery",
        "measured in a pig at 101 beats/min; 24 samples, as in the Womersley tools of PERIGEE",
        (
            0.399, 0.671, 0.881, 1.156, 1.671, 1.965, 2.12, 2.345, 2.375, 2.207, 1.937, 1.576, 1.088, 0.901,
            0.753, 0.389, 0.261, 0.337, 0.286, 0.233, 0.238, 0.161, 0.063, -0.013,
        ),
    ),
    "iliac": Template(
        "Iliac or femoral artery, with backflow in early diastole",
        "Ojha, Circ. Res. 74, 1994, 1227; Fourier coefficients by D. A. Steinman, public domain",
        (
            0.118, 0.349, 1.252, 2.666, 4.024, 4.828, 5.009, 4.804, 4.378, 3.685, 2.701, 1.634, 0.782, 0.214,
            -0.275, -0.851, -1.371, -1.527, -1.223, -0.711, -0.315, -0.103, 0.095, 0.395, 0.689, 0.808, 0.756,
            0.698, 0.739, 0.811, 0.799, 0.707, 0.626, 0.582, 0.513, 0.401, 0.329, 0.354, 0.373, 0.255,
        ),
    ),
}
# fmt: on
