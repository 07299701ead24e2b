"""What leaves a study: its row of the table, its pictures, its exported files. Made again when a hand has corrected it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from organtwin.batch.folder import DONE, SEGMENTED, BatchFolder, Outcome, corrected
from organtwin.batch.measure import measured
from organtwin.batch.protocol import Protocol
from organtwin.errors import OrganTwinError
from organtwin.model import DynamicSegmentation, DynamicVolume, Segment, Segmentation, Volume
from organtwin.store import Entry, Project
from organtwin.store.atomic import write_json


def leave(folder: BatchFolder, place: Path, outcome: Outcome, protocol: Protocol) -> Outcome:
    """Measure, draw and export the project at ``place``.

    Returns
    -------
    Outcome
        The same with its row; it is not written here.
    """
    with Project(place, read_only=True) as project:
        row, flags = measured(project, protocol.table)
        flags = [*outcome.flags, *flags]
        _pictures(project, place / DONE.parent)
        shutil.rmtree(folder.exports(outcome.id), ignore_errors=True)
        for one in protocol.export:
            try:
                _export(folder, project, outcome, protocol, one.what, one.as_)
            except OrganTwinError as error:
                flags.append(f"{one.what}.{one.as_} was not exported: {error.what}")
    by_hand, state = bool(corrected(place, outcome)), _live(place)
    return outcome.model_copy(
        update={
            "row": {**row, "flags": " | ".join(flags), "corrected": by_hand, "state": state},
            "leaving": protocol.leaving_key(),
        }
    )


def refresh(folder: BatchFolder, protocol: Protocol, study: str) -> Outcome | None:
    """Measure, draw and export a finished study again when a hand has changed it or the protocol's table has."""
    place = folder.project(study)
    outcome = folder.outcome(study)
    if outcome is None or outcome.status != "done":
        return None
    if outcome.leaving == protocol.leaving_key() and outcome.row.get("state") == _live(place):
        return None
    fresh = leave(folder, place, outcome, protocol)
    write_json(place / DONE, fresh.model_dump(mode="json"))
    return fresh


def _live(place: Path) -> str:
    """What is live in a project, in a few letters."""
    import hashlib

    with Project(place, read_only=True) as project:
        uuids = " ".join(e.uuid for e in project.entries() if e.kind in ("volume", *SEGMENTED))
    return hashlib.blake2b(uuids.encode(), digest_size=6).hexdigest()


def _newest(project: Project, uuids: tuple[str, ...]) -> list[Entry]:
    """The versions that took the place of objects and are live now."""
    wanted = set(uuids)
    found = []
    for entry in project.entries():
        at = entry
        while at.uuid not in wanted and at.replaces:
            at = project.entry(at.replaces)
        if at.uuid in wanted:
            found.append(entry)
    return found


def _export(folder: BatchFolder, project: Project, outcome: Outcome, protocol: Protocol, what: str, as_: str) -> None:
    from organtwin.io.export import export

    titles = ["scan", *(step.title for step in protocol.steps)]
    uuids = tuple(u for title, objects in zip(titles, outcome.objects, strict=False) if title == what for u in objects)
    entries = _newest(project, uuids)
    project.leaves("export", f"{what}.{as_} of a batch", [entry.uuid for entry in entries])
    target = folder.exports(outcome.id)
    target.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        more = f"-{entry.facts.get('structure') or entry.uuid[:8]}" if len(entries) > 1 else ""
        export(project.load(entry.uuid), target / f"{what}{more}.{as_.lstrip('.')}")


def _pictures(project: Project, folder: Path) -> None:
    from organtwin.batch.thumbnails import draw

    scans = [e for e in project.entries() if e.kind in ("volume", "dynamic")]
    if not scans:
        return
    scan: Any = project.load(scans[0].uuid)
    phase = 0
    labels: Any = None
    segments: tuple[Segment, ...] = ()
    for entry in reversed(project.entries()):
        if entry.kind not in SEGMENTED:
            continue
        thing = project.load(entry.uuid)
        if isinstance(thing, DynamicSegmentation):
            phase = thing.reference
            thing = thing.at(phase)
        if isinstance(thing, Segmentation) and thing.grid.same_as(scan.grid):
            labels, segments = np.asarray(thing.labels), thing.segments
            break
    if isinstance(scan, DynamicVolume):
        scan = scan.at(phase)
    assert isinstance(scan, Volume)
    draw(scan.grid, scan.values, labels, segments, scan.modality, folder)
