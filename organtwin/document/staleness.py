"""Which objects no longer follow from their inputs, and in which order to make them again."""

from __future__ import annotations

from organtwin.store import Entry, Project


class Versions:
    """Which live object is the present version of another, and what each was first made from.

    An object and all that took its place, one after the other, are versions of one thing. What a hand changed was still
    made from what its first version was made from.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._live = {project.root(e.uuid): e.uuid for e in project.entries()}

    def newest(self, uuid: str) -> str:
        """The live version of ``uuid``; itself if there is none."""
        return self._live.get(self._project.root(uuid), uuid)

    def sources(self, uuid: str) -> dict[str, str]:
        """Role -> uuid of what it was made from, before hands changed it."""
        recipe = self._project.entry(self._project.origin(uuid)).recipe
        return dict(recipe.inputs) if recipe else {}


def stale(project: Project) -> set[str]:
    """uuids of live objects one of whose inputs, at any depth, has been replaced by another version."""
    versions = Versions(project)
    found: set[str] = set()
    waiting: list[Entry] = project.entries()
    while True:  # an edited segmentation is younger than what was made from it before
        fresh = [
            e for e in waiting
            if any((now := versions.newest(s)) not in (s, e.uuid) or now in found for s in versions.sources(e.uuid).values())
        ]  # fmt: skip
        if not fresh:
            return found
        found |= {e.uuid for e in fresh}
        waiting = [e for e in waiting if e.uuid not in found]
