"""Exchanging all files of a project at once: a whole set is written beside them, one rename makes it the one that counts, and
what remains is done again and again until it is done, by whoever opens the project next. It needs no key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from organtwin.errors import BadInput
from organtwin.store.atomic import sync_folder, write_json
from organtwin.store.lock import Lock

STAGE = ".exchange"
STEP = "exchange"  # in project.json: what is left to do, "remove" the old files or "move" the new ones
KEPT = ("project.json", "lock", STAGE)


def put_away(folder: Path) -> None:
    """Take away a set that never came to count, and what a kill left half written at the top of a project."""
    for left in folder.glob(".*.tmp"):
        if left.is_file():
            left.unlink(missing_ok=True)
    if (folder / STAGE).exists() and STEP not in _head(folder):
        shutil.rmtree(folder / STAGE)


def commit(folder: Path, head: dict[str, Any]) -> None:
    """From here on the files in ``STAGE`` are the project, and ``head`` its description."""
    write_json(folder / "project.json", {**head, STEP: "remove"})
    _go_on(folder)


def finish(folder: Path, lock: Lock | None) -> None:
    """Go on with an exchange that was interrupted.

    Raises
    ------
    BadInput
        When another process is at it.
    """
    if not (folder / STAGE).exists() or STEP not in _head(folder):
        return
    own = Lock(folder / "lock") if lock is None else None
    try:
        _go_on(folder)
    finally:
        if own is not None:
            own.close()


def _go_on(folder: Path) -> None:
    stage = folder / STAGE
    head = _head(folder)
    if head.get(STEP) == "remove":
        for old in sorted(folder.iterdir()):
            if old.name not in KEPT:
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        sync_folder(folder)
        head[STEP] = "move"
        write_json(folder / "project.json", head)
    if head.get(STEP) == "move":
        for new in sorted(stage.iterdir()):
            new.rename(folder / new.name)
        sync_folder(folder)
        write_json(folder / "project.json", {key: value for key, value in head.items() if key != STEP})
        stage.rmdir()


def _head(folder: Path) -> dict[str, Any]:
    path = folder / "project.json"
    try:
        head: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput("The project's description is damaged", where=str(path)) from error
    return head
