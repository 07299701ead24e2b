"""Times and severities in words and colours."""

from __future__ import annotations

from organtwin.timeline.days import DAY_S, day_of
from organtwin_gui import theme


def ago(time_s: float | None, now_s: float) -> str:
    """How long before ``now_s``, in the words people use."""
    if time_s is None:
        return "never"
    days = (now_s - time_s) / DAY_S
    if days < 1.0:
        return "today" if days >= 0.0 else day_of(time_s)
    if days < 14.0:
        return f"{days:.0f} day{'s' if round(days) != 1 else ''} ago"
    return f"{days / 7.0:.0f} weeks ago" if days < 70.0 else f"{days / 30.44:.0f} months ago"


def colour_of(severity: str | None) -> str:
    look = theme.current()
    return {"urgent": look.danger, "warning": look.warning, "note": look.accent}.get(severity or "", look.text_off)
