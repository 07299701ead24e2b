"""Which studies lie in the folders: found by their headers, whatever the folders and files are called."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from organtwin.batch.protocol import StudyFilter
from organtwin.errors import BadInput
from organtwin.io.sources import kind_of
from organtwin.monitor import Monitor, NullMonitor

_HEAD = 352
_TAGS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "PatientName",
    "MediaStorageSOPClassUID",
)  # fmt: skip
_DICOMDIR = "1.2.840.10008.1.3.10"
# endings of images that are no DICOM; what is inside decides, the ending says only where to look
_IMAGES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".hdr.gz")
_HALVES = (".img", ".img.gz", ".raw", ".zraw", ".json", ".txt", ".csv")


@dataclass(frozen=True)
class FoundStudy:
    """A study to be done.

    Parameters
    ----------
    id : str
        Its name in the table; tells nothing about the patient, and is the same whenever the study is found.
    sources : tuple of str
        Files, or a zip file.
    content : str
        Hash of what it holds: another one when slices were added or a file was exchanged.
    bytes : int
        Size of the files, to tell how much is left.
    study_uid, series_uid : str
        Only this of what the sources hold (an image in a zip goes by its name); empty: all of it.
    """

    id: str
    sources: tuple[str, ...]
    content: str
    bytes: int
    study_uid: str = ""
    series_uid: str = ""


@dataclass
class Discovery:
    """What was found, and how many files were passed over."""

    studies: list[FoundStudy] = field(default_factory=list)
    not_images: int = 0
    not_wanted: int = 0


@dataclass
class _Parts:
    """Files of one study while they are gathered."""

    study_uid: str
    series_uid: str
    files: list[tuple[str, int]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


class _Headers:
    """Headers read before, so that a batch that goes on need not read hundreds of thousands of them again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = {}
        self._seen: dict[str, list[Any]] = {}
        if path is not None:
            try:
                self._known = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                self._known = {}

    def of(self, path: Path) -> tuple[str, list[str]]:
        """(kind, values of the tags) of a file."""
        state = path.stat()
        key, stamp = str(path), [state.st_size, state.st_mtime_ns]
        known = self._known.get(key)
        if known is None or known[0] != stamp:
            with path.open("rb") as stream:
                known = [stamp, *_look(stream, path.name)]
        self._seen[key] = known
        return known[1], known[2]

    def keep(self) -> None:
        if self._path is not None:
            temporary = self._path.with_suffix(".part")
            temporary.write_text(json.dumps(self._seen), encoding="utf-8")
            temporary.replace(self._path)


def discover(
    sources: Sequence[str | Path], wanted: StudyFilter, leave_out: Path | None = None, cache: Path | None = None,
    monitor: Monitor | None = None,
) -> Discovery:  # fmt: skip
    """Find the studies in folders, zip files and image files.

    DICOM files are put together by StudyInstanceUID (and patient), wherever they lie; without one, by folder. Every NIfTI,
    NRRD or MHA file is a study of its own. Projects (``.otwin``) and ``leave_out`` are not searched.

    Raises
    ------
    BadInput
        When a source is not there, or nothing in them is a scan.
    """
    monitor = monitor or NullMonitor()
    headers = _Headers(cache)
    found = Discovery()
    parts: dict[tuple[str, ...], _Parts] = {}
    images: list[FoundStudy] = []
    barred = leave_out.resolve() if leave_out else None
    count = 0
    for source in sources:
        root = Path(source).expanduser()
        if not root.exists():
            raise BadInput("There is nothing at this place", where=str(root), remedy="Check the path.")
        for path in _walk(root.resolve(), barred):
            count += 1
            if count % 100 == 0:
                monitor.progress(0.0, f"looking at file {count}")
            try:
                kind, tags = headers.of(path)
                size = path.stat().st_size
            except OSError:
                found.not_images += 1
                continue
            if kind == "zip":
                _from_zip(path, size, wanted, parts)
            elif kind == "dicom":
                _add(parts, tags, str(path), size, str(path.parent), wanted)
            elif kind == "other":
                found.not_images += 1
            elif _chosen(path.name, wanted):
                images.append(_image(path, size))
            else:
                found.not_wanted += 1
    headers.keep()
    found.studies = [_study(part) for part in parts.values()] + images
    unique = {study.id: study for study in found.studies}  # a folder that was named twice
    found.studies = sorted(unique.values(), key=lambda study: study.sources[0])
    if not found.studies:
        rest = f": {found.not_wanted} files were left out by the protocol" if found.not_wanted else ""
        raise BadInput(f"There is no study here{rest}", where=str(sources[0]), remedy="Name folders that hold scans.")
    return found


def _walk(root: Path, barred: Path | None) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if not name.endswith(".otwin") and Path(parent, name).resolve() != barred
        )
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path


def _look(stream: IO[bytes], name: str) -> tuple[str, list[str]]:
    """What a file is, and the tags where it is DICOM."""
    head = stream.read(_HEAD)
    lower = name.lower()
    if head[:2] == b"PK" and lower.endswith(".zip"):
        return "zip", []
    if head[:2] == b"\x1f\x8b":
        return ("nifti", []) if lower.endswith((".nii.gz", ".hdr.gz")) else ("other", [])
    if lower.endswith(_HALVES) and head[128:132] != b"DICM":
        return "other", []
    kind = kind_of(head)
    if kind != "dicom":
        if lower.endswith(_IMAGES):  # where it is empty or something else, its import will say so
            return ("image" if kind == "other" else kind), []
        return "other", []
    tags = _tags(stream)
    return ("other", []) if tags is None else ("dicom", tags)


def _tags(stream: IO[bytes]) -> list[str] | None:
    """Values of the tags of a DICOM file; None where it holds no image or is damaged beyond its header."""
    import pydicom

    from organtwin.io.frames import quiet

    stream.seek(0)
    try:
        with quiet():
            data = pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
            media = str(getattr(data.file_meta, "MediaStorageSOPClassUID", "")) if hasattr(data, "file_meta") else ""
            if media == _DICOMDIR:
                return None
            return [str(data.get(tag, "") or "") for tag in _TAGS[:6]]
    except Exception:  # pydicom raises anything on damaged files; the import will say what is wrong with it
        return [""] * 6


def _add(
    parts: dict[tuple[str, ...], _Parts], tags: list[str], file: str, size: int, folder: str, wanted: StudyFilter
) -> None:
    _, sop, study, series, patient, name = tags
    each = series if wanted.each == "series" else ""
    key = (study, patient, name, each) if study else ("", folder, "", each)
    part = parts.setdefault(key, _Parts(study, each))
    part.files.append((file, size))
    part.marks.append(f"{sop or Path(file).name} {size}")


def _from_zip(path: Path, size: int, wanted: StudyFilter, parts: dict[tuple[str, ...], _Parts]) -> None:
    """Every study in a zip; what cannot be opened is a study too, so that its import says why."""
    inside: dict[tuple[str, ...], _Parts] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                with archive.open(member) as stream:
                    kind, tags = _look(stream, member.filename)
                if kind == "dicom":
                    _add(inside, tags, str(path), member.file_size, str(path), wanted)
                elif kind not in ("other", "zip") and _chosen(Path(member.filename).name, wanted):
                    told = f"{member.filename} {member.CRC} {member.file_size}"
                    inside["image", member.filename] = _Parts(
                        "", member.filename, [(str(path), member.file_size)], [told]
                    )
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError):
        inside[("",)] = _Parts("", "", [(str(path), size)], [f"{path.name} {size}"])
    for key, part in inside.items():
        parts[(str(path), *key)] = part


def _chosen(name: str, wanted: StudyFilter) -> bool:
    lower = name.lower()
    return any(fnmatch.fnmatch(lower, p.lower()) for p in wanted.files) and not any(
        fnmatch.fnmatch(lower, p.lower()) for p in wanted.not_files
    )


def _image(path: Path, size: int) -> FoundStudy:
    with path.open("rb") as stream:
        content = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=10)).hexdigest()
    return FoundStudy(f"image-{_hash(str(path))[:10]}", (str(path),), content, size)


def _study(part: _Parts) -> FoundStudy:
    files = sorted({file for file, _ in part.files})
    marks = sorted(set(part.marks))  # a slice that is there twice is one
    content = _hash("\n".join(marks))
    packed = files[0].lower().endswith(".zip")
    whose = [part.study_uid, part.series_uid] if part.study_uid else [part.series_uid, files[0] if packed else content]
    return FoundStudy(
        id=f"{'series' if part.series_uid else 'study'}-{_hash(chr(10).join(whose))[:10]}",
        sources=tuple(files),
        content=content,
        bytes=sum(size for _, size in part.files),
        study_uid=part.study_uid,
        series_uid=part.series_uid,
    )


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
