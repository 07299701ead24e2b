"""Everything out: one function, the format by the extension. A file is written whole or not at all, without identity."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.io import grids, surfaces
from organtwin.io.dynamic import write_dynamic
from organtwin.io.vtk_xml import Cells, add_names, encode_lines, encode_tetrahedra
from organtwin.io.writing import whole_file, write_whole
from organtwin.model import (
    Centerline,
    DynamicSegmentation,
    DynamicVolume,
    FlowCase,
    OrganMesh,
    Result,
    Segmentation,
    Surface,
    TissueCase,
    TwinObject,
    Volume,
)

# what each kind of object can become
FORMATS: dict[str, tuple[str, ...]] = {
    "volume": (".nii.gz", ".nii", ".nrrd", ".mha"),
    "segmentation": (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha", ".dcm"),
    "dynamic": (".nii.gz", ".nii"),
    "dynamic-segmentation": (".csv", ".nii.gz", ".nii"),
    "surface": (".stl", ".obj", ".ply", ".vtp"),
    "mesh": (".vtu", ".vtp", ".stl", ".obj", ".ply"),
    "centerline": (".vtp", ".csv"),
    "result": (".vtu", ".pvd", ".csv", ".json"),
    "flow_case": (".json",),
    "tissue_case": (".json",),
}
OF_SURFACES = " For surfaces make them first (organtwin surface), and export those."
# forms of DICOM: which of them a .dcm file becomes is said by name, the first where it is not
DICOM_FORMS = ("dicom-seg", "dicom-seg-fractional", "dicom-labelmap", "rtstruct", "rtstruct-smooth", "sr")
# other forms by name, for those who do not want the ending to decide
NAMED_FORMS: dict[str, tuple[str, ...]] = {
    "nifti": (".nii.gz", ".nii"), "seg.nrrd": (".seg.nrrd",), "nrrd": (".nrrd",), "mha": (".mha",), "stl": (".stl",),
    "obj": (".obj",), "ply": (".ply",), "vtp": (".vtp",), "vtu": (".vtu",), "csv": (".csv",), "json": (".json",),
}  # fmt: skip
NOTICE = "For research and rehearsal. Not a medical device."


def extension(path: Path) -> str:
    """The extension that decides the format, in small letters: the longest known one that the name ends in."""
    name = path.name.lower()
    known = sorted({e for formats in FORMATS.values() for e in formats}, key=len, reverse=True)
    return next((e for e in known if name.endswith(e)), path.suffix.lower())


def export(
    objects: TwinObject | Sequence[TwinObject], path: str | Path, *, form: str | None = None,
    sources: Sequence[str | Path] = (), keep_identity: bool = False, probabilities: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Write objects to a file whose extension says the format.

    Parameters
    ----------
    objects : TwinObject or sequence of it
        One object; several surfaces or meshes for ``.obj`` and ``.vtp``; a Result together with its OrganMesh for
        ``.vtu`` and ``.pvd``; a Segmentation with its Volume and Centerlines for "sr".
    path : path
        The file. Its folder must exist. A file already there is replaced when the new one is complete.
    form : str, optional
        What a ``.dcm`` file becomes: one of :data:`DICOM_FORMS`, the first where none is given; or a check of the ending
        (:data:`NAMED_FORMS`).
    sources : sequence of path, optional
        Folders or files of the scan itself. The project keeps no patient and no images' numbers: DICOM files refer to the
        scan's images, so that an archive puts them beside it, only when its headers can be read again here.
    keep_identity : bool, optional
        Name the patient in DICOM files as ``sources`` do. Without, nobody is named.
    probabilities : mapping, optional
        For "dicom-seg-fractional": key to an array of 0 to 1.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    BadInput
        When the object has no such format, the folder may not be written, or the disk is full.
    """
    things = [objects] if isinstance(objects, TwinObject) else list(objects)
    path = Path(path).expanduser()
    if not things:
        raise BadInput("There is nothing to export")
    wanted, form = form, extension(path)
    main = _main(things, form)
    offered = FORMATS[main.kind]
    _check_form(wanted, form, main)
    wants_surface = isinstance(main, Segmentation) and form in FORMATS["surface"]
    if form not in offered:
        raise BadInput(
            f"A {main.kind.replace('_', ' ')} cannot be written as '{form or path.name}'",
            remedy=f"Use one of {', '.join(offered)}." + (OF_SURFACES if wants_surface else ""),
        )
    if path.is_dir():
        raise BadInput("This is a folder, not a file", where=str(path), remedy="Give a file name.")

    if isinstance(main, Volume | Segmentation) and form != ".dcm":
        grids.write_grid(main, path)
    elif isinstance(main, DynamicVolume | DynamicSegmentation):
        write_dynamic(main, path)
    elif isinstance(main, Segmentation):
        _write_dicom(things, main, wanted or DICOM_FORMS[0], path, sources, keep_identity, probabilities)
    elif isinstance(main, Result):
        mesh = next((t for t in things if isinstance(t, OrganMesh)), None)
        _write_result(main, mesh, form, path)
    elif isinstance(main, Centerline):
        write_whole(path, _line_csv(main) if form == ".csv" else _line_bytes(main))
    elif isinstance(main, FlowCase | TissueCase):
        write_whole(path, _json(main.model_dump(mode="json", exclude={"uuid", "recipe", "created", "replaces"})))
    elif form == ".vtu":
        assert isinstance(main, OrganMesh)
        write_whole(path, _mesh_bytes(main, {}))
    else:
        _write_surfaces([t for t in things if isinstance(t, Surface | OrganMesh)], form, path)
    return path


def _main(things: Sequence[TwinObject], form: str) -> TwinObject:
    """The object that is written; the others only help."""
    results = [t for t in things if isinstance(t, Result)]
    if len(results) == 1 and all(isinstance(t, Result | OrganMesh) for t in things):
        return results[0]
    drawn = [t for t in things if isinstance(t, Segmentation)]
    if len(drawn) == 1 and all(isinstance(t, Segmentation | Volume | Centerline) for t in things):
        return drawn[0]
    if len(things) > 1 and not (form in (".obj", ".vtp") and all(isinstance(t, Surface | OrganMesh) for t in things)):
        raise BadInput(
            f"A '{form}' file holds one object, not {len(things)}",
            remedy="Export them one at a time; surfaces can share an .obj or .vtp file.",
        )
    return things[0]


def _check_form(wanted: str | None, form: str, main: TwinObject) -> None:
    """Whether the form asked for by name and the ending agree."""
    if wanted is None:
        return
    if wanted not in DICOM_FORMS and wanted not in NAMED_FORMS:
        raise BadInput(
            f"There is no format '{wanted}'", remedy=f"Use one of {', '.join((*DICOM_FORMS, *NAMED_FORMS))}."
        )
    if wanted in DICOM_FORMS and not isinstance(main, Segmentation):
        raise BadInput(f"Only a segmentation can be written as '{wanted}', not a {main.kind.replace('_', ' ')}")
    endings = (".dcm",) if wanted in DICOM_FORMS else NAMED_FORMS[wanted]
    if form not in endings:
        raise BadInput(f"A file of the format '{wanted}' ends in {' or '.join(endings)}", remedy="Rename the file.")


def _write_dicom(
    things: Sequence[TwinObject], main: Segmentation, form: str, path: Path, sources: Sequence[str | Path],
    keep_identity: bool, probabilities: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    headers: Sequence[Any] = ()
    if sources:
        from organtwin.io.source_images import read_headers

        headers = read_headers(sources, main.grid, keep_identity)
    if form in ("rtstruct", "rtstruct-smooth"):
        from organtwin.io.rtstruct import write_rtstruct

        write_rtstruct(main, path, headers, lines="smooth" if form.endswith("smooth") else "edges")
    elif form == "sr":
        from organtwin.io.sr import write_sr

        volume = next((t for t in things if isinstance(t, Volume)), None)
        write_sr(main, path, headers, volume, [t for t in things if isinstance(t, Centerline)])
    else:
        from organtwin.io.dicom_seg import Kind, write_seg

        kinds: dict[str, Kind] = {
            "dicom-seg": "binary",
            "dicom-seg-fractional": "fractional",
            "dicom-labelmap": "labelmap",
        }
        with whole_file(path) as file:
            write_seg(main, Path(file.name), headers, kind=kinds[form], probabilities=probabilities)


def _write_surfaces(things: Sequence[Surface | OrganMesh], form: str, path: Path) -> None:
    if form == ".stl":
        surfaces.write_stl(things[0], path)
    elif form == ".ply":
        surfaces.write_ply(things[0], path)
    elif form == ".obj":
        surfaces.write_obj(things, path)
    else:
        surfaces.write_vtp(things, path)


# -- centrelines ------------------------------------------------------------------------------------------------------


def _line_columns(line: Centerline) -> dict[str, np.ndarray]:
    columns = {"distance_mm": line.distance_mm, "radius_mm": line.radius_mm, "area_mm2": line.area_mm2}
    measured = ("least_mm", "most_mm", "circularity", "curvature_per_mm", "clear")
    columns |= {name: getattr(line, name) for name in measured if getattr(line, name) is not None}
    return {name: np.asarray(values, float) for name, values in columns.items()}


def _line_bytes(line: Centerline) -> bytes:
    """A centreline as ``.vtp``: one polyline for each branch; the radius is named as in the vascular modelling toolkit too."""
    columns = _line_columns(line)
    names = {"SPACE": ["LPS"], "inlet": [line.inlet], "branches": [b.name for b in line.branches], "notice": [NOTICE]}
    return encode_lines(
        np.asarray(line.points_mm),
        [np.arange(b.first, b.last + 1) for b in line.branches],
        columns | {"MaximumInscribedSphereRadius": columns["radius_mm"]},
        add_names(names),
    )


def _line_csv(line: Centerline) -> bytes:
    """A row for each point, LPS mm; ``parent`` is the branch that the point's branch leaves."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = _line_columns(line)
    table.writerow(["branch", "parent", "x_mm", "y_mm", "z_mm", *columns])
    for branch in line.branches:
        parent = line.branches[branch.parent].name if branch.parent >= 0 else ""
        for at in range(branch.first, branch.last + 1):
            numbers = [*np.asarray(line.points_mm)[at], *(values[at] for values in columns.values())]
            table.writerow([branch.name, parent, *(repr(float(n)) for n in numbers)])
    return text.getvalue().encode()


# -- meshes and results -----------------------------------------------------------------------------------------------


def _mesh_bytes(mesh: OrganMesh, point_arrays: Cells) -> bytes:
    """A mesh as ``.vtu``: tetrahedra and, with the names of the boundaries, boundary triangles (``boundary`` is -1 inside)."""
    tets, triangles = np.asarray(mesh.tets), np.asarray(mesh.boundary_triangles)
    materials = (
        np.zeros(len(tets), dtype=np.int32)
        if mesh.materials_of_cells is None
        else np.asarray(mesh.materials_of_cells, dtype=np.int32)
    )
    cells: Cells = {
        "boundary": np.concatenate(
            [np.full(len(tets), -1, dtype=np.int32), np.asarray(mesh.boundary_tags, dtype=np.int32)]
        ),
        "material": np.concatenate([materials, np.full(len(triangles), -1, dtype=np.int32)]),
    }
    names = {
        "SPACE": ["LPS"], "structure": [mesh.structure], "boundaries": [f"{tag}={name}" for name, tag in mesh.boundaries.items()],
        "materials": [f"{tag}={name}" for name, tag in mesh.materials.items()], "notice": [NOTICE],
    }  # fmt: skip
    return encode_tetrahedra(np.asarray(mesh.points_mm), tets, triangles, point_arrays, cells, add_names(names))


def _write_result(result: Result, mesh: OrganMesh | None, form: str, path: Path) -> None:
    if form == ".csv":
        write_whole(path, _csv(result))
        return
    if form == ".json":
        write_whole(path, _json(summary(result)))
        return
    if mesh is None or mesh.uuid != result.mesh:
        raise BadInput(
            f"'{form}' needs the mesh of the result '{result.name}' too",
            remedy="Export the result together with the mesh it was solved on.",
        )
    times = np.asarray(result.times_s, dtype=float)
    if form == ".vtu":
        arrays: Cells = {}
        for name, field in result.fields.items():
            for t, values in enumerate(field):  # a field over the whole cycle has one frame only
                arrays[name if len(field) == 1 else f"{name} t={times[t]:.4f}s"] = values
        write_whole(path, _mesh_bytes(mesh, arrays))
        return
    parts = []
    for t in range(len(times)):
        part = path.with_name(f"{path.stem}_{t:04d}.vtu")
        now = {name: field[t if len(field) > 1 else 0] for name, field in result.fields.items()}
        write_whole(part, _mesh_bytes(mesh, now))
        parts.append(f'    <DataSet timestep="{times[t]:.9g}" part="0" file="{part.name}"/>')
    index = [
        '<?xml version="1.0"?>',
        '<VTKFile type="Collection" version="0.1" byte_order="LittleEndian">',
        "  <Collection>",
        *parts,
        "  </Collection>",
        "</VTKFile>",
        "",
    ]
    write_whole(path, "\n".join(index).encode())  # last: an index never names a file that is not there


def summary(result: Result) -> dict[str, Any]:
    """A result as plain data: quantities with units, what they rest on, and histories; null for what is no number."""
    return {
        "name": result.name,
        "physics": result.physics,
        "quantities": [
            {"name": q.name, "value": _number(q.value), "unit": q.unit, "level": q.level, "why": q.why}
            for q in result.quantities
        ],
        "credibility": dict(result.credibility),
        "tables": {
            name: {column: [_number(v) for v in values] for column, values in table.items()}
            for name, table in result.tables.items()
        },
        "times_s": [_number(t) for t in np.asarray(result.times_s).tolist()],
        "histories": {name: [_number(v) for v in values] for name, values in result.histories.items()},
        "notes": list(result.notes),
        "notice": NOTICE,
    }


def _csv(result: Result) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["quantity", "value", "unit"])
    for q in result.quantities:
        table.writerow([q.name, "" if _number(q.value) is None else repr(float(q.value)), q.unit])
    return text.getvalue().encode()


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
