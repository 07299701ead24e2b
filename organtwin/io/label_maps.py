"""Label maps in: NIfTI, NRRD, MHA and 3D Slicer's ``.seg.nrrd``, with the names that lie in the file or beside it."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.io import codes, images, nifti
from organtwin.io.parts import Drawn, composed, from_labels
from organtwin.model import STRUCTURES, Segment, Segmentation, structure
from organtwin.space import Grid

Row = Mapping[str, Any]  # of a table: label, and any of key, name, code, colour, doubt
LARGEST_LABEL = 65535
# more different values than any label map has: it is a scan
MOST_LABELS = 5000


def read_segmentation(path: Path) -> Segmentation:
    """Read a label map as one segmentation; where layers of a ``.seg.nrrd`` overlap the smaller structure wins.

    Raises
    ------
    BadInput
        When it is no label map of whole numbers from 0 to 65535, or is damaged.
    """
    return composed(draw_labels(path))


def draw_labels(path: Path) -> Drawn:
    """The segments of a label map on its own grid (see :func:`read_segmentation`)."""
    with open(path, "rb") as file:
        magic = file.read(4)
    fields: dict[str, str] = {}
    if magic == b"NRRD" or images._is_meta(path):
        grid, layers = _itk(path)
        fields = _nrrd_fields(path) if magic == b"NRRD" else {}
        table = {} if fields else _beside(path)
    else:
        grid, layers = _nifti(path)
        table = _inside(path) or _beside(path)
    values = [_whole(layer, path) for layer in layers]
    name = fields.get("Segmentation_Name") or str(table.get("name") or images._stem(path.name))
    if any(re.fullmatch(r"Segment\d+_ID", key) for key in fields):
        return _slicer(name, grid, values, fields)
    if len(values) > 1:
        raise BadInput("The file holds several layers and no names of segments", where=path.name)
    return from_labels(name, grid, values[0], _segments(values[0], table.get("labels", {})))


# -- voxels -------------------------------------------------------------------------------------------------------------


def _itk(path: Path) -> tuple[Grid, list[NDArray[Any]]]:
    import SimpleITK as sitk

    reader = images._itk_reader(path)
    if reader.GetDimension() != 3:
        raise BadInput("The file is not a label map in three dimensions", where=path.name)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise BadInput("The image file is damaged or cut short", where=path.name, remedy="Copy it again.") from error
    values = sitk.GetArrayFromImage(image)
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    grid = _right_angled(images._grid(image.GetSize(), affine, path), path)
    return grid, [values] if values.ndim == 3 else [values[..., n] for n in range(values.shape[-1])]


def _nifti(path: Path) -> tuple[Grid, list[NDArray[Any]]]:
    header = nifti.read_header(path, thin=True)
    grid = _right_angled(images._grid(header.size, header.affine, path), path)
    values = images._scaled(nifti.read_values(header), header)
    if len(values) > 1:
        raise BadInput("The label map has a time axis", where=path.name, remedy="Give one phase of it.")
    return grid, [values[0]]


def _right_angled(grid: Grid, path: Path) -> Grid:
    off = float(np.abs(grid.directions.T @ grid.directions - np.eye(3)).max())
    if off > images._RIGHT_ANGLED:
        raise BadInput("The axes of the label map are not at right angles", where=path.name)
    if off < 1e-6:
        return grid
    u, _, vt = np.linalg.svd(grid.directions)
    return Grid.make(grid.size, grid.spacing_mm, grid.origin_mm, u @ vt)


def _whole(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Values as uint8 or uint16."""
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    whole = values.dtype.kind in "iub" or (np.isfinite([low, high]).all() and images._whole(values))
    if not whole or low < 0 or high > LARGEST_LABEL:
        raise BadInput(
            f"The file is not a label map: its values are not whole numbers from 0 to {LARGEST_LABEL}", where=path.name
        )
    return np.ascontiguousarray(values, np.uint8 if high < 256 else np.uint16)


# -- names ----------------------------------------------------------------------------------------------------------------


def _segments(values: NDArray[Any], rows: Mapping[int, Row]) -> list[Segment]:
    counts = np.bincount(values.ravel())
    present = [int(label) for label in np.flatnonzero(counts) if label]
    if len(present) > MOST_LABELS:
        raise BadInput(f"The file is not a label map: it holds {len(present)} different values")
    return [segment_of(label, rows.get(label, {})) for label in sorted({*present, *(n for n in rows if n > 0)})]


def segment_of(label: int, row: Row) -> Segment:
    """A segment as a row of a table describes it."""
    name = str(row.get("name") or "")
    code = str(row.get("code") or "")
    key = codes.key_of(str(row.get("key") or ""), code, (), name) or f"label_{label}"
    known = structure(key)
    if not row.get("key") and codes.plain(name) == key and key in STRUCTURES:  # a table of keys, not of names
        name = known.name
    colour = row.get("colour") or known.colour
    return Segment(
        label=label, key=key, name=name or known.name, colour=(int(colour[0]), int(colour[1]), int(colour[2])),
        code=code or known.code, volume_mm3=0.0, doubt=str(row.get("doubt") or ""),
    )  # fmt: skip


def _slicer(name: str, grid: Grid, layers: list[NDArray[Any]], fields: dict[str, str]) -> Drawn:
    """Segments of a ``.seg.nrrd``: each a value in one of the layers."""
    from scipy import ndimage

    drawn = Drawn(name, grid)
    boxes = [ndimage.find_objects(values) for values in layers]
    numbers = sorted(int(m[1]) for key in fields if (m := re.fullmatch(r"Segment(\d+)_ID", key)))
    for n in numbers:
        said = {
            key: fields.get(f"Segment{n}_{key}", "").strip()
            for key in ("ID", "Name", "Color", "LabelValue", "Layer", "Tags")
        }
        layer = int(said["Layer"]) if said["Layer"].isdigit() else n if len(layers) > 1 else 0
        value = int(said["LabelValue"]) if said["LabelValue"].isdigit() else 1 if len(layers) > 1 else n + 1
        tags = dict(part.partition(":")[::2] for part in said["Tags"].split("|") if ":" in part)
        terms = [part.split("^") for part in tags.get("TerminologyEntry", "").split("~")]
        kind = terms[2] if len(terms) > 2 and len(terms[2]) == 3 else ["", "", ""]
        sides = [terms[3][1]] if len(terms) > 3 and len(terms[3]) == 3 else []
        code = codes.code_text(kind[1], kind[0])
        label = said["Name"] or said["ID"] or f"Segment {n + 1}"
        key = codes.key_of(said["ID"] if not re.fullmatch(r"Segment_\d+", said["ID"]) else "", code, sides, label)
        if key not in STRUCTURES and said["ID"] == codes.plain(said["ID"]) and said["ID"]:
            key = said["ID"]
        known = structure(key)
        try:
            red, green, blue = (min(255, max(0, round(255 * float(c)))) for c in said["Color"].split())
        except ValueError:
            red, green, blue = known.colour
        segment = Segment(
            label=value, key=key, name=label, colour=(red, green, blue), code=code or known.code, volume_mm3=0.0,
            doubt=tags.get("OrganTwin.Doubt", ""),
        )  # fmt: skip
        box = boxes[layer][value - 1] if layer < len(layers) and 0 < value <= len(boxes[layer]) else None
        box = box or (slice(0, 0),) * 3
        drawn.add(segment, layers[min(layer, len(layers) - 1)][box] == value, box)
    return drawn


def _nrrd_fields(path: Path) -> dict[str, str]:
    fields = {}
    with open(path, "rb") as file:
        for line in file:
            if not line.strip():
                break
            key, found, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":=")
            if found:
                fields[key] = value
    return fields


def _inside(path: Path) -> dict[str, Any]:
    """The table in a comment of a NIfTI file, where we left one."""
    try:
        with nifti._open(path) as file:
            head = file.read(352)
            while head[348:349] == b"\x01":
                size, kind = struct.unpack("<2i", file.read(8))
                data = file.read(max(0, min(size - 8, 2**24)))
                if kind == nifti.COMMENT and data.lstrip().startswith(b"{"):
                    return _json_table(json.loads(data.rstrip(b"\0").decode("utf-8")))
                if size < 16:
                    break
    except (OSError, EOFError, zlib.error, struct.error, ValueError):
        pass
    return {}


def _beside(path: Path) -> dict[str, Any]:
    """A table of labels beside the file: our CSV, BIDS' TSV, ITK-SNAP's text, or JSON."""
    stem = re.sub(r"\.(nii\.gz|nii|mha|mhd|nrrd|nhdr)$", "", path.name, flags=re.IGNORECASE)
    names = [f"{stem}.labels.csv", f"{stem}.tsv", f"{stem}.label", f"{stem}.txt", f"{stem}.json"]
    if stem.endswith("_dseg"):
        names.append("dseg.tsv")
    for name in names:
        table = path.with_name(name)
        if not table.is_file() or table.stat().st_size > 2**24:
            continue
        try:
            rows = read_table(table)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if rows.get("labels"):
            return rows
    return {}


def read_table(path: Path) -> dict[str, Any]:
    """A table of labels: ``{"name": ..., "labels": {label: row}}``.

    Raises
    ------
    ValueError, KeyError, TypeError
        When it is no such table.
    """
    said = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".json":
        return _json_table(json.loads(said))
    if path.suffix.lower() in (".csv", ".tsv"):
        table = csv.DictReader(io.StringIO(said), delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        return {"labels": {int(float(row.get("label") or row["index"])): _row(row) for row in table}}
    rows: dict[int, Row] = {}
    for line in said.splitlines():
        snap = re.match(r'\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+[\d.]+\s+\d+\s+\d+\s+"(.*)"\s*$', line)
        several = re.findall(r"(\d+)\s*[:=]?\s*([^\W\d]\w*)", line)
        simple = re.match(r"\s*(\d+)\s*[:=,;\t ]\s*([^\d\s\"].*?)\s*$", line)
        if snap:
            rows[int(snap[1])] = {"name": snap[5], "colour": [int(snap[n]) for n in (2, 3, 4)]}
        elif len(several) > 1:
            rows |= {int(label): {"name": word.replace("_", " ")} for label, word in several}
        elif simple:
            rows[int(simple[1])] = {"name": simple[2]}
    rows.pop(0, None)
    return {"labels": rows}


def _row(row: Mapping[str, str]) -> Row:
    colour: list[int] | None = None
    hexed = re.fullmatch(r"#([0-9a-fA-F]{6})", (row.get("color") or "").strip())
    if hexed:
        colour = [int(hexed[1][n : n + 2], 16) for n in (0, 2, 4)]
    elif row.get("red"):
        colour = [int(row["red"]), int(row["green"]), int(row["blue"])]
    return {
        "name": row.get("name"),
        "key": row.get("key") or row.get("abbreviation"),
        "code": row.get("snomed_ct"),
        "colour": colour,
    }


def _json_table(data: Any) -> dict[str, Any]:
    """Ours; or ``{"labels": {"liver": 1}}`` as network trainings keep it; or ``{"1": "liver"}``."""
    held = data.get("labels", data)
    rows: dict[int, Row] = {}
    if isinstance(held, list):
        rows = {int(row["label"]): row for row in held}
    else:
        for key, value in held.items():
            if isinstance(value, dict):
                rows[int(key)] = value
            elif str(key).isdigit():
                rows[int(key)] = {"name": str(value)}
            elif isinstance(value, int):
                rows[value] = {"name": key}
    rows.pop(0, None)
    return {"name": data.get("name") if data.get("organtwin") else None, "labels": rows}
