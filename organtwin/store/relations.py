"""Which objects of a project belong together: by their grid, a segmentation and its scan, an organ and its vessel trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import TypeAdapter

from organtwin.model.fields import GridField
from organtwin.space import Grid
from organtwin.store.objects import Entry

_GRID: TypeAdapter[Grid] = TypeAdapter(GridField)


def on_grid(grid: Grid, entries: Sequence[Entry]) -> list[Entry]:
    """Those of volumes or segmentations whose voxels are the grid's."""
    return [e for e in entries if grid.same_as(_GRID.validate_python(e.facts["grid"]))]


def scan_behind(segmentation: Entry, entries: Sequence[Entry]) -> Entry | None:
    """The newest volume on the same grid, before all others one that the segmentation was made from."""
    volumes = on_grid(_GRID.validate_python(segmentation.facts["grid"]), [e for e in entries if e.kind == "volume"])
    made_from = set(segmentation.recipe.inputs.values()) if segmentation.recipe else set()
    return max(reversed(volumes), key=lambda e: e.uuid in made_from, default=None)


def organ_trees(segmentation: str, entries: Sequence[Entry], root: Callable[[str], str]) -> dict[str, Entry]:
    """The newest tree of each structure of a segmentation (its uuid), by structure.

    A stroke makes a new version of a segmentation and leaves its trees as they were: what counts is the first of all
    versions, which ``root`` tells (:meth:`organtwin.store.Project.root`). A vessel that was measured is none: it is of a whole structure, as the aorta, and no organ is divided by it.
    """
    return {
        e.facts["structure"]: e
        for e in entries
        if e.kind == "centerline"
        and e.facts.get("segmentation")
        and root(e.facts["segmentation"]) == root(segmentation)
        and not (e.recipe and e.recipe.operation == "vessel")
    }


def naming_trees(entries: Sequence[Entry]) -> list[Entry]:
    """The newest tree of each name whose branches can name what a knife meets: trees in an organ, not the lines of a vessel's
    own mesh and not a vessel that was measured."""
    return list(
        {
            e.name: e
            for e in entries
            if e.kind == "centerline" and not e.facts.get("mesh") and not (e.recipe and e.recipe.operation == "vessel")
        }.values()
    )
