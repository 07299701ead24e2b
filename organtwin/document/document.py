"""An open project and what can be done with it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from organtwin.document.signal import Signal
from organtwin.document.staleness import Versions, stale
from organtwin.document.workbench import Workbench
from organtwin.edit.patch import Patch
from organtwin.errors import BadInput
from organtwin.jobs import Job, JobState, unseen
from organtwin.model import Segmentation, TwinObject
from organtwin.operations import find
from organtwin.store import Entry, Project, load_object
from organtwin.store.journal import Act
from organtwin.store.objects import set_replaces

SEALED_BYTES = 2**31  # of decrypted arrays kept beside what the views hold
KEPT_IN_MEMORY = 32  # objects; their arrays are memory-mapped, so this costs little


@dataclass(frozen=True)
class Change:
    """What a step did to the list of objects."""

    label: str
    way: Literal["do", "undo", "redo"] = "do"
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()


class Document:
    """Owns the state. Not thread-safe: call it from one thread, and :meth:`poll` it regularly.

    Signals
    -------
    changed : Change
        After every step, undo and redo.
    job_changed : Job
        When a job started, said something, or ended.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.changed: Signal[Change] = Signal()
        self.job_changed: Signal[Job] = Signal()
        self.jobs: dict[str, Job] = {}
        self._cache: OrderedDict[str, TwinObject] = OrderedDict()
        self._benches: list[Workbench] = []
        self._attach()

    @classmethod
    def create(cls, folder: Path, name: str = "", passphrase: str | None = None) -> Self:
        """Make a project; with a passphrase a sealed one."""
        return cls(Project.create(Path(folder), name, passphrase))

    @classmethod
    def open(cls, folder: Path, passphrase: str | None = None) -> Self:
        """Open a project; living jobs are followed again and finished ones adopted at the next :meth:`poll`.

        Raises
        ------
        organtwin.store.vault.Locked
            When it is sealed, and the passphrase is missing or wrong.
        """
        return cls(Project(Path(folder), passphrase=passphrase))

    def close(self) -> None:
        """Let go of the project. Jobs go on; whoever opens it next finds them."""
        for bench in tuple(self._benches):
            bench.close()
        self._cache.clear()
        self.project.close()

    # -- objects --------------------------------------------------------------------------------------------------

    def entries(self, kind: str | None = None) -> list[Entry]:
        return self.project.entries(kind)

    def entry(self, uuid: str) -> Entry:
        return self.project.entry(uuid)

    def get(self, uuid: str) -> TwinObject:
        """The object itself (kept, so asking again is cheap)."""
        for bench in self._benches:
            if bench.uuid == uuid:
                return bench.snapshot()
        if uuid not in self._cache:
            self._cache[uuid] = self.project.load(uuid)
            while len(self._cache) > KEPT_IN_MEMORY or self._too_much():
                self._cache.popitem(last=False)
        self._cache.move_to_end(uuid)
        return self._cache[uuid]

    def objects[T: TwinObject](self, of: type[T]) -> list[T]:
        """All live objects of a class, in order of appearance."""
        found = (self.get(entry.uuid) for entry in self.entries(of.kind))
        return [thing for thing in found if isinstance(thing, of)]

    def _too_much(self) -> bool:
        """Arrays of a sealed project are not mapped: they fill the memory."""
        if not self.project.vault.sealed or len(self._cache) < 2:
            return False
        values = (value for thing in self._cache.values() for _, value in thing)
        arrays = (a for v in values for a in (v.values() if isinstance(v, dict) else (v,)) if isinstance(a, np.ndarray))
        return sum(a.nbytes for a in arrays) > SEALED_BYTES

    def latest(self, kind: str, **facts: Any) -> Entry | None:
        """The newest live object of a kind whose meta data agrees with ``facts``."""
        for entry in reversed(self.entries(kind)):
            if all(entry.facts.get(key) == value for key, value in facts.items()):
                return entry
        return None

    def stale(self) -> set[str]:
        """uuids of objects whose inputs have changed since they were made."""
        return stale(self.project)

    # -- steps ----------------------------------------------------------------------------------------------------

    def add(self, things: list[TwinObject], label: str, job: str | None = None) -> None:
        """Add objects as one undoable step; one that replaces another takes it away in the same step."""
        for thing in things:
            self.project.put(thing)
        self._add([t.uuid for t in things], label, job)

    def _add(self, uuids: list[str], label: str, job: str | None = None) -> None:
        replaced = (self.project.entry(u).replaces for u in uuids)
        gone = tuple(u for u in replaced if u and self.project.is_live(u))
        self._do(Act(label=label, add=tuple(uuids), remove=gone, job=job))

    def remove(self, uuids: list[str], label: str = "") -> None:
        names = ", ".join(self.project.load(u).name for u in uuids)
        self._do(Act(label=label or f"Remove {names}", remove=tuple(uuids)))

    def rename(self, uuid: str, name: str) -> None:
        old = next(e.name for e in self.entries() if e.uuid == uuid)
        if name.strip() and name != old:
            self._do(Act(label=f"Rename {old}", rename={uuid: (old, name.strip())}))

    def workbench(self, uuid: str) -> Workbench:
        """The segmentation to be worked on by hand; there is one workbench for all versions of it."""
        for bench in self._benches:
            if bench.uuid == uuid:
                return bench
        bench = Workbench(self, uuid)
        self._benches.append(bench)
        return bench

    def leave(self, bench: Workbench) -> None:
        """Called by a workbench that closes."""
        if bench in self._benches:
            self._benches.remove(bench)

    def edit(self, thing: Segmentation, base: str, patch: Patch, label: str) -> None:
        """Add the next version of a segmentation, kept as its difference to the one before, as one undoable step."""
        self.project.put_edited(thing, base, patch)
        self._add([thing.uuid], label)

    def undo(self) -> None:
        step = self.project.undo()
        if step:
            self._told(f"Undo {step.label}", "undo", step.remove, step.add, tuple(step.rename))

    def redo(self) -> None:
        step = self.project.redo()
        if step:
            self._told(f"Redo {step.label}", "redo", step.add, step.remove, tuple(step.rename))

    @property
    def undo_label(self) -> str | None:
        return self.project.undo_label

    @property
    def redo_label(self) -> str | None:
        return self.project.redo_label

    def _do(self, act: Act) -> None:
        self.project.act(act)
        self._told(act.label, "do", act.add, act.remove, tuple(act.rename))

    def _told(
        self,
        label: str,
        way: Literal["do", "undo", "redo"],
        added: tuple[str, ...],
        removed: tuple[str, ...],
        renamed: tuple[str, ...],
    ) -> None:
        for uuid in renamed:
            self._cache.pop(uuid, None)
        self.changed.emit(Change(label, way, added, removed, renamed))

    # -- jobs -----------------------------------------------------------------------------------------------------

    def start(
        self,
        operation: str,
        inputs: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
        label: str = "",
        replaces: tuple[str, ...] = (),
        ranks: int = 1,
    ) -> Job:
        """Start an operation as a job. Parameters are checked here, so a mistake is told at once.

        Raises
        ------
        BadInput
            When the operation, a parameter or an input is wrong; nothing was started.
        """
        known = find(operation)
        self.project.may("import" if operation.startswith("import") else "run")
        known.read(parameters or {})
        known.check({role: self.entry(uuid).kind for role, uuid in (inputs or {}).items()})
        job = Job.create(
            self.project.jobs_folder, operation, inputs or {}, parameters or {}, label or known.title, replaces, ranks
        )
        job.start()
        self.jobs[job.id] = job
        self.job_changed.emit(job)
        return job

    def refresh(self, uuid: str) -> Job:
        """Make a stale object again from the newest inputs; the result replaces it."""
        entries = {e.uuid: e for e in self.entries()}
        entry = entries[uuid]
        if entry.recipe is None:
            raise BadInput(f"'{entry.name}' was not made by an operation, so it cannot be made again")
        if self.project.origin(uuid) != uuid:
            raise BadInput(f"'{entry.name}' was changed by hand, so it cannot be made again without losing that",
                           remedy="Make a new one from the newest inputs, and go on from there.")  # fmt: skip
        versions = Versions(self.project)
        inputs = {role: versions.newest(source) for role, source in entry.recipe.inputs.items()}
        old = self.stale()
        waiting = [i for i in inputs.values() if i in old]
        if waiting:
            return self.refresh(waiting[0])
        siblings = tuple(e.uuid for e in entries.values() if e.recipe == entry.recipe)
        return self.start(entry.recipe.operation, inputs, entry.recipe.parameters, f"Update {entry.name}", siblings)

    def poll(self) -> bool:
        """Hear the jobs and adopt what they finished; returns whether any is still running."""
        for job in list(self.jobs.values()):
            was_ended = job.state.ended
            heard = job.poll()
            if job.state.ended and not was_ended:
                job.forget(find(job.spec.operation).private)
                if job.state is JobState.DONE:
                    self._adopt(job)
            if heard:
                self.job_changed.emit(job)
        return any(not job.state.ended for job in self.jobs.values())

    def resume(self, job: Job) -> None:
        """Let a job that was ended before it was done go on from its checkpoint."""
        job.resume()
        self.job_changed.emit(job)

    def dismiss(self, job: Job) -> None:
        """Forget an ended job; its folder stays."""
        if job.state.ended:
            self.jobs.pop(job.id, None)
            if job.id not in self.project.seen_jobs:
                self.project.dismiss_job(job.id)

    def _adopt(self, job: Job) -> None:
        if job.id in self.project.seen_jobs:
            return
        folders = job.result_folders()
        replaced = [self.entry(u) for u in job.spec.replaces]
        for folder in folders:
            made = load_object(folder)
            old = next(
                (
                    e
                    for e in replaced
                    if (e.kind, e.facts.get("structure")) == (made.kind, getattr(made, "structure", None))
                ),
                None,
            )
            if old is not None:
                replaced.remove(old)
                set_replaces(folder, old.uuid)
            self.project.take_in(folder)
        made_uuids = [u for u in (job.done.objects if job.done else ()) if (self.project.objects_folder / u).is_dir()]
        self._add(made_uuids, job.spec.label, job.id)

    def _attach(self) -> None:
        """Find the jobs of an earlier session: those that live, and those whose result nobody has taken."""
        self.jobs |= {job.id: job for job in unseen(self.project.jobs_folder, self.project.seen_jobs)}
