"""Tools by name, found through entry points without importing what they need to work."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from organtwin.declared import declared, named
from organtwin.edit.canvas import Canvas, Proposal
from organtwin.model import Frozen
from organtwin.monitor import Monitor, NullMonitor

GROUP = "organtwin.edit_tools"


@dataclass(frozen=True)
class Tool:
    """One thing a hand can do.

    ``function`` is "module:name" of ``f(canvas, options, monitor) -> Proposal``, imported when it runs; ``options`` the record
    of its settings, all that is needed to do it again. ``quick`` tools answer within a frame on the largest scans, and may be
    run where the window waits. ``looks`` says that it needs the scan, ``target`` that it needs a segment in hand;
    ``ruled`` that the rules of the hand hold for it (locked segments are safe from every tool).
    """

    name: str
    title: str
    about: str
    options: type[Frozen]
    function: str
    quick: bool = False
    looks: bool = False
    target: bool = True
    ruled: bool = True

    def __call__(self, canvas: Canvas, options: Any, monitor: Monitor | None = None) -> Proposal:
        function = resolve_name(self.function)
        if self.looks:
            canvas.scan()
        if self.target:
            canvas.label_of(canvas.target)
        proposal: Proposal = function(canvas, options, monitor or NullMonitor())
        return proposal


def names() -> list[str]:
    return sorted(declared(GROUP))


def find(name: str) -> Tool:
    """The tool of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    found: Tool = named(GROUP, name, "tool")
    return found
