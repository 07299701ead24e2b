"""A project in the hands of a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from organtwin.document import Document
from organtwin.edit.edit import Edit
from organtwin.errors import BadInput, Cancelled, OrganTwinError
from organtwin.jobs import JobState
from organtwin.model import Result, Segmentation, TwinObject
from organtwin.operations import find

POLL_S = 0.05

Progress = Callable[[float, str], None]


class Twin:
    """An open project. Whatever is done is a step of it: kept at once, undoable, seen by the window the next time.

    Examples
    --------
    >>> with Twin.create("case.otwin") as twin:                                          # doctest: +SKIP
    ...     scan = twin.run("import", sources=["/scans/ct"])
    ...     organs = twin.run("segment", volume=scan, engine="ct")
    ...     organs = twin.run("edit", segmentation=organs, tool="margin", segment="liver", options={"margin_mm": 2.0})
    ...     surface, mesh = twin.run("mesh", segmentation=organs, structure="liver", edge="6 mm")
    ...     twin.export(mesh, "liver.vtu")
    """

    def __init__(self, document: Document, progress: Progress | None = None) -> None:
        self.document = document
        self.progress = progress

    @classmethod
    def open(cls, folder: str | Path, progress: Progress | None = None) -> Self:
        """Open a project. ``progress`` is called with a fraction and a few words whenever a
        running operation has come on."""
        return cls(Document.open(Path(folder)), progress)

    @classmethod
    def create(cls, folder: str | Path, name: str = "", progress: Progress | None = None) -> Self:
        """Make a new project."""
        return cls(Document.create(Path(folder), name), progress)

    def close(self) -> None:
        self.document.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- looking --------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> TwinObject:
        """The object of that name or uuid; of several with one name the newest.

        Raises
        ------
        BadInput
            When there is none.
        """
        for entry in reversed(self.document.entries()):
            if name in (entry.name, entry.uuid):
                return self.document.get(entry.uuid)
        known = ", ".join(f"'{e.name}'" for e in self.document.entries()) or "none"
        raise BadInput(f"The project has no object '{name}'", remedy=f"It has: {known}.")

    def all(self, kind: str | None = None) -> list[TwinObject]:
        """Its objects, or those of one kind ("volume", "segmentation", "mesh" ...), in order of appearance."""
        return [self.document.get(entry.uuid) for entry in self.document.entries(kind)]

    # -- doing ----------------------------------------------------------------------------------------------------

    def run(self, operation: str, /, **arguments: Any) -> Any:
        """Do an operation by name, in a process of its own, and wait for it.

        Arguments that are objects of the twin are its inputs, by role; a list of objects under a role that may come several
        times is all of these; everything else is a parameter. ``organtwin operations`` lists them.

        Returns
        -------
        TwinObject, or a tuple of several
            What was made.

        Raises
        ------
        BadInput
            For an unknown operation, role or parameter; nothing was started.
        OrganTwinError
            With the operation's own sentence when it failed.
        """
        inputs, parameters = _sorted(arguments)
        if operation == "edit":
            return self._edit(inputs, parameters)
        job = self.document.start(operation, {role: thing.uuid for role, thing in inputs.items()}, parameters)
        try:
            told: tuple[float, str] | None = None
            while self.document.poll():
                if self.progress and job.what and told != (job.fraction, job.what):
                    told = (job.fraction, job.what)
                    self.progress(*told)
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            job.cancel()
            while self.document.poll():
                time.sleep(POLL_S)
        if job.state is not JobState.DONE or job.done is None:
            self.document.dismiss(job)
            raise Cancelled if job.state is JobState.CANCELLED else job.error or OrganTwinError(f"'{operation}' failed")
        made = tuple(self.document.get(uuid) for uuid in job.done.objects)
        return made[0] if len(made) == 1 else made

    def _edit(self, inputs: dict[str, TwinObject], parameters: dict[str, Any]) -> Segmentation:
        """A hand's edit: kept as its difference."""
        known = find("edit")
        checked = known.read(parameters)
        known.check({role: thing.kind for role, thing in inputs.items()})
        bench = self.document.workbench(inputs["segmentation"].uuid)
        volume = inputs.get("volume")
        bench.do(Edit.model_validate(checked.model_dump()), volume.uuid if volume else None)
        return bench.snapshot()

    def undo(self) -> None:
        """Take the last step back."""
        self.document.undo()

    def redo(self) -> None:
        self.document.redo()

    def rename(self, thing: TwinObject, name: str) -> TwinObject:
        self.document.rename(thing.uuid, name)
        return self.document.get(thing.uuid)

    def remove(self, *things: TwinObject) -> None:
        """Take objects out of the project; undo brings them back."""
        self.document.remove([thing.uuid for thing in things])

    # -- giving away ----------------------------------------------------------------------------------------------

    def export(
        self, thing: TwinObject | Sequence[TwinObject], file: str | Path, *, purpose: str = "", **options: Any
    ) -> Path:
        """Write to a file of the field; its ending says which. Options are those of :func:`organtwin.io.export.export`, as in
        ``form="rtstruct"`` or ``sources=["/scans/ct"]``. ``purpose``: what for; the patient's consent must cover it."""
        from organtwin.io.export import export

        things = [thing] if isinstance(thing, TwinObject) else list(thing)
        names = ", ".join(one.name for one in things)
        self.document.project.leaves("export", names, [one.uuid for one in things], purpose)
        if isinstance(thing, Result):  # points and fields; the cells are the mesh's
            thing = [thing, self.document.get(thing.mesh)]
        return export(thing, file, **options)

    def report(self, file: str | Path, *, purpose: str = "") -> Path:
        """Write a report with pictures."""
        from organtwin.report.html import write_report

        self.document.project.leaves("report", f"report as {Path(file).suffix}", purpose=purpose)
        return write_report(self.document.project, Path(file))


def _sorted(arguments: dict[str, Any]) -> tuple[dict[str, TwinObject], dict[str, Any]]:
    """Inputs by role, and parameters."""
    inputs: dict[str, TwinObject] = {}
    parameters: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, TwinObject):
            inputs[name] = value
        elif isinstance(value, list | tuple) and value and all(isinstance(v, TwinObject) for v in value):
            inputs |= {f"{name}-{n}": one for n, one in enumerate(value, start=1)}
        else:
            parameters[name] = value
    return inputs, parameters
