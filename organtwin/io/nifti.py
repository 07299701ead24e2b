"""NIfTI-1 and -2. The one place where RAS becomes LPS and back.

Layout and orientation methods: R. W. Cox et al., nifti1.h (2004) and nifti2.h (2011), nifti.nimh.nih.gov.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput

FloatArray = NDArray[np.float64]

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_CODES = {np.dtype(kind).str[1:]: code for code, kind in _TYPES.items()}
_NOT_SCALAR = {32: "complex numbers", 128: "colours", 1792: "complex numbers", 2304: "colours", 1: "single bits"}
_TO_MM = {1: 1000.0, 2: 1.0, 3: 1e-3}
_TO_MS = {8: 1000.0, 16: 1.0, 24: 1e-3}

COMMENT = 6  # code of a header extension that holds plain text
_LABEL_MAP = 1002  # intent: the values are numbers of labels

# sform and qform that place the far corner within this of each other say the same
SAME_PLACE_MM = 0.1
# voxel sizes that differ by more than this fraction are not rounding
OTHER_SIZE = 0.01


@dataclass(frozen=True)
class Header:
    """What is needed of a NIfTI header. ``affine`` maps (i, j, k) to LPS mm."""

    size: tuple[int, int, int]
    phases: int
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    affine: FloatArray
    notes: tuple[str, ...]
    phase_ms: float | None
    is_label: bool
    data: Path  # the file that holds the voxels


def _open(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else open(path, "rb")  # type: ignore[return-value]


def read_header(path: Path, thin: bool = False) -> Header:
    """Read and check a header. ``thin``: one slice will do.

    Raises
    ------
    BadInput
        When it is damaged, or holds something else than numbers on a 3D grid (or a series of them).
    """
    try:
        with _open(path) as file:
            raw = file.read(540)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput("The NIfTI file is damaged", where=path.name, remedy="Copy it again.") from error
    order = next((o for o in "<>" if len(raw) >= 348 and struct.unpack(f"{o}i", raw[:4])[0] in (348, 540)), None)
    if order is None:
        raise BadInput("The file is not NIfTI, or damaged", where=path.name, remedy="Copy it again.")
    second = struct.unpack(f"{order}i", raw[:4])[0] == 540

    def numbers(first: tuple[int, str], other: tuple[int, str]) -> list[float]:
        offset, form = other if second else first
        return list(struct.unpack_from(f"{order}{form}", raw, offset))

    dim = [int(d) for d in numbers((40, "8h"), (16, "8q"))]
    pixdim = numbers((76, "8f"), (104, "8d"))
    (code,) = (int(c) for c in numbers((70, "h"), (12, "h")))
    (offset,) = numbers((108, "f"), (168, "q"))
    slope, intercept = numbers((112, "2f"), (176, "2d"))
    (units,) = (int(u) for u in numbers((123, "B"), (500, "i")))
    qform_code, sform_code = (int(c) for c in numbers((252, "2h"), (344, "2i")))
    quaternion = numbers((256, "6f"), (352, "6d"))
    rows = np.array(numbers((280, "12f"), (400, "12d"))).reshape(3, 4)
    (intent,) = (int(c) for c in numbers((68, "h"), (504, "i")))
    magic = raw[4:7] if second else raw[344:347]

    if code in _NOT_SCALAR:
        raise BadInput(f"The NIfTI file holds {_NOT_SCALAR[code]}, not a scan", where=path.name)
    if code not in _TYPES:
        raise BadInput("The NIfTI file holds numbers of an unknown type", where=path.name)
    count = dim[0]
    if not 1 <= count <= 7 or any(d < 1 for d in dim[1 : count + 1]):
        raise BadInput("The NIfTI file's header is damaged", where=path.name, remedy="Copy it again.")
    size = [dim[axis] if axis <= count else 1 for axis in range(1, 8)]
    if any(d > 1 for d in size[4:]):
        raise BadInput(
            "The NIfTI file holds several numbers for each voxel (vectors or a deformation), not a scan",
            where=path.name,
        )
    if min(size[:3]) < 2 and not thin:
        raise BadInput("The NIfTI file has only one slice, and a volume needs several", where=path.name)

    affine, notes = _place(size, pixdim, qform_code, sform_code, quaternion, rows, path.name)
    scale = _TO_MM.get(units & 7, 1.0)
    if scale != 1.0:
        affine = np.diag([scale, scale, scale, 1.0]) @ affine
        notes.append(f"Lengths in the file are in {'metres' if units & 7 == 1 else 'micrometres'}; converted to mm.")
    data = path
    if magic[:3] in (b"ni1", b"ni2"):
        data = _pair(path)
    real = slope if np.isfinite(slope) and slope != 0 else 1.0
    return Header(
        (size[0], size[1], size[2]), size[3], np.dtype(order + _TYPES[code]), int(offset) if data == path else max(0, int(offset)),
        real, intercept if np.isfinite(intercept) and slope != 0 else 0.0, RAS_TO_LPS @ affine, tuple(notes),
        _phase_ms(pixdim[4], units) if size[3] > 1 else None, intent == _LABEL_MAP, data,
    )  # fmt: skip


def _phase_ms(step: float, units: int) -> float | None:
    """Time between phases. 1 without a unit is what programs write that know nothing of time."""
    unit = _TO_MS.get(units & 56)
    if not np.isfinite(step) or step <= 0 or (unit is None and step == 1):
        return None
    return step * (unit or (1000.0 if step < 10 else 1.0))


def _pair(path: Path) -> Path:
    for name in (
        path.name.replace(".hdr", ".img"),
        path.name.replace(".hdr", ".img") + ".gz",
        path.name.replace(".hdr.gz", ".img"),
    ):
        if name != path.name and (path.parent / name).is_file():
            return path.parent / name
    raise BadInput("The .img file that belongs to this NIfTI header is not beside it", where=path.name)


def _place(
    size: list[int],
    pixdim: list[float],
    qform_code: int,
    sform_code: int,
    quaternion: list[float],
    rows: FloatArray,
    name: str,
) -> tuple[FloatArray, list[str]]:
    """Index to RAS by the methods of nifti1.h (3, then 2, then 1), with notes where they leave doubt."""
    steps = np.abs(np.array(pixdim[1:4]))
    steps[~(np.isfinite(steps) & (steps > 0))] = 1.0
    sform = np.vstack([rows, [0, 0, 0, 1]]) if sform_code > 0 and np.isfinite(rows).all() else None
    if sform is not None and abs(np.linalg.det(sform[:3, :3])) < 1e-9:
        sform = None
    notes = []
    if sform is not None:
        lengths = np.linalg.norm(sform[:3, :3], axis=0)
        if (np.abs(lengths - steps) > OTHER_SIZE * steps).any():
            two = "{:.4g} × {:.4g} × {:.4g} mm (pixdim) and {:.4g} × {:.4g} × {:.4g} mm (sform)".format(
                *steps, *lengths
            )
            if np.abs(lengths - 1).max() < 1e-3:  # a program wrote the directions and forgot the sizes
                sform[:3, :3] = sform[:3, :3] / lengths * steps
                notes.append(
                    f"The file states two voxel sizes, {two}; the sform holds directions only, so pixdim was used."
                )
            else:
                notes.append(f"The file states two voxel sizes, {two}; sform was used. Check a length that you know.")
    qform = _qform(quaternion, steps, pixdim[0]) if qform_code > 0 and np.isfinite(quaternion).all() else None
    if sform is not None and qform is not None:
        far = np.array(
            [
                [i * (size[0] - 1), j * (size[1] - 1), k * (size[2] - 1), 1]
                for i in (0, 1)
                for j in (0, 1)
                for k in (0, 1)
            ]
        )
        apart = float(np.linalg.norm(far @ (sform - qform).T, axis=1).max())
        if apart > SAME_PLACE_MM:
            notes.append(
                f"The two places that the file states (sform and qform) differ by up to {apart:.1f} mm; sform was used."
            )
    if sform is not None:
        return sform, notes
    if qform is not None:
        return qform, []
    affine = np.diag([*steps, 1.0])
    return affine, [
        "The file does not say how it lies in the patient: columns were taken to run to the patient's right, rows to the front "
        "and slices to the head. Check left and right before you use it."
    ]


def _qform(quaternion: list[float], steps: FloatArray, qfac: float) -> FloatArray:
    b, c, d = quaternion[:3]
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    turn = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ])  # fmt: skip
    affine = np.eye(4)
    affine[:3, :3] = turn * (steps * [1, 1, -1 if qfac < 0 else 1])
    affine[:3, 3] = quaternion[3:6]
    return affine


def read_values(header: Header) -> NDArray[Any]:
    """Stored numbers, (phases, nk, nj, ni), before the scale.

    Raises
    ------
    BadInput
        When the file is shorter than its header says.
    """
    shape = (header.phases, *header.size[::-1])
    length = int(np.prod(shape, dtype=np.int64)) * header.dtype.itemsize
    try:
        with _open(header.data) as file:
            file.seek(header.offset)
            raw = file.read(length)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(
            "The NIfTI file is damaged or cut short", where=header.data.name, remedy="Copy it again."
        ) from error
    except (MemoryError, OverflowError) as error:
        raise BadInput(
            "The NIfTI file is larger than the memory, or its header is damaged", where=header.data.name
        ) from error
    if len(raw) < length:
        raise BadInput("The NIfTI file is cut short", where=header.data.name, remedy="Copy it again.")
    return np.frombuffer(raw, header.dtype).reshape(shape)


def encode(
    values: NDArray[Any], affine_lps: FloatArray, comment: str = "", label_map: bool = False, step_s: float = 0.0
) -> bytes:
    """A NIfTI-1 file (not compressed) of an array (nk, nj, ni), or (nt, nk, nj, ni) with ``step_s`` between; affine in both sform and qform where that can hold it.

    The header carries the shape, type and place alone: no description, no date, no name. ``comment`` goes into an
    extension; ``label_map`` says what the values are.
    """
    values = np.ascontiguousarray(values)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    if values.dtype.str[1:] not in _CODES:
        values = values.astype(np.float32)
    affine = RAS_TO_LPS @ affine_lps
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    turn = affine[:3, :3] / steps
    qfac = 1.0 if np.linalg.det(turn) > 0 else -1.0
    proper = turn * [1, 1, qfac]
    right_angled = np.allclose(proper.T @ proper, np.eye(3), atol=1e-4)
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    shape = values.shape[::-1]
    struct.pack_into("<8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", header, 70, _CODES[values.dtype.str[1:]], values.dtype.itemsize * 8)
    struct.pack_into("<8f", header, 76, qfac, *steps, step_s, 0, 0, 0)
    extension = _comment(comment) if comment else b""
    header[348] = bool(extension)
    struct.pack_into("<h", header, 68, _LABEL_MAP if label_map else 0)
    struct.pack_into("<3f", header, 108, 352.0 + len(extension), 1.0, 0.0)
    header[123] = 2 + (8 if step_s > 0 else 0)  # mm, s
    struct.pack_into("<2h", header, 252, 1 if right_angled else 0, 1)
    if right_angled:
        struct.pack_into("<6f", header, 256, *_quaternion(proper), *affine[:3, 3])
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header) + extension + values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _comment(text: str) -> bytes:
    """An extension of the header: its length (a multiple of 16), its kind, the text."""
    data = text.encode()
    size = -(-(len(data) + 8) // 16) * 16
    return struct.pack("<2i", size, COMMENT) + data.ljust(size - 8, b"\0")


def _quaternion(turn: FloatArray) -> tuple[float, float, float]:
    """(b, c, d) of a proper rotation, with a >= 0."""
    from scipy.spatial.transform import Rotation

    b, c, d, a = Rotation.from_matrix(turn).as_quat()
    return (-b, -c, -d) if a < 0 else (b, c, d)
