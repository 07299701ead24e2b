"""What a role finds in the window: pages whose content it does not see, or whose work it may not do, are not offered."""

from __future__ import annotations

from organtwin.privacy.roles import DOING, OWNER, SEEING, Role
from organtwin_gui.steps import TWIN_STEPS, Step, StudyStep


def in_sight(kind: type[Step], role: Role) -> bool:
    """Whether a role finds this page: the study always, the patient over time with the readings, work where it may do it."""
    if kind is StudyStep:
        return True
    return "readings" in role.sees if kind in TWIN_STEPS else "run" in role.may


def said_of_role(role: Role) -> str:
    """What it does not see and may not do, in a sentence; "" for the owner."""
    if role == OWNER:
        return ""
    unseen = [words for key, words in SEEING.items() if key not in role.sees]
    denied = [words for key, words in DOING.items() if key not in role.may]
    parts = [f"does not see {_listed(unseen)}"] * bool(unseen) + [f"may not {_listed(denied)}"] * bool(denied)
    return f"{role.title}: {'; '.join(parts) or 'sees everything and may do everything'}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
