"""Copies without identity, of files or of what a project holds, in a new folder."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import Observations, Segmentation, TwinObject, Volume
from organtwin.monitor import Monitor, NullMonitor
from organtwin.privacy.deidentification.dicom import Deidentifier, Refused, shows_a_face
from organtwin.privacy.deidentification.fhir import RESOURCES, FhirDeidentifier
from organtwin.privacy.deidentification.pseudonyms import Pseudonyms
from organtwin.store import Project

FHIR_ENDINGS = (".json", ".ndjson")


@dataclass
class Copied:
    """What was written, and what not. ``notes`` are sentences for whoever passes the copies on."""

    files: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wish:
    """How: see :class:`organtwin.privacy.deidentification.dicom.Deidentifier`."""

    shift_dates: bool = False
    keep_characteristics: bool = False
    allow_burned_in: bool = False
    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)

    def dicom(self, person: str = "") -> Deidentifier:
        return Deidentifier(self.pseudonyms, self.shift_dates, self.keep_characteristics, self.allow_burned_in, person)


def deidentify(sources: Sequence[Path], out: Path, wish: Wish, monitor: Monitor | None = None) -> Copied:
    """Write copies of DICOM and FHIR files to a new or empty folder.

    Raises
    ------
    BadInput
        When there is nothing to copy, ``out`` is in use, or no file could be cleaned: one sentence.
    """
    from organtwin.io.sources import gather

    _empty(out)
    copied, monitor = Copied(), monitor or NullMonitor()
    fhir = [s for s in sources if s.is_file() and s.name.lower().endswith(FHIR_ENDINGS)]
    others = [s for s in sources if s not in fhir]
    for number, file in enumerate(fhir, 1):
        _fhir_file(file, out / f"fhir-{number}{file.suffix.lower()}", wish, copied)
    if others:
        with gather(others) as gathered:
            found = [f for f in gathered.files if f.kind == "dicom"]
            copied.left_out["no DICOM file: nothing is known of what is in it"] += (
                len(gathered.files) - len(found) + gathered.skipped
            )
            _dicom([f.path for f in found], out, wish.dicom(), copied, monitor)
    return _told(copied)


def deidentify_project(
    project: Project, out: Path, wish: Wish, series: Sequence[Path] = (), monitor: Monitor | None = None
) -> Copied:
    """Write copies of what a project holds: scans as NIfTI, segmentations as DICOM SEG, readings as FHIR; and with the scan's
    own DICOM files (``series``) these too, to which the segmentations then refer. Raises as :func:`deidentify`.
    """
    from organtwin.io.export import export
    from organtwin.io.observations.fhir_export import write_fhir
    from organtwin.io.sources import gather
    from organtwin.timeline.timeline import Timeline

    _empty(out)
    copied, monitor = Copied(), monitor or NullMonitor()
    person = _person_of(project)
    cleaner = wish.dicom(person)
    if series:
        with gather(series) as gathered:
            _dicom([f.path for f in gathered.files if f.kind == "dicom"], out, cleaner, copied, monitor)
    observations: list[Observations] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="organtwin-") as name:
        for entry in project.entries():
            if entry.kind not in ("volume", "segmentation", "observations"):
                copied.left_out[f"objects of the kind {entry.kind}: export them one by one"] += 1
                continue
            thing: TwinObject = project.load(entry.uuid)
            counts[entry.kind] += 1
            if isinstance(thing, Observations):
                observations.append(thing)
            elif isinstance(thing, Volume):
                bare = thing.with_(name="scan", notes=(), acquisition={}, recipe=None)
                copied.files.append(export(bare, out / f"volume-{counts['volume']}.nii.gz"))
            elif isinstance(thing, Segmentation) and np.any(thing.labels):
                file = export(_wordless(thing), Path(name) / f"{entry.uuid}.dcm", form="dicom-seg", sources=series)
                _dicom([file], out, cleaner, copied, monitor)
    if observations:
        with tempfile.TemporaryDirectory(prefix="organtwin-") as place:
            file = Path(place) / "readings.ndjson"
            write_fhir(Timeline(observations), file)
            _fhir_file(file, out / "readings.ndjson", wish, copied, person)
    return _told(copied)


def _wordless(segmentation: Segmentation) -> Segmentation:
    """Names that a hand gave can name people; the codes of the structures stay."""
    kept = tuple(
        s.model_copy(update={"name": s.key.replace("_", " ").capitalize(), "doubt": ""}) for s in segmentation.segments
    )
    return segmentation.with_(name="segmentation", notes=(), segments=kept)


def _person_of(project: Project) -> str:
    """One patient, whatever its parts call him."""
    return "\n".join(
        sorted({str(e.facts.get("person", {}).get("identity", "")) for e in project.entries("observations")} - {""})
    ) or str(project.folder)


def _dicom(files: Sequence[Path], out: Path, clean: Deidentifier, copied: Copied, monitor: Monitor) -> None:
    import pydicom

    from organtwin.io.frames import quiet

    faces = 0
    for number, file in enumerate(files):
        monitor.progress(number / len(files), f"{number} of {len(files)} files")
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = pydicom.dcmread(file, force=True)
                if "SOPClassUID" not in dataset and "PixelData" not in dataset:
                    copied.left_out["no image, segmentation or report"] += 1
                    continue
                made = clean(dataset)
                faces += shows_a_face(dataset) and "PixelData" in dataset
                target = (
                    out / str(made.PatientID) / _short(made, "StudyInstanceUID") / _short(made, "SeriesInstanceUID")
                )
                target.mkdir(parents=True, exist_ok=True)
                path = target / f"{made.SOPInstanceUID}.dcm"
                if path.exists():
                    copied.left_out["another file of the same image or object"] += 1
                    continue
                made.save_as(path, enforce_file_format=True)
            except Refused as error:
                copied.left_out[error.sentence.rstrip(".")] += 1
            except (OSError, ValueError, TypeError, AttributeError, KeyError, NotImplementedError) as error:
                copied.left_out[f"damaged ({type(error).__name__})"] += 1
            else:
                copied.files.append(path)
    if faces:
        copied.notes.append(
            f"{faces} pictures seem to be of a head: from thin slices of it a face can be made. Nothing here takes that away."
        )


def _short(dataset: Any, name: str) -> str:
    return str(dataset.get(name, "") or "")[-12:] or "unknown"


def _fhir_file(file: Path, target: Path, wish: Wish, copied: Copied, person: str = "") -> None:
    clean = FhirDeidentifier(wish.pseudonyms, person)
    try:
        if file.suffix.lower() == ".ndjson":
            lines = list(_lines(file))
            known = [one for one in lines if one.get("resourceType") in (*RESOURCES, "Bundle")]
            clean.passed_over += len(lines) - len(known)
            text = "".join(json.dumps(clean(one), ensure_ascii=False) + "\n" for one in known)
        else:
            data = json.loads(file.read_text(encoding="utf-8-sig"))
            if not isinstance(data, dict) or "resourceType" not in data:
                raise ValueError("no FHIR")
            text = json.dumps(clean(data), ensure_ascii=False, indent=1) + "\n"
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        copied.left_out["not FHIR that can be read"] += 1
        return
    copied.left_out["FHIR resource of a kind of which nothing is known"] += clean.passed_over
    target.write_text(text, encoding="utf-8")
    copied.files.append(target)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8-sig") as stream:
        for line in stream:
            if line.strip():
                yield json.loads(line)


def _empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(
            "There is something at this place already", where=str(out), remedy="Choose a new or an empty folder."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"This folder cannot be made: {error.strerror}", where=str(out)) from error


def _told(copied: Copied) -> Copied:
    copied.left_out += Counter()  # drops what was counted none
    if not copied.files:
        why = "; ".join(f"{count} × {reason}" for reason, count in copied.left_out.most_common(3))
        raise BadInput(f"Nothing was written{f': {why}' if why else ', for there is nothing to copy'}")
    return copied
