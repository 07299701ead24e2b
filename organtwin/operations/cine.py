"""The operation "cine": both ventricles through the cycle, their volumes and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from organtwin.model import DynamicSegmentation, DynamicVolume, Segment, TwinObject
from organtwin.model.result import Quantity
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from organtwin.segment.cine.heart import Heart

MUSCLE_G_PER_ML = 1.05
LABELS = {"left_ventricle": 1, "myocardium": 2, "right_ventricle": 3}


class CineParameters(Parameters):
    """It needs no parameters."""


OPERATION = Operation(
    name="cine",
    title="Heart through the cycle",
    inputs={"dynamic": "dynamic"},
    parameters=CineParameters,
    function="organtwin.operations.cine:run",
    packages=("organtwin", "numpy", "scipy", "numba"),
)


def run(inputs: Mapping[str, TwinObject], parameters: CineParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """A :class:`DynamicSegmentation` of left ventricle, myocardium and right ventricle at every phase.

    Raises
    ------
    BadInput
        When it is no short-axis cine, or no left ventricle is seen in it.
    """
    import numpy as np

    from organtwin.errors import BadInput
    from organtwin.segment.cine.cycle import hearts
    from organtwin.segment.cine.stack import Stack
    from organtwin.segment.volumes import volumes_mm3

    moving = inputs["dynamic"]
    assert isinstance(moving, DynamicVolume)
    if moving.modality not in ("MR", "OT"):
        raise BadInput(
            f"This reads cine MR, and '{moving.name}' is {moving.modality}",
            remedy="Segment one phase with another engine and propagate it.",
        )
    if len(moving.times_s) < 2:
        raise BadInput(f"'{moving.name}' has one phase only", remedy="Use the engine 'cine-mr' on the single volume.")
    stack = Stack.of(moving.grid)
    cyclic = moving.period_s > 0 or len(moving.times_s) >= 8
    found = hearts(stack.slices(np.asarray(moving.values)), stack, cyclic, PartMonitor(monitor, 0.0, 0.95))
    labels = np.zeros(moving.values.shape, np.uint8)
    for phase, heart in enumerate(found):
        for key, mask in (
            ("right_ventricle", heart.right),
            ("myocardium", heart.muscle),
            ("left_ventricle", heart.left),
        ):
            labels[phase][stack.back(mask)] = LABELS[key]
    doubtful = min((heart.found(stack) for heart in found), key=lambda told: told[0].confidence or 0.0)
    sure = {f.key: f for f in doubtful}
    table = [Segment.of(label, key, 0.0, sure[key].confidence, sure[key].doubt) for key, label in LABELS.items()]
    volumes = volumes_mm3(labels, table, moving.grid)
    diastole, systole = int(volumes[:, 0].argmax()), int(volumes[:, 0].argmin())
    segments = tuple(
        s.model_copy(update={"volume_mm3": float(v)}) for s, v in zip(table, volumes[diastole], strict=True)
    )
    monitor.progress(1.0, "volumes counted")
    return (
        DynamicSegmentation(
            name=f"Heart in {moving.name}", dynamic=moving.uuid, grid=moving.grid, labels=labels, times_s=moving.times_s,
            segments=segments, volumes_mm3=volumes, reference=diastole,
            quantities=quantities(volumes, diastole, systole, found),
            notes=(f"End of diastole is phase {diastole + 1}, end of systole phase {systole + 1}, by the volume of the left ventricle.",),
        ),
    )  # fmt: skip


def _base(lost: int, edv: float, esv: float, systole: Heart) -> str:
    """What the slices at the base, which descends in systole, do to the ejection fraction."""
    if lost <= 0 or not edv or not systole.left.any():
        return "a slice more or less at the base changes it"
    share = systole.left.sum(axis=(1, 2))
    widest = esv * float(share.max()) / float(share.sum())
    slices = "slice that has" if lost == 1 else "slices that have"
    return (
        f"{lost} {slices} cavity at end of diastole {'has' if lost == 1 else 'have'} none at end of systole: "
        f"were one of them wrong, the ejection fraction would be {100 * (edv - esv - widest) / edv:.0f} %, so look at the base"
    )


def quantities(
    volumes_mm3: NDArray[np.float64], diastole: int, systole: int, found: Sequence[Heart]
) -> tuple[Quantity, ...]:
    """What follows from the curves (nt, [left, muscle, right]); levels say how far slices and edges allow to believe it."""
    left, muscle, right = (volumes_mm3[:, n] / 1000 for n in range(3))
    slices = int(found[diastole].slices.sum())
    clear = min(found[diastole].contrast, found[systole].contrast)
    closed = min(found[diastole].ring, found[systole].ring)
    rests = f"{slices} slices, muscle {100 * clear:.0f} % darker than blood, ring {100 * closed:.0f} % closed"
    phases = len(volumes_mm3)
    few = phases < 8
    level = "fair" if slices >= 5 and clear > 0.35 and closed > 0.9 else "poor"
    if few:
        rests += f", {phases} phases only: the true ends of systole and diastole may lie between"
    edv, esv = float(left[diastole]), float(left[systole])
    lost = int((found[diastole].slices & ~found[systole].slices).sum())
    basal = f"{_base(lost, edv, esv, found[systole])}; {rests}"
    made = [
        Quantity(name="LV end-diastolic volume", value=edv, unit="mL", level=level, why=basal),
        Quantity(name="LV end-systolic volume", value=esv, unit="mL", level=level, why=basal),
        Quantity(name="LV stroke volume", value=edv - esv, unit="mL", level=level, why=basal),
        Quantity(name="LV ejection fraction", value=100 * (edv - esv) / edv if edv else 0.0, unit="%", level=level, why=basal),
        Quantity(
            name="LV mass", value=MUSCLE_G_PER_ML * float(muscle[diastole]), unit="g", level=level,
            why=f"muscle at end of diastole times {MUSCLE_G_PER_ML} g/mL; next to lung its edge is faint",
        ),
    ]  # fmt: skip
    if right.max() > 0:
        most, least = float(right.max()), float(right.min())
        why = "its thin wall is hardly seen, and the valve plane not at all: check the contours"
        made += [
            Quantity(name="RV end-diastolic volume", value=most, unit="mL", level="poor", why=why),
            Quantity(name="RV end-systolic volume", value=least, unit="mL", level="poor", why=why),
            Quantity(name="RV ejection fraction", value=100 * (most - least) / most, unit="%", level="poor", why=why),
        ]
    made += [
        Quantity(name="phase of end-diastole", value=diastole + 1, unit="", level=level, why=f"of {phases}"),
        Quantity(name="phase of end-systole", value=systole + 1, unit="", level=level, why=f"of {phases}"),
    ]
    return tuple(made)
