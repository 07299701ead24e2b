"""Each act as the line of Python that repeats it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from typing import Any

from organtwin.document import Change, Document
from organtwin.document.signal import Signal
from organtwin.errors import BadInput
from organtwin.operations import find
from organtwin.store import Entry, Project
from organtwin.store.journal import Act

BEGIN = """from organtwin.script import Twin

twin = Twin.create("again.otwin")
"""
PRIVATE = "  # not kept, because it may name the patient: put it in"


def script_of(project: Project) -> str:
    """A script that does again, in a new project, all that was done in this one and not taken back."""
    names = Names(project)
    lines = [line for act in project.history for line in of_act(act, project, names)]
    return BEGIN + "\n".join(lines) + "\n"


class Names:
    """A variable for every object; all versions of one share it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._of: dict[str, str] = {}

    def of(self, uuid: str) -> str:
        root = self._project.root(uuid)
        if root not in self._of:
            entry = self._project.entry(root)
            structure = entry.facts.get("structure") or ""
            plain = re.sub(r"\W+", "_", f"{structure}_{entry.kind}".lower()).strip("_") or "thing"
            if keyword.iskeyword(plain) or plain[0].isdigit():
                plain = f"a_{plain}"
            taken = set(self._of.values())
            self._of[root] = next(
                name for n in range(1, len(taken) + 2) if (name := plain if n == 1 else f"{plain}_{n}") not in taken
            )
        return self._of[root]


def of_act(act: Act, project: Project, names: Names) -> Iterator[str]:
    """The lines of one act."""
    entries = [project.entry(uuid) for uuid in act.add]
    while entries:
        recipe = entries[0].recipe
        same = [e for e in entries if e.recipe == recipe] if recipe else entries[:1]
        entries = [e for e in entries if e not in same]
        made = ", ".join(names.of(e.uuid) for e in same)
        yield f"{made} = {call(same[0], names)}"
    replaced = {project.entry(uuid).replaces for uuid in act.add}
    gone = [names.of(uuid) for uuid in act.remove if uuid not in replaced]
    if gone:
        yield f"twin.remove({', '.join(gone)})"
    for uuid, (_, name) in act.rename.items():
        yield f"twin.rename({names.of(uuid)}, {name!r})"


def call(entry: Entry, names: Names) -> str:
    """``twin.run(...)`` that makes an object again."""
    recipe = entry.recipe
    if recipe is None:
        return f"twin[{entry.name!r}]  # was not made by an operation"
    arguments = [repr(recipe.operation)]
    several: dict[str, list[str]] = {}
    for role, uuid in recipe.inputs.items():
        several.setdefault(re.sub(r"-\d+$", "", role), []).append(names.of(uuid))
    arguments += [
        f"{role}={of[0] if role in recipe.inputs else '[' + ', '.join(of) + ']'}" for role, of in several.items()
    ]
    left_out = ""
    try:
        operation = find(recipe.operation)
        defaults = {name: field.get_default(call_default_factory=True) for name, field in operation.parameters.model_fields.items()}  # fmt: skip
        if operation.private:
            arguments += [f"{name}=[...]" for name in operation.private]
            left_out = PRIVATE
    except BadInput:  # an optional part that is not installed here
        defaults = {}
    arguments += [f"{n}={_plain(v)!r}" for n, v in recipe.parameters.items() if n not in defaults or _plain(_dumped(defaults[n])) != _plain(v)]  # fmt: skip
    return f"twin.run({', '.join(arguments)}){left_out}"


def _dumped(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _plain(value: Any) -> Any:
    """Without what JSON makes differ: tuples as lists; numbers short enough to read, and to a nanometre."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


class Lines:
    """Follows a document and says each act as it is done, undo and redo included."""

    def __init__(self, document: Document) -> None:
        self.said: Signal[str] = Signal()
        self.all: list[str] = []
        self._document = document
        self._names = Names(document.project)
        for act in document.project.history:
            self.all += of_act(act, document.project, self._names)
        self.stop = document.changed.connect(self._heard)

    def _heard(self, change: Change) -> None:
        if change.way != "do":
            lines = [f"twin.{change.way}()"]
        else:
            lines = list(of_act(self._document.project.history[-1], self._document.project, self._names))
        for line in lines:
            self.all.append(line)
            self.said.emit(line)
