"""Volumes and segmentations as NIfTI, NRRD, MHA and ``.seg.nrrd`` files, and label maps back.

The headers carry the grid, the values' type and the names of segments; nothing of the patient or the scan. A label map as
NIfTI holds its table of labels inside (a comment extension, JSON) and beside it (CSV); on reading also that of BIDS
(``NAME.tsv``), of ITK-SNAP (``NAME.txt``, ``NAME.label``) and JSON are found.
NRRD: T. Yushkevich et al., teem.sourceforge.net/nrrd/format.html. MHA: itk.org/Wiki/ITK/MetaIO.
``.seg.nrrd``: the segmentation storage of 3D Slicer (slicer.readthedocs.io, Segmentations).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.io import codes, nifti
from organtwin.io.writing import whole_file, write_whole
from organtwin.model import Segmentation, Volume
from organtwin.space import Grid

_NRRD_TYPES = {
    "u1": "uint8",
    "i1": "int8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "f4": "float",
    "f8": "double",
}
_MHA_TYPES = {
    "u1": "MET_UCHAR", "i1": "MET_CHAR", "i2": "MET_SHORT", "u2": "MET_USHORT", "i4": "MET_INT", "u4": "MET_UINT",
    "f4": "MET_FLOAT", "f8": "MET_DOUBLE",
}  # fmt: skip
_LEVEL = 4  # of gzip: as small as the default within a few percent, at half its time


def write_grid(thing: Volume | Segmentation, path: Path) -> None:
    """Write by extension: ``.nii``, ``.nii.gz``, ``.nrrd``, ``.seg.nrrd`` or ``.mha``.

    A segmentation as NIfTI or MHA gets its table of labels beside it (``NAME.labels.csv``), since those formats have
    no place for names.
    """
    values = np.asarray(thing.values if isinstance(thing, Volume) else thing.labels)
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        table = json.dumps(_rows(thing), ensure_ascii=False) if isinstance(thing, Segmentation) else ""
        content = nifti.encode(values, thing.grid.affine, table, label_map=bool(table))
        write_whole(path, gzip.compress(content, _LEVEL, mtime=0) if name.endswith(".gz") else content)
    elif name.endswith(".nrrd"):
        fields = _slicer_fields(thing) if isinstance(thing, Segmentation) else {}
        _write_nrrd(values, thing.grid, fields, path)
    elif name.endswith(".mha"):
        _write_mha(values, thing.grid, path)
    else:
        raise ValueError(path)
    if isinstance(thing, Segmentation) and not name.endswith(".nrrd"):
        stem = re.sub(r"\.(nii\.gz|nii|mha)$", "", path.name, flags=re.IGNORECASE)
        write_whole(path.with_name(f"{stem}.labels.csv"), label_table(thing).encode())


def _rows(segmentation: Segmentation) -> dict[str, Any]:
    return {
        "organtwin": "labels",
        "name": segmentation.name,
        "labels": [
            {"label": s.label, "key": s.key, "name": s.name, "code": s.code, "colour": list(s.colour), "doubt": s.doubt}
            for s in segmentation.segments
        ],
    }


def label_table(segmentation: Segmentation) -> str:
    """The segments as CSV: label, key, name, SNOMED CT code, colour, volume in mL."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["label", "key", "name", "snomed_ct", "red", "green", "blue", "volume_ml"])
    for s in segmentation.segments:
        table.writerow([s.label, s.key, s.name, s.code, *s.colour, f"{s.volume_mm3 / 1000:.3f}"])
    return text.getvalue()


# -- NRRD -----------------------------------------------------------------------------------------------------------


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Little endian, contiguous, of a type that every format knows."""
    values = values.astype(np.uint8) if values.dtype == np.bool_ else values
    if values.dtype.str[1:] not in _NRRD_TYPES:
        values = values.astype(np.float32)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))


def _vector(numbers: Any) -> str:
    return "(" + ",".join(f"{float(x) + 0.0:.17g}" for x in numbers) + ")"


def _write_nrrd(values: NDArray[Any], grid: Grid, fields: dict[str, str], path: Path) -> None:
    values = _plain(values)
    header = [
        "NRRD0004", f"type: {_NRRD_TYPES[values.dtype.str[1:]]}", "dimension: 3", "space: left-posterior-superior",
        f"sizes: {grid.size[0]} {grid.size[1]} {grid.size[2]}",
        "space directions: " + " ".join(_vector(grid.affine[:3, axis]) for axis in range(3)),
        "kinds: domain domain domain", "endian: little", "encoding: gzip", f"space origin: {_vector(grid.origin_mm)}",
    ]  # fmt: skip
    header += [f"{key}:={value}" for key, value in fields.items()]
    with whole_file(path) as file:
        file.write("\n".join([*header, "", ""]).encode())
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0, filename="") as packed:
            packed.write(values.data)


def _slicer_fields(segmentation: Segmentation) -> dict[str, str]:
    from scipy import ndimage

    fields = {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_SourceRepresentation": "Binary labelmap",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "Segmentation_ConversionParameters": "",
    }
    boxes = ndimage.find_objects(np.asarray(segmentation.labels))
    for n, segment in enumerate(segmentation.segments):
        box = boxes[segment.label - 1] if 0 < segment.label <= len(boxes) else None
        extent = [v for s in box[::-1] for v in (s.start, s.stop - 1)] if box else [0, -1, 0, -1, 0, -1]
        category, kind, side = codes.category_of(segment), codes.type_of(segment), codes.side_of(segment)
        told = "~".join(f"{c.scheme}^{c.value}^{c.meaning}" if c else "^^" for c in (category, kind, side))
        tag = f"TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list~{told}~~^^~^^|"
        fields |= {
            f"Segment{n}_ID": segment.key,
            f"Segment{n}_Name": _one_line(segment.name),
            f"Segment{n}_NameAutoGenerated": "0",
            f"Segment{n}_Color": " ".join(f"{c / 255:.6g}" for c in segment.colour),
            f"Segment{n}_ColorAutoGenerated": "0",
            f"Segment{n}_LabelValue": str(segment.label),
            f"Segment{n}_Layer": "0",
            f"Segment{n}_Extent": " ".join(map(str, extent)),
            f"Segment{n}_Tags": _one_line(
                tag + (f"OrganTwin.Doubt:{segment.doubt.replace('|', '/')}|" if segment.doubt else "")
            ),
        }
    return fields


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


# -- MHA ------------------------------------------------------------------------------------------------------------


def _write_mha(values: NDArray[Any], grid: Grid, path: Path) -> None:
    values = _plain(values)
    packed = zlib.compress(values.data, _LEVEL)

    def listed(numbers: Any) -> str:
        return " ".join(f"{float(x) + 0.0:.17g}" for x in np.ravel(numbers))

    header = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", "CompressedData = True",
        f"CompressedDataSize = {len(packed)}",
        f"TransformMatrix = {listed(grid.directions.T)}",  # one axis after the other
        f"Offset = {listed(grid.origin_mm)}", "CenterOfRotation = 0 0 0", "AnatomicalOrientation = RAI",
        f"ElementSpacing = {listed(grid.spacing_mm)}", f"DimSize = {grid.size[0]} {grid.size[1]} {grid.size[2]}",
        f"ElementType = {_MHA_TYPES[values.dtype.str[1:]]}", "ElementDataFile = LOCAL",
    ]  # fmt: skip
    with whole_file(path) as file:
        file.write(("\n".join(header) + "\n").encode())
        file.write(packed)
