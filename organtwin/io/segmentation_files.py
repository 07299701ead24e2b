"""Segmentations of any program in: the reader by what the file holds, and onto the grid of a scan without surprises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from organtwin.errors import BadInput
from organtwin.io.parts import Drawn, composed, in_layers, placed, same_lattice
from organtwin.io.sources import Progress, Silent
from organtwin.model import Segmentation
from organtwin.space import Grid

LABEL_MAPS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr")


def bring_in(
    files: Sequence[str | Path], grid: Grid | None = None, monitor: Progress | None = None, *, trust_frame: bool = False,
    resample: bool = False, layers: bool = False, threshold: float = 0.5, space: Literal["LPS", "RAS"] | None = None,
    voxel_mm: float | None = None,
) -> list[Segmentation]:  # fmt: skip
    """Read segmentations onto a scan's grid, or onto their own.

    Parameters
    ----------
    files : sequence of path
        Of one structure each they become one segmentation.
    grid : Grid, optional
        The scan's.
    trust_frame : bool
        Do not refuse a file that names another frame of reference.
    resample : bool
        Take the nearest voxel where the grids differ by more than order and size.
    layers : bool
        Several segmentations where structures overlap; without, the smaller structure is kept.
    threshold, space, voxel_mm
        See :func:`~organtwin.io.dicom_seg.draw_seg` and :func:`~organtwin.io.surface_files.draw_surface`.

    Raises
    ------
    BadInput
        When a file is no segmentation, belongs to another scan, or lies on another grid.
    """
    monitor = monitor or Silent()
    if not files:
        raise BadInput(
            "Nothing was given to import", remedy="Name a DICOM SEG, a structure set, a label map or a surface."
        )
    drawn: list[Drawn] = []
    for n, file in enumerate(files):
        path = Path(file).expanduser()
        monitor.progress(0.8 * n / len(files), f"reading file {n + 1} of {len(files)}")
        drawn.append(_draw(path, grid, trust_frame, threshold, space, voxel_mm))
        _check_frame(drawn[-1], grid, path, trust_frame)
    made = []
    for one in _together(drawn):
        for layer in in_layers(one) if layers else [one]:
            monitor.progress(0.9, "voxels in place")
            made.append(_onto(composed(layer), grid, resample))
    return made


def _draw(
    path: Path, grid: Grid | None, trust: bool, threshold: float, space: Literal["LPS", "RAS"] | None, voxel_mm: float | None
) -> Drawn:  # fmt: skip
    if path.is_dir():
        raise BadInput("This is a folder", where=str(path), remedy="Name the files of the segmentation.")
    if not path.is_file():
        raise BadInput("There is no file at this place", where=str(path), remedy="Check the path.")
    name = path.name.lower()
    from organtwin.io.surface_files import SURFACES, draw_surface

    if name.endswith(SURFACES):
        return draw_surface(path, grid, space, voxel_mm or 1.0)
    if name.endswith(LABEL_MAPS):
        from organtwin.io.label_maps import draw_labels

        return _named_by_file(draw_labels(path), path)
    kind = _sop_class(path)
    if kind == RTStructureSetStorage:
        from organtwin.io.rtstruct import draw_rtstruct

        return draw_rtstruct(path, grid, voxel_mm)
    from organtwin.io.dicom_seg import LABEL_MAP, draw_seg

    if kind in (SegmentationStorage, LABEL_MAP):
        return draw_seg(path, threshold)
    raise BadInput(
        "This is not a segmentation" + (f" but {kind.name}" if kind else " that can be read"),
        where=path.name,
        remedy="DICOM SEG and RTSTRUCT, .seg.nrrd, NIfTI, NRRD, MHA, STL, OBJ, PLY and VTP can be.",
    )


def _sop_class(path: Path) -> pydicom.uid.UID | None:
    try:
        found = pydicom.dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True).get("SOPClassUID")
    except (InvalidDicomError, EOFError, OSError):
        return None
    return pydicom.uid.UID(found) if found else None


def _named_by_file(drawn: Drawn, path: Path) -> Drawn:
    """A mask of one structure without a name is called as its file is."""
    from organtwin.io.codes import key_of_name
    from organtwin.model import STRUCTURES, structure

    if len(drawn.parts) == 1 and drawn.parts[0].segment.key == f"label_{drawn.parts[0].segment.label}":
        key = key_of_name(drawn.name)
        known = structure(key) if key else structure("structure")
        named = drawn.parts[0].segment.model_copy(
            update={
                "key": known.key, "name": known.name if key in STRUCTURES else drawn.name, "colour": known.colour,
                "code": known.code,
            }
        )  # fmt: skip
        drawn.parts[0] = replace(drawn.parts[0], segment=named)
    return drawn


def _check_frame(drawn: Drawn, grid: Grid | None, path: Path, trust: bool) -> None:
    own = drawn.grid.frame_uid
    if grid is None:
        return
    if own and grid.frame_uid and own != grid.frame_uid:
        if not trust:
            raise BadInput(
                "The segmentation belongs to another scan: the frames of reference differ",
                where=path.name,
                remedy="Choose its scan; or, if you know that their coordinates are the same, say so (--trust-frame).",
            )
        drawn.notes.append("The file names another frame of reference than the scan; its coordinates were trusted.")
    drawn.grid = Grid(drawn.grid.size, drawn.grid.affine, grid.frame_uid)


def _together(drawn: Sequence[Drawn]) -> list[Drawn]:
    """Files of one structure each on one grid as one."""
    single = [d for d in drawn if len(d.parts) == 1]
    if len(single) < 2 or not all(d.grid.same_as(single[0].grid) for d in single):
        return list(drawn)
    whole = Drawn("Segmentation of several files", single[0].grid)
    for one in single:
        part = one.parts[0]
        whole.add(part.segment.model_copy(update={"label": len(whole.parts) + 1}), part.mask, part.box)
        whole.notes += [f"{part.segment.name}: {note}" for note in one.notes]
    return [whole, *(d for d in drawn if len(d.parts) != 1)]


def _onto(segmentation: Segmentation, grid: Grid | None, resample: bool) -> Segmentation:
    if grid is None or segmentation.grid.same_as(grid):
        return segmentation if grid is None else segmentation.with_(grid=grid)
    if same_lattice(segmentation.grid, grid):
        return placed(segmentation, grid)
    own = "{} × {} × {} voxels of {:.4g} × {:.4g} × {:.4g} mm".format(
        *segmentation.grid.size, *segmentation.grid.spacing_mm
    )
    if not resample:
        if segmentation.grid.size == grid.size and np.allclose(
            segmentation.grid.spacing_mm, grid.spacing_mm, rtol=1e-3
        ):
            mine, its = (g.to_world(np.zeros(3)) for g in (segmentation.grid, grid))
            own = (
                "its first voxel lies at {:.4g}, {:.4g}, {:.4g} mm, the scan's at {:.4g}, {:.4g}, {:.4g} mm, "
                "or it is turned".format(*mine, *its)
            )
        raise BadInput(
            f"The segmentation lies on another grid than the scan ({own})",
            remedy="Have it resampled to the nearest voxel (--resample), or import it on its own grid (--alone).",
        )
    moved = placed(segmentation, grid)
    return moved.with_(notes=(*moved.notes, f"Resampled to the nearest voxel of the scan, from {own}."))
