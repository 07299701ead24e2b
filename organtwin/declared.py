"""What this installation declares in its entry points, by name: operations, models of physiology, interventions, tools.

A new one is a file and a line in pyproject.toml. A declaration is light: what it needs to work is imported when it works.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from organtwin.errors import BadInput


@cache
def declared(group: str) -> dict[str, Any]:
    """All things of a group by name, without those that need an optional part which is not installed."""
    found: dict[str, Any] = {}
    for entry in entry_points(group=group):
        try:
            found[entry.name] = entry.load()
        except ImportError:
            continue
    return found


def named(group: str, name: str, what: str) -> Any:
    """The thing of that name; ``what`` such things are called.

    Raises
    ------
    BadInput
        When there is none, or the optional part that it needs is not installed.
    """
    found = declared(group)
    if name not in found:
        raise BadInput(f"There is no {what} '{name}'", remedy=f"There are: {', '.join(sorted(found))}.")
    return found[name]
