"""A procedure as it is told on the command line."""

from __future__ import annotations

from typing import Any

from organtwin.errors import BadInput
from organtwin.store import Entry

# what each action needs, by the names of the options
NEEDS = {
    "stent": ("toward", "start_mm", "stop_mm", "diameter"),
    "balloon": ("toward", "start_mm", "stop_mm", "diameter"),
    "remove-stenosis": ("toward", "start_mm", "stop_mm"),
    "clamp": ("toward", "at_mm"),
    "bypass": ("start_toward", "start_mm", "stop_toward", "stop_mm", "diameter"),
}


def described(action: str, mesh: Entry, **options: Any) -> dict[str, Any]:
    """The action as the operation takes it; the only outlet of a vessel need not be named.

    Raises
    ------
    BadInput
        Naming the option that is missing or does not belong to the action.
    """
    if action not in NEEDS:
        raise BadInput(f"There is no procedure '{action}'", remedy=f"There are: {', '.join(NEEDS)}.")
    outlets = [cap["name"] for cap in mesh.facts.get("caps", ()) if cap["role"] == "outlet"]
    if options.get("toward") is None and len(outlets) == 1:
        options["toward"] = outlets[0]
    if action == "bypass":
        options["start_toward"] = options.pop("toward")
        options["stop_toward"] = options["stop_toward"] or options["start_toward"]
    given = {name: value for name, value in options.items() if value is not None}
    missing = [name for name in NEEDS[action] if name not in given]
    if missing:
        known = f" The outlets are: {', '.join(outlets)}." if "toward" in missing[0] and outlets else ""
        raise BadInput(f"A {action} needs {' and '.join(_option(name) for name in missing)}", remedy=known.strip())
    extra = [name for name in given if name not in NEEDS[action]]
    if extra:
        raise BadInput(
            f"A {action} has no {_option(extra[0])}", remedy=f"It has: {', '.join(map(_option, NEEDS[action]))}."
        )
    return {"action": action, **given}


def _option(name: str) -> str:
    return "--" + ("toward" if name == "start_toward" else name.replace("_", "-"))
