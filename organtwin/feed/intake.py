"""From what waits to observations of the project: the same checks as every import, each record once."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.document import Document
from organtwin.errors import OrganTwinError
from organtwin.feed.arriving import told_key
from organtwin.feed.spool import FOLDER, SETTINGS, Record, note_taken, taken_so_far, waiting
from organtwin.io.observations import fhir
from organtwin.io.observations.opening import HEAD, Opened
from organtwin.io.observations.settle import settle
from organtwin.io.observations.tray import Reason, Tray
from organtwin.model import Observations, Recipe
from organtwin.store import Project

AT_ONCE = 20_000  # records of one step
CHUNK = 2000  # readings of one object: until then, what arrives makes a new version of it
OPERATION = "import-feed"


@dataclass(frozen=True)
class Taken:
    """What a step took in: the object that has it now, how many readings are new, how many were set aside."""

    uuid: str
    readings: int
    set_aside: int
    records: int


def take_in(document: Document, now_s: float | None = None) -> Taken | None:
    """Take what waits into the project, as one step; None where nothing waits. For whoever has the project open.

    A crash at any moment loses nothing and doubles nothing: how far the files were read stands in the recipe of the object that
    the step adds, so both are there or neither.
    """
    project = document.project
    done = so_far(project)
    records = []
    for record in waiting(project.folder, project.vault, done):
        records.append(record)
        if len(records) == AT_ONCE:
            break
    if not records:
        note_taken(project.folder, project.vault, done)
        return None
    for record in records:
        done[record.file] = max(done.get(record.file, 0), record.number)
    earlier = project.objects(Observations)
    made = settled([r.data for r in records], earlier, time.time() if now_s is None else now_s)
    made = made.with_(purpose=purpose_of(project))
    readings, aside = len(made), len(made.quarantined)
    last = next((one for one in reversed(earlier) if one.recipe and one.recipe.operation == OPERATION), None)
    if last is not None and last.purpose == made.purpose and len(last) + len(last.quarantined) < CHUNK:
        made = joined(last, made).with_(uuid=made.uuid, created=made.created, replaces=last.uuid)
    made = made.with_(recipe=Recipe(operation=OPERATION, parameters={"taken": done}))
    document.add([made], f"{readings} readings arrived" if readings else "What arrived was set aside")
    note_taken(project.folder, project.vault, done)
    return Taken(made.uuid, readings, aside, len(records))


def purpose_of(project: Project) -> str:
    """What the patient's consent allows these readings to be used for, as it was told when the feed was started."""
    try:
        return str(project.vault.read_json(project.folder / FOLDER / SETTINGS).get("purpose") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def so_far(project: Project) -> dict[str, int]:
    """How many records of each file were taken in: by the note beside the files and by the newest objects made of them."""
    done = taken_so_far(project.folder, project.vault)
    for entry in project.entries("observations"):
        if entry.recipe is not None and entry.recipe.operation == OPERATION:
            for file, count in entry.recipe.parameters.get("taken", {}).items():
                done[file] = max(done.get(file, 0), int(count))
    return done


def settled(records: Sequence[Mapping[str, Any]], earlier: Sequence[Observations], now_s: float) -> Observations:
    """Records as observations; what cannot be taken is in the quarantine, with its reason."""
    try:
        return _settled(records, earlier, now_s)
    except (OrganTwinError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        if len(records) == 1:  # nothing that somebody sends may stop what others send
            said = error.sentence if isinstance(error, OrganTwinError) else "It could not be read"
            refused = {"by": records[0].get("by", ""), "raw": json.dumps(records[0])[:300], "why": said}
            return _settled([refused], (), now_s)
        half = len(records) // 2
        first = settled(records[:half], earlier, now_s)
        return joined(first, settled(records[half:], [*earlier, first], now_s))


def _settled(records: Sequence[Mapping[str, Any]], earlier: Sequence[Observations], now_s: float) -> Observations:
    tray = Tray(now_s=now_s)
    seen: set[str] = set()
    groups: dict[str, list[bytes]] = {}
    again = 0
    for n, record in enumerate(records, start=1):
        by = str(record.get("by") or "feed")
        resource = record.get("resource")
        if isinstance(resource, dict):
            key = told_key(resource)
            if key in seen:
                again += 1
            else:
                seen.add(key)
                whose = {k: v for k, v in resource.items() if k != "subject"}  # it was looked at when it arrived
                groups.setdefault(by, []).append(json.dumps(whose).encode() + b"\n")
        else:
            tray.file, tray.format, tray.place = f"feed ({by})", by, "message {}"
            reason: Reason = "patient" if record.get("reason") == "patient" else "unreadable"
            tray.refuse(reason, str(record.get("why") or "It could not be read"), n, str(record.get("raw", "")))
    for by, lines in groups.items():
        data = b"".join(lines)
        tray.file, tray.format = f"feed ({by})", by
        fhir.read_lines(Opened(tray.file, len(data), data[:HEAD], lambda data=data: io.BytesIO(data)), tray)  # type: ignore[misc]
    if again:
        tray.note(f"{again} messages were delivered more than once, and counted once.")
    return settle(tray, "Readings that arrived", earlier, "", now_s)


def joined(first: Observations, second: Observations) -> Observations:
    """Two lots of one patient as one, in order of time."""
    codes = tuple(dict.fromkeys([*first.codes, *second.codes]))
    sources = tuple(dict.fromkeys([*first.sources, *second.sources]))

    def both(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    def renumbered(name: str, old: Iterable[tuple[Any, ...]], new: tuple[Any, ...]) -> NDArray[np.uint16]:
        parts = []
        for one, names in zip((first, second), old, strict=True):
            table = np.array([new.index(x) for x in names] or [0], np.uint16)
            parts.append(table[np.asarray(getattr(one, name), np.intp)])
        return np.concatenate(parts)

    order = np.argsort(both("times_s"), kind="stable")
    code = renumbered("code", (first.codes, second.codes), codes)
    source = renumbered("source", (first.sources, second.sources), sources)
    events = [
        *first.events,
        *(e.model_copy(update={"source": sources.index(second.sources[e.source])}) for e in second.events),
    ]
    aside = b"\n".join(filter(None, (bytes(np.asarray(one.quarantine)).strip() for one in (first, second))))
    return second.with_(
        codes=codes, sources=sources, code=code[order], source=source[order], events=tuple(events),
        quarantine=np.frombuffer(aside, np.uint8), notes=tuple(dict.fromkeys([*first.notes, *second.notes])),
        **{name: both(name)[order] for name in ("times_s", "durations_s", "offset_min", "values")},
    )  # fmt: skip


__all__ = ["Record", "Taken", "joined", "settled", "so_far", "take_in"]
