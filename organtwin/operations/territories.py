"""The operation "territories": the liver shared out among the branches of its portal vein."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from organtwin.model import Centerline, Segment, Segmentation, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from organtwin.liver.trees import Tree

# apart from each other where they lie side by side
COLOURS = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    (148, 103, 189), (140, 200, 120), (255, 152, 150), (120, 144, 200), (196, 156, 148), (100, 200, 200),
    (219, 219, 141), (170, 110, 60), (199, 199, 199),
)  # fmt: skip
LIVER_CODE = "10200004"


class TerritoriesParameters(Parameters):
    """``level``: how many times the portal vein has divided: 1 right and left, 2 sectors, 3 about Couinaud's segments,
    more: numbered parts.

    ``portal_seeds_mm``: where the portal trunk begins (LPS mm), where no tree is given and it would not be found.
    """

    level: Annotated[int, Field(ge=1, le=6)] = 3
    portal_seeds_mm: tuple[tuple[float, float, float], ...] | None = None


OPERATION = Operation(
    name="territories",
    title="Territories",
    inputs={"segmentation": "segmentation"},
    optional={"tree": "centerline"},
    parameters=TerritoriesParameters,
    function="organtwin.operations.territories:run",
    packages=("organtwin", "numpy", "scipy", "scikit-image"),
)


def run(inputs: dict[str, TwinObject], parameters: TerritoriesParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """A :class:`Segmentation` with one segment per territory, which together are the liver with its tumours and vessels."""
    import numpy as np

    from organtwin.liver.lines import tree_from
    from organtwin.liver.territories import shares, territories
    from organtwin.liver.whole import whole_liver

    segmentation, line = inputs["segmentation"], inputs.get("tree")
    assert isinstance(segmentation, Segmentation)
    monitor.progress(0.02, "the whole liver")
    liver = whole_liver(segmentation)
    monitor.progress(0.1, "the portal tree")
    tree = tree_from(line) if isinstance(line, Centerline) else _grown(segmentation, liver, parameters.portal_seeds_mm)
    monitor.progress(0.4, "sharing out the liver")
    found = territories(tree, liver, segmentation.grid, parameters.level)
    monitor.progress(0.9, "painting labels")
    found = [t for t in found if t.mask.any()]
    labels = np.zeros(liver.shape, np.uint8)
    segments, notes = [], []
    percent = shares([t.mask for t in found])
    for number, (one, share) in enumerate(zip(found, percent, strict=True), start=1):
        labels[one.mask] = number
        volume = float(np.count_nonzero(one.mask)) * segmentation.grid.voxel_volume_mm3
        name = one.name[:1].upper() + one.name[1:] + (f" (about segment {one.segment})" if one.segment else "")
        segments.append(
            Segment(
                label=number,
                key="territory_" + one.name.replace(" ", "_"),
                name=name,
                colour=COLOURS[(number - 1) % len(COLOURS)],
                code=LIVER_CODE,
                volume_mm3=volume,
                doubt=one.doubt,
            )
        )
        notes.append(f"{name}: {volume / 1000:.0f} mL, {share:.1f} % of the liver.")
    whole = float(np.count_nonzero(liver)) * segmentation.grid.voxel_volume_mm3 / 1000
    notes.append(
        f"Together {whole:.0f} mL, the liver with its tumours and vessels. Each place belongs to the nearest branch of the portal "
        "vein, named by direction: an estimate; segment 1 is not told apart."
    )
    return (
        Segmentation(
            name=f"Territories of {segmentation.name}, level {parameters.level}",
            grid=segmentation.grid,
            labels=labels,
            segments=tuple(segments),
            notes=tuple(notes),
        ),
    )


def _grown(
    segmentation: Segmentation, liver: NDArray[np.bool_], seeds_mm: Sequence[tuple[float, float, float]] | None
) -> Tree:
    """The portal tree of a segmentation, from its voxels."""
    from organtwin.errors import BadInput
    from organtwin.liver.anatomy import portal_tree
    from organtwin.liver.region import Region

    keys = {s.key for s in segmentation.segments}
    if "portal_vein" not in keys:
        raise BadInput(
            f"'{segmentation.name}' has no portal vein",
            remedy="Find the vessels of the liver first ('organtwin liver').",
        )
    region = Region.around(segmentation.labels, segmentation.grid, liver)
    portal = region.inside(segmentation.mask("portal_vein"), segmentation.grid, least=0.35)
    cava = segmentation.mask("inferior_vena_cava") if "inferior_vena_cava" in keys else None
    return portal_tree(
        region,
        portal,
        region.inside(liver, segmentation.grid),
        None if cava is None else region.inside(cava, segmentation.grid),
        None if seeds_mm is None else region.index(seeds_mm),
    )
