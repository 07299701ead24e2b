"""What a person thinks of each study: kept in ``review.json``, apart from what the program found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, get_args

from organtwin.batch.folder import BatchFolder, read_json
from organtwin.checked import validated
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.store.atomic import write_json

Marked = Literal["reviewed", "accepted", "needs work"]


class Mark(Frozen):
    """``mark`` of a study, with a ``note``, and when it was given."""

    mark: Marked
    note: str = ""
    at: str = ""


def marks(folder: BatchFolder) -> dict[str, Mark]:
    """All marks, by study."""
    data = read_json(folder.root / "review.json", {})
    if not isinstance(data, dict):
        raise BadInput("This file of the batch is damaged", where=str(folder.root / "review.json"))
    return {study: validated(Mark, mark, "review.json") for study, mark in data.items()}


def set_mark(folder: BatchFolder, study: str, mark: str, note: str = "") -> None:
    """Mark a study; an empty mark takes it away.

    Raises
    ------
    BadInput
        When there is no such study or mark.
    """
    if folder.outcome(study) is None:
        raise BadInput(f"The batch has no study '{study}'", where=str(folder.root))
    if mark and mark not in get_args(Marked):
        raise BadInput(f"There is no mark '{mark}'", remedy=f"There are: {', '.join(get_args(Marked))}.")
    kept = marks(folder)
    kept.pop(study, None)
    if mark:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        kept[study] = Mark(mark=mark, note=note[:2000], at=at)  # checked above
    write_json(folder.root / "review.json", {name: one.model_dump() for name, one in sorted(kept.items())})
