"""Which objects no longer follow from their inputs, and in which order to make them again."""

from __future__ import annotations

from collections.abc import Mapping

from organtwin.store import Entry


def newest(uuid: str, entries: Mapping[str, Entry]) -> str:
    """The live object that has taken the place of ``uuid``, directly or through others; itself if none has."""
    following = {e.replaces: e.uuid for e in entries.values() if e.replaces}
    seen = {uuid}
    while uuid in following and following[uuid] not in seen:
        uuid = following[uuid]
        seen.add(uuid)
    return uuid


def stale(entries: Mapping[str, Entry]) -> set[str]:
    """uuids of live objects one of whose inputs, at any depth, has been replaced by a newer version."""
    found: set[str] = set()
    for entry in entries.values():  # inputs come before what is made from them
        for source in entry.recipe.inputs.values() if entry.recipe else ():
            if newest(source, entries) != source or source in found:
                found.add(entry.uuid)
    return found
