"""What lies in a folder, a zip file, a DICOMDIR or a list of files: found by content, never by name."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from organtwin.errors import BadInput

Kind = Literal["dicom", "nifti", "nrrd", "meta", "other"]

# a zip may not unpack to more than this: above it, it is not a study but a mistake or an attack
LARGEST_ZIP_BYTES = 64 * 1024**3
MOST_ZIP_MEMBERS = 500_000

_HEAD = 352  # a NIfTI-1 header with its magic; covers the 132 bytes of a DICOM preamble
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split()
)


class Progress(Protocol):
    """The part of a monitor that reading needs; raises when the user asked to stop."""

    def progress(self, fraction: float, what: str = "") -> None: ...


class Silent:
    """Listens to nothing."""

    def progress(self, fraction: float, what: str = "") -> None: ...


@dataclass(frozen=True)
class Found:
    """A file worth reading, with the name that the user knows it by."""

    path: Path
    name: str
    kind: Kind


@dataclass
class Gathered:
    """The files found. Close it when they are read: files from a zip lie in a temporary folder until then."""

    files: list[Found] = field(default_factory=list)
    skipped: int = 0
    packed: int = 0  # zip files among those passed over
    notes: list[str] = field(default_factory=list)
    folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Gathered:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None

    def scratch(self) -> Path:
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="organtwin-")
        return Path(self.folder.name)


def kind_of(head: bytes) -> Kind:
    """What a file is, by its first 352 bytes.

    DICOM without its preamble begins with a data element of group 2 or 8; gzip is taken for NIfTI by its caller only.
    """
    if head[128:132] == b"DICM":
        return "dicom"
    if head[:4] == b"NRRD":
        return "nrrd"
    if head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2"):
        return "nifti"
    first = head[:100].lstrip().lower()
    if first.startswith((b"objecttype", b"ndims")):
        return "meta"
    return "dicom" if _begins_like_a_dataset(head) else "other"


def _begins_like_a_dataset(head: bytes) -> bool:
    if len(head) < 8:
        return False
    for order in "<>":
        group, element = struct.unpack(f"{order}HH", head[:4])
        if group not in (0x0002, 0x0008) or element > 0x2000:
            continue
        if head[4:6] in _VRS:
            return True
        (length,) = struct.unpack(f"{order}I", head[4:8])
        if order == "<" and length <= 1024 and length % 2 == 0:  # implicit VR is always little endian
            return True
    return False


def _look(path: Path) -> Kind:
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return "other"
    return _with_gzip(head, path.name)


def _with_gzip(head: bytes, name: str) -> Kind:
    lower = name.lower()
    if head[:2] == b"\x1f\x8b":
        return "nifti" if lower.endswith((".nii.gz", ".hdr.gz")) else "other"
    if lower.endswith((".img", ".raw", ".zraw")) and head[128:132] != b"DICM":
        return "other"  # the data half of a pair: its header names it
    return kind_of(head)


def gather(sources: Sequence[str | Path], monitor: Progress | None = None) -> Gathered:
    """Find every readable file in the sources.

    Only the first bytes of each file are read, so that a large folder of something else is turned down quickly.

    Parameters
    ----------
    sources : sequence of path
        Folders (searched through), zip files, DICOMDIR files, or single image files.

    Raises
    ------
    BadInput
        When a source is absent or unreadable, or nothing in the sources is a scan.
    """
    monitor = monitor or Silent()
    if not sources:
        raise BadInput("Nothing was given to import", remedy="Name a folder, a zip file, a DICOMDIR or image files.")
    gathered = Gathered()
    try:
        for source in sources:
            _gather_one(Path(source).expanduser(), gathered, monitor)
    except BaseException:
        gathered.close()
        raise
    if not gathered.files:
        gathered.close()
        raise _no_scan(str(sources[0]) if len(sources) == 1 else f"{len(sources)} sources", gathered)
    return gathered


def _no_scan(shown: str, gathered: Gathered) -> BadInput:
    if not gathered.skipped:
        return BadInput("There are no files to import", where=shown, remedy="Choose the folder that holds the scan.")
    which = "the file is not" if gathered.skipped == 1 else f"none of the {gathered.skipped} files is"
    remedy = "Choose the folder, zip file or DICOMDIR that holds the scan."
    if gathered.packed:
        remedy = "Zip files inside a folder are not opened: choose the zip file itself."
    return BadInput(f"There is no scan here: {which} DICOM, NIfTI, NRRD or MHA", where=shown, remedy=remedy)


def _gather_one(source: Path, gathered: Gathered, monitor: Progress) -> None:
    if source.is_dir():
        for count, path in enumerate(_walk(source)):
            if count % 200 == 0:
                monitor.progress(0.0, f"looking at file {count + 1}")
            _add(path, str(path.relative_to(source)), gathered)
    elif source.is_file():
        if zipfile.is_zipfile(source):
            _unzip(source, gathered, monitor)
        elif not os.access(source, os.R_OK):
            raise BadInput("The file may not be read", where=str(source), remedy="Ask its owner for permission.")
        elif not _add(source, source.name, gathered):
            return
        elif (listed := _dicomdir(source)) is not None:
            gathered.files.pop()
            _from_dicomdir(source, listed, gathered)
    elif source.exists():
        raise BadInput("This is neither a file nor a folder", where=str(source))
    else:
        raise BadInput("There is no such file or folder", where=str(source), remedy="Check the path.")


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder in a fixed order; links to folders are not followed, what may not be read is passed over."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():  # not a pipe, a socket or a dangling link
                yield path


def _add(path: Path, name: str, gathered: Gathered) -> bool:
    kind = _look(path)
    if kind == "other":
        gathered.skipped += 1
        gathered.packed += path.suffix.lower() == ".zip"
        return False
    gathered.files.append(Found(path, name, kind))
    return True


# -- DICOMDIR -----------------------------------------------------------------------------------------------------


def _dicomdir(path: Path) -> list[Path] | None:
    """The file ids a DICOMDIR lists, relative to its folder; None when the file is not a DICOMDIR."""
    import pydicom

    with open(path, "rb") as file:
        head = file.read(_HEAD * 2)
    if b"1.2.840.10008.1.3.10" not in head:
        return None
    try:
        records = pydicom.dcmread(path).get("DirectoryRecordSequence") or []
    except Exception as error:
        raise BadInput("The DICOMDIR is damaged", where=path.name, remedy="Choose its folder instead.") from error
    listed = []
    for record in records:
        parts = record.get("ReferencedFileID")
        if parts:
            listed.append(Path(*([parts] if isinstance(parts, str) else list(parts))))
    return listed


def _from_dicomdir(source: Path, listed: Iterable[Path], gathered: Gathered) -> None:
    root = source.parent.resolve()
    missing, before = 0, len(gathered.files)
    for relative in listed:
        path = _in_any_case(root, relative)
        if path is None:
            missing += 1
        else:
            _add(path, str(relative), gathered)
    if missing:
        gathered.notes.append(f"The DICOMDIR lists {missing} files that are not there.")
    if len(gathered.files) == before:
        raise BadInput(
            f"None of the {missing} files that the DICOMDIR lists is there"
            if missing
            else "The DICOMDIR lists no images",
            where=str(source),
            remedy="Copy the whole disc, not only its DICOMDIR.",
        )


def _in_any_case(root: Path, relative: Path) -> Path | None:
    """A file by a path whose letters may be of another case (as on many discs); never outside ``root``."""
    here = root
    for part in relative.parts:
        if part in ("..", "/"):
            return None
        step = here / part
        if not step.exists():
            try:
                step = next(p for p in here.iterdir() if p.name.lower() == part.lower())
            except (StopIteration, OSError):
                return None
        here = step
    return here if here.is_file() else None


# -- zip ----------------------------------------------------------------------------------------------------------


def _unzip(source: Path, gathered: Gathered, monitor: Progress) -> None:
    """Unpack what looks like a scan, under names of our own: a member's name decides nothing about where it lands."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            size = sum(m.file_size for m in members)
            if len(members) > MOST_ZIP_MEMBERS or size > LARGEST_ZIP_BYTES:
                raise BadInput(
                    f"The zip file would unpack to {len(members)} files and {size / 1024**3:.0f} GB, more than a study can be",
                    where=source.name,
                    remedy="Unpack it yourself and choose the folder of one study.",
                )
            folder = Path(tempfile.mkdtemp(dir=gathered.scratch()))
            room = shutil.disk_usage(folder).free
            for count, member in enumerate(members):
                if count % 20 == 0:
                    monitor.progress(0.0, f"unpacking file {count + 1} of {len(members)}")
                if member.flag_bits & 1:
                    raise BadInput(
                        "The zip file is locked with a password",
                        where=source.name,
                        remedy="Unpack it and choose the folder.",
                    )
                with archive.open(member) as packed:
                    head = packed.read(_HEAD)
                    kind = _with_gzip(head, member.filename)
                    if kind == "other":
                        gathered.skipped += 1
                        continue
                    room -= member.file_size
                    if room < 100 * 1024**2:
                        raise BadInput(
                            "There is not enough room on the disk to unpack the zip file",
                            where=source.name,
                            remedy=f"Free some space in {folder.parent.parent}.",
                        )
                    suffix = (
                        "".join(Path(member.filename).suffixes[-2:])
                        if kind == "nifti"
                        else Path(member.filename).suffix
                    )
                    path = folder / f"{count:06d}{suffix if suffix.isascii() and len(suffix) < 12 else ''}"
                    with open(path, "wb") as file:
                        file.write(head)
                        _copy(packed, file, member.file_size - len(head))
                gathered.files.append(Found(path, member.filename, kind))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BadInput(
            "The zip file is damaged or of an unknown kind", where=source.name, remedy="Copy or pack it again."
        ) from error
    except Exception as error:
        if type(error).__module__ in ("zlib", "lzma", "bz2"):
            raise BadInput("The zip file is damaged", where=source.name, remedy="Copy or pack it again.") from error
        raise


def _copy(packed: object, file: object, limit: int) -> None:
    """Copy no more than a member says it holds: one that lies about its size does not fill the disk."""
    left = limit
    while left > 0:
        block = packed.read(min(left, 1 << 20))  # type: ignore[attr-defined]
        if not block:
            return
        file.write(block)  # type: ignore[attr-defined]
        left -= len(block)
