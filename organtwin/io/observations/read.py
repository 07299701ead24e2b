"""The one door for readings in files: the format is told by the content."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from organtwin.errors import BadInput
from organtwin.io.observations.formats import FORMATS, Format
from organtwin.io.observations.opening import Opened, files_in
from organtwin.io.observations.settle import settle
from organtwin.io.observations.times import zone_named
from organtwin.io.observations.tray import Shared, Tray, as_lines
from organtwin.model import Observations
from organtwin.monitor import Monitor, NullMonitor
from organtwin.timeline.codes import code, in_unit


def read_observations(
    paths: Path | str | Sequence[Path | str],
    *,
    timezone: str = "",
    dates: str = "",
    patient: str = "",
    units: Mapping[str, str] | None = None,
    purpose: str = "",
    earlier: Sequence[Observations] = (),
    now_s: float | None = None,
    name: str = "",
    monitor: Monitor | None = None,
) -> Observations:
    """Read files, folders and zip files of readings as one import.

    Parameters
    ----------
    paths : path or sequence of paths
    timezone : str
        IANA name of the patient's time zone, for times that do not tell theirs; UTC without it, with a note.
    dates : {"", "day-first", "month-first"}
        How numbers are to be read where a file does not tell.
    patient : str
        Whose readings to take of a file with several patients: the id it has there.
    units : mapping of reading to unit
        For readings whose file tells no unit, and whose values do not either.
    purpose : str
        What the patient's consent allows.
    earlier : sequence of Observations
        What is there already: its duplicates and other patients' readings are set aside.
    now_s : float, optional
        The time now, in seconds since 1970 UTC; what lies later has a wrong clock.

    Returns
    -------
    Observations
        In order of time; what was set aside is in its quarantine, with a reason each.

    Raises
    ------
    BadInput
        When a path is absent, nothing can be read, a file is broken or hostile, or does not tell whose it is: one sentence.
    """
    monitor = monitor or NullMonitor()
    zone_named(timezone)
    chosen = [Path(p).expanduser() for p in ([paths] if isinstance(paths, str | Path) else paths)]
    if not chosen:
        raise BadInput("Nothing was given to import", remedy="Name a file, a folder or a zip file.")
    if dates not in ("", "day-first", "month-first"):
        raise BadInput(f"'{dates}' is no order of dates", remedy="It is day-first or month-first.")
    tray = Tray(
        timezone=timezone, dates=dates, now_s=time.time() if now_s is None else now_s, units=_units(units or {})
    )
    used: list[str] = []
    passed: list[str] = []
    broken: list[BadInput] = []
    looks = ""
    with files_in(chosen, passed) as files:
        for n, file in enumerate(files):
            share = 0.9 * (1 - 1 / (1 + n / 4))
            tray.progress = lambda what, n=n, share=share: monitor.progress(share, f"file {n + 1}: {what}")  # type: ignore[misc]
            tray.progress("looking at it")
            format = _format(file)
            if format is None:
                passed.append(file.name)
                looks = looks or _looks_like(file)
                continue
            own = tray.of_file(file.name, format.name)
            try:
                try:
                    format.read(file, own)
                except RecursionError as error:
                    raise BadInput("The file is nested deeper than readings can be", where=file.name) from error
            except BadInput as error:
                broken.append(error)
                tray.set_aside("unreadable", error.sentence, file.name, "")
            else:
                tray.absorb(own)
                used.append(format.title)
    if not used:
        raise broken[0] if broken else _nothing(passed, looks)
    if passed:
        few = ", ".join(passed[:3])
        tray.note(
            f"{'One file holds' if len(passed) == 1 else f'{len(passed)} files hold'} no readings and "
            f"{'was' if len(passed) == 1 else 'were'} passed over: {few}{' ...' if len(passed) > 3 else ''}."
        )
    if tray.naive and not timezone:
        tray.note("Times without a zone were taken for UTC; name the patient's time zone to have them right.")
    monitor.progress(0.92, "checking")
    made = settle(tray, name or _named(chosen, used), earlier, patient, tray.now_s)
    if not len(made) and not made.events and not len(made.quarantine):
        raise _nothing([file.name for file in chosen], " ".join(tray.notes).rstrip("."))
    digests = {path.name: _sha256(path) for path in chosen if path.is_file()}
    only = next(iter(digests.values())) if len(digests) == 1 and len(chosen) == 1 else ""
    sources = tuple(s.model_copy(update={"sha256": digests.get(s.name, only)}) for s in made.sources)
    monitor.progress(1.0, "read")
    return _nameless(made.with_(sources=sources, purpose=purpose), tray.shared)


def _nameless(made: Observations, shared: Shared) -> Observations:
    """Without the patient's name in names of files: many are called as he is."""
    if not shared.words:
        return made
    sources = tuple(s.model_copy(update={"name": shared.cleaned(s.name)}) for s in made.sources)
    aside = []
    for q in made.quarantined:
        file, comma, place = q.place.partition(", ")
        kept = {
            "place": shared.cleaned(file) + comma + place,
            "said": shared.scrubbed(q.said),
            "raw": shared.scrubbed(q.raw),
        }
        aside.append(q.model_copy(update=kept))
    notes = tuple(shared.scrubbed(note) for note in made.notes)
    return made.with_(sources=sources, quarantine=as_lines(aside), notes=notes)


def _units(told: Mapping[str, str]) -> dict[str, str]:
    for name, unit in told.items():
        in_unit(name, 1.0, unit)
    return {code(name).loinc: unit for name, unit in told.items()}


def _format(file: Opened) -> Format | None:
    return next((format for format in FORMATS if format.knows(file)), None)


def _nothing(passed: list[str], looks: str) -> BadInput:
    known = ", ".join(dict.fromkeys(format.title for format in FORMATS))
    if len(passed) == 1:
        what = f"There are no readings here: {looks}" if looks else "There are no readings here"
        return BadInput(what, where=passed[0], remedy=f"What can be read: {known}.")
    return BadInput("There are no readings here", where=f"{len(passed)} files", remedy=f"What can be read: {known}.")


def _looks_like(file: Opened) -> str:
    """What a file is that no format knows, where that is plain."""
    start = file.start.lstrip()[:200].lower()
    if not start:
        return "the file is empty"
    if start.startswith(("<!doctype html", "<html")):
        return "it is a web page, perhaps one that asks to log in"
    if "http://hl7.org/fhir" in start and start[0] == "<":
        return "it is FHIR as XML; JSON is read"
    if "urn:hl7-org:v3" in start:
        return "it is a CDA document; FHIR is read"
    if file.head.startswith(b"%PDF"):
        return "it is a PDF"
    return "it is no text" if b"\0" in file.head[:1000] else ""


def _named(paths: list[Path], used: list[str]) -> str:
    kinds = ", ".join(dict.fromkeys(used))
    return f"Readings ({kinds})" if len(kinds) < 60 else f"Readings from {len(paths)} files"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
