"""Segment a volume with one of the engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from organtwin.checked import validated
from organtwin.model import STRUCTURES, Segmentation, TwinObject, Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters

if TYPE_CHECKING:
    from organtwin.segment.engine import Found

# Where masks overlap the later one wins: wholes before their parts, soft before sharp.
PAINT_ORDER = (
    "body", "fat", "muscle", "skin", "blood_pool", "bone", "lung_right", "lung_left", "heart", "myocardium",
    "liver", "spleen", "kidney_right", "kidney_left", "tumour",
    "inferior_vena_cava", "superior_vena_cava", "portal_vein", "hepatic_vein",
    "right_atrium", "left_atrium", "right_ventricle", "left_ventricle", "pulmonary_artery",
    "aorta", "aortic_root", "brachiocephalic_trunk", "carotid_left", "subclavian_left",
    "aorta_false_lumen", "aorta_true_lumen",
)  # fmt: skip


class SegmentParameters(Parameters):
    """``structures`` None means all that the engine can find; ``options`` are the engine's own parameters."""

    engine: str = "ct"
    structures: list[str] | None = None
    options: dict[str, Any] = Field(default_factory=dict)


OPERATION = Operation(
    name="segment",
    title="Segment",
    inputs={"volume": "volume"},
    parameters=SegmentParameters,
    function="organtwin.operations.segment:segment",
    packages=("organtwin", "numpy", "scipy", "scikit-image", "SimpleITK"),
)


def segment(inputs: dict[str, TwinObject], parameters: SegmentParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """One labelled :class:`Segmentation`; what was not found is named in its notes and has no voxels."""
    from organtwin.segment.engine import find

    volume = inputs["volume"]
    assert isinstance(volume, Volume)
    engine = find(parameters.engine)
    options = validated(engine.parameters, parameters.options, f"options of the engine '{engine.name}'")
    found = engine.run(volume, parameters.structures, options, PartMonitor(monitor, 0.0, 0.97))
    monitor.progress(0.98, "painting labels")
    return (painted(volume, found, f"{engine.title} of {volume.name}"),)


def painted(volume: Volume, found: Sequence[Found], name: str) -> Segmentation:
    """Paint masks into one label map, without overlaps, with a label number that is the same for a key in every scan.

    Parameters
    ----------
    volume : Volume
    found : sequence of Found
        Masks in the order of the volume's array.
    name : str

    Returns
    -------
    Segmentation
        ``labels`` uint8, or uint16 beyond 255, (nk, nj, ni). Volumes are of the voxels painted, in mm³.
    """
    import numpy as np

    from organtwin.errors import BadInput
    from organtwin.model import Segment, structure

    known = list(STRUCTURES)
    extra = [f.key for f in found if f.key not in STRUCTURES]
    numbers = {key: label for label, key in enumerate([*known, *dict.fromkeys(extra)], start=1)}
    rank = {key: place for place, key in enumerate(PAINT_ORDER)}

    labels = np.zeros(volume.grid.shape, np.uint8 if max(numbers.values()) < 256 else np.uint16)
    present = [f for f in found if f.seen]
    for one in sorted(present, key=lambda f: rank.get(f.key, len(rank))):
        mask = one.mask
        if mask is None or mask.shape != labels.shape:
            raise BadInput(f"The mask of '{one.key}' does not lie on the grid of '{volume.name}'")
        labels[mask] = numbers[one.key]

    counts = np.sum([np.bincount(part.ravel(), minlength=len(numbers) + 1) for part in labels], axis=0)
    segments: list[Segment] = []
    notes: list[str] = []
    for one in found:
        label = numbers[one.key]
        if counts[label]:
            volume_mm3 = float(counts[label]) * volume.grid.voxel_volume_mm3
            segments.append(Segment.of(label, one.key, volume_mm3, one.confidence, one.doubt))
        elif one.seen:
            parts = np.unique(labels[one.mask])
            names = " and ".join(structure(f.key).name.lower() for f in found if numbers[f.key] in parts)
            notes.append(
                f"{structure(one.key).name} is painted in its parts: {names}. Ask for it alone to have it whole."
            )
        else:
            reason = one.doubt.rstrip(".") or "nothing that fits was seen"
            notes.append(f"{structure(one.key).name} was not found: {reason}.")
    segments.sort(key=lambda s: s.label)
    return Segmentation(name=name, grid=volume.grid, labels=labels, segments=tuple(segments), notes=tuple(notes))
