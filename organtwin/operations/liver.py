"""The operation "liver": tumours, portal and hepatic veins added to a segmentation that has a liver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from organtwin.model import Segmentation, TwinObject, Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from organtwin.liver.anatomy import Anatomy
    from organtwin.liver.region import Region

Point = tuple[float, float, float]

# what surrounds the liver, not what lies beside it
AROUND = ("body", "fat", "muscle", "skin", "blood_pool")


class LiverParameters(Parameters):
    """Points that a person picked (LPS mm) replace what would be found: where the portal trunk and the hepatic veins
    begin, and where the tumours are.
    """

    portal_seeds_mm: tuple[Point, ...] | None = None
    hepatic_seeds_mm: tuple[Point, ...] | None = None
    tumour_seeds_mm: tuple[Point, ...] | None = None


OPERATION = Operation(
    name="liver",
    title="Liver",
    inputs={"volume": "volume", "segmentation": "segmentation"},
    parameters=LiverParameters,
    function="organtwin.operations.liver:run",
    packages=("organtwin", "numpy", "scipy", "scikit-image"),
)


def run(inputs: dict[str, TwinObject], parameters: LiverParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """A new :class:`Segmentation` with the old labels and those of tumours and veins, and a :class:`Centerline` of each
    tree."""
    import numpy as np

    from organtwin.errors import BadInput
    from organtwin.liver.anatomy import Seeds, examine
    from organtwin.liver.lines import centerline_of
    from organtwin.liver.region import Region
    from organtwin.liver.whole import is_of_liver

    volume, segmentation = inputs["volume"], inputs["segmentation"]
    assert isinstance(volume, Volume)
    assert isinstance(segmentation, Segmentation)
    if not volume.grid.same_as(segmentation.grid):
        raise BadInput(
            f"'{segmentation.name}' does not lie on the grid of '{volume.name}'",
            remedy="Choose the scan that it was made from.",
        )
    if volume.modality.upper() not in ("CT", "OT", ""):
        raise BadInput(
            f"The liver is looked at in CT: the values of '{volume.name}' are not Hounsfield units but {volume.modality}"
        )
    key = {s.key: s.label for s in segmentation.segments}
    mine = [label for name, label in key.items() if name == "liver" or is_of_liver(name)]
    if "liver" not in key:
        raise BadInput(f"'{segmentation.name}' has no liver", remedy="Segment the liver first.")
    monitor.progress(0.01, "cutting out the liver")
    liver = np.isin(segmentation.labels, mine)
    region = Region.around(volume.values, volume.grid, segmentation.labels == key["liver"])
    named = {
        name: region.inside(segmentation.labels == label, volume.grid)
        for name, label in key.items()
        if label not in mine and name not in AROUND
    }
    named = {name: mask for name, mask in named.items() if mask.any()}
    seeds = Seeds(
        _seeds(region, parameters.portal_seeds_mm, "portal vein"),
        _seeds(region, parameters.hepatic_seeds_mm, "hepatic veins"),
        _seeds(region, parameters.tumour_seeds_mm, "tumour"),
    )
    found = examine(region, region.inside(liver, volume.grid), named, seeds, PartMonitor(monitor, 0.1, 0.95))
    monitor.progress(0.96, "painting labels")
    made = _painted(segmentation, region, found)
    lines = [
        centerline_of(vein.tree, name=name, segmentation=made.uuid, structure=structure, inlet=inlet)
        for vein, name, structure, inlet in (
            (found.portal, "Portal vein, tree", "portal_vein", "portal trunk"),
            (found.hepatic, "Hepatic veins, tree", "hepatic_vein", "inferior vena cava"),
        )
        if vein.tree is not None
    ]
    return (made, *lines)


def _seeds(region: Region, points_mm: Sequence[Point] | None, what: str) -> NDArray[np.int64] | None:
    from organtwin.errors import BadInput

    if points_mm is None:
        return None
    voxels = region.index(points_mm)
    if len(voxels) < len(points_mm):
        raise BadInput(
            f"{len(points_mm) - len(voxels)} of the points picked for the {what} lie outside the neighbourhood of the liver",
            remedy="Pick them in the liver or close to it.",
        )
    return voxels


def _painted(segmentation: Segmentation, region: Region, found: Anatomy) -> Segmentation:
    """The old labels without what lay in the liver before, and with what was found."""
    import numpy as np

    from organtwin.liver.whole import is_of_liver
    from organtwin.model import STRUCTURES, Segment

    grid = segmentation.grid
    labels = np.array(segmentation.labels)
    old = {s.key: s for s in segmentation.segments if s.key == "liver" or not is_of_liver(s.key)}
    liver = old["liver"].label
    gone = [s.label for s in segmentation.segments if s.key == "liver" or is_of_liver(s.key)]
    labels[np.isin(labels, gone)] = 0
    free = (labels == 0) | np.isin(labels, [s.label for k, s in old.items() if k in AROUND])
    labels[region.outside(found.liver, grid) & free] = liver
    standard = {key: number for number, key in enumerate(STRUCTURES, start=1)}
    used = {s.label for s in old.values()} | set(standard.values())
    notes = [*segmentation.notes, *found.notes]
    added: list[tuple[str, int, float | None, str]] = []

    def paint(key: str, mask: NDArray[np.bool_], confidence: float | None, doubt: str) -> None:
        label = standard.get(key) or max(used) + 1
        used.add(label)
        labels[region.outside(mask, grid) & (free | (labels == liver))] = label
        added.append((key, label, confidence, doubt))

    for number, tumour in enumerate(found.tumours, start=1):
        paint("tumour" if number == 1 else f"tumour_{number}", tumour.mask, tumour.confidence, tumour.doubt)
    if not found.tumours:
        notes.append("No tumour was found in the liver: nothing round in it is darker than it.")
    for key, name, vein in (
        ("portal_vein", "Portal vein", found.portal),
        ("hepatic_vein", "Hepatic veins", found.hepatic),
    ):
        if vein.mask is None:
            notes.append(f"{name}: not found: {vein.doubt}.")
        else:
            paint(key, vein.mask, vein.confidence, vein.doubt)
    counts = np.bincount(labels.ravel(), minlength=256) * grid.voxel_volume_mm3
    segments = [s.model_copy(update={"volume_mm3": float(counts[s.label])}) for s in old.values()]
    segments += [Segment.of(label, key, float(counts[label]), sure, doubt) for key, label, sure, doubt in added]
    segments = sorted((s for s in segments if s.volume_mm3 > 0), key=lambda s: s.label)
    return Segmentation(
        name=f"Liver of {segmentation.name.removeprefix('Liver of ')}",
        grid=grid,
        labels=labels,
        segments=tuple(segments),
        notes=tuple(notes),
    )
