"""Find the object a person means: by kind, by name, by the first letters of its uuid, or simply the newest."""

from __future__ import annotations

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.store import Entry
from organtwin.store.relations import scan_behind

KINDS = {"dynamic": "scan of several phases", "dynamic-segmentation": "segmentation of several phases"}


def choose(document: Document, kind: str | None, wanted: str | None = None, **facts: object) -> Entry:
    """The object of ``kind`` that ``wanted`` names, or the newest one.

    Raises
    ------
    BadInput
        When there is none, or the name fits several.
    """
    entries = [e for e in document.entries(kind) if all(e.facts.get(k) == v for k, v in facts.items())]
    what = KINDS.get(kind or "", (kind or "object").replace("_", " "))
    about = "".join(f" of {value}" for value in facts.values())
    if wanted is None:
        if not entries:
            raise BadInput(f"The project has no {what}{about} yet", where=str(document.project.folder))
        return entries[-1]
    return choose_in(entries, wanted, what)


def choose_segmentation(document: Document, structures: str | list[str], wanted: str | None = None) -> Entry:
    """The segmentation that ``wanted`` names, else the newest one that has the structures, else the newest.

    Raises
    ------
    BadInput
        When there is none, or the name fits several.
    """
    entries = document.entries("segmentation") if wanted is None else []
    needed = {structures} if isinstance(structures, str) else set(structures)
    having = [e for e in entries if needed <= {s["key"] for s in e.facts.get("segments", ())}]
    return having[-1] if having else choose(document, "segmentation", wanted)


def choose_scan(document: Document, segmentation: Entry, wanted: str | None = None) -> Entry:
    """The volume that ``wanted`` names, else the one behind the segmentation, else the newest.

    Raises
    ------
    BadInput
        When there is none, or the name fits several.
    """
    behind = scan_behind(segmentation, document.entries("volume")) if wanted is None else None
    return behind or choose(document, "volume", wanted)


def choose_in(entries: list[Entry], wanted: str, what: str = "object") -> Entry:
    """The one of ``entries`` that ``wanted`` names.

    Raises
    ------
    BadInput
        When there is none, or the name fits several.
    """
    found = [e for e in entries if e.uuid == wanted or e.name == wanted]
    if not found:
        found = [e for e in entries if e.uuid.startswith(wanted) or e.name.lower() == wanted.lower()]
    if len(found) == 1:
        return found[0]
    listing = ", ".join(f"'{e.name}' ({e.uuid[:8]})" for e in (found or entries)) or "none"
    if found:
        raise BadInput(f"'{wanted}' fits several objects", remedy=f"Give the uuid: {listing}.")
    raise BadInput(f"The project has no {what} '{wanted}'", remedy=f"It has: {listing}.")
