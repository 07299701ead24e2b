"""The folder of a batch: what lies where, and how a study gets in it, whole or not at all.

OUT/protocol.yaml         what was done
OUT/studies/ID.otwin      a project for each study, which the app opens; ``batch/done.json`` in it says that it is done
OUT/failed/ID.json        studies that were set aside, each with its sentence
OUT/exports/ID/           files that the protocol asked for
OUT/earlier/              projects with corrections by hand that a new protocol or new slices replaced
OUT/table.csv, .parquet, failed.csv, index.html, review.json
OUT/private/              who is who (sources.csv), headers read: keep this folder to yourself
OUT/work/                 studies under way; what a kill leaves there is never taken for a result
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.store import Project
from organtwin.store.atomic import said_plainly, sync_folder, write_json
from organtwin.store.lock import Lock

DONE = Path("batch") / "done.json"
SEGMENTED = ("segmentation", "dynamic-segmentation")  # kinds that a hand can correct

Cell = str | float | int | bool | None


class Outcome(Frozen):
    """What became of a study.

    ``content`` and ``keys`` say of what it is (see :meth:`organtwin.batch.protocol.Protocol.keys`), ``leaving`` with which
    table and exports; ``objects`` are the uuids that each step made, the scan's first; ``row`` is its row of the table.
    """

    id: str
    status: Literal["done", "failed"]
    sentence: str = ""
    step: str = ""
    content: str
    keys: tuple[str, ...]
    leaving: str = ""
    objects: tuple[tuple[str, ...], ...] = ()
    flags: tuple[str, ...] = ()
    row: dict[str, Cell] = Field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    version: str = ""


def corrected(folder: Path, outcome: Outcome) -> tuple[str, ...]:
    """uuids of the segmentations that are not those that the batch made."""
    made = {uuid for objects in outcome.objects for uuid in objects}
    with Project(folder, read_only=True) as project:
        return tuple(e.uuid for e in project.entries() if e.kind in SEGMENTED and e.uuid not in made)


class BatchFolder:
    """Paths of a batch, and its outcomes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> None:
        with said_plainly(self.root):
            for part in ("studies", "failed", "work", "private"):
                (self.root / part).mkdir(parents=True, exist_ok=True)
            (self.root / "private").chmod(0o700)

    def project(self, study: str) -> Path:
        return self.root / "studies" / f"{study}.otwin"

    def work(self, study: str) -> Path:
        """Where a study is made before it is put in its place."""
        return self.root / "work" / f"{study}.otwin"

    def task(self, study: str) -> Path:
        return self.root / "work" / f"{study}.task.json"

    def events(self, study: str) -> Path:
        return self.root / "work" / f"{study}.events.jsonl"

    def log(self, study: str) -> Path:
        return self.root / "work" / f"{study}.log"

    def lock(self, study: str) -> Path:
        return self.root / "work" / f"{study}.lock"

    @property
    def cancel(self) -> Path:
        return self.root / "work" / "cancel"

    def exports(self, study: str) -> Path:
        return self.root / "exports" / study

    def failure(self, study: str) -> Path:
        return self.root / "failed" / f"{study}.json"

    # -- outcomes -------------------------------------------------------------------------------------------------

    def outcome(self, study: str) -> Outcome | None:
        """What became of a study, or None where it is not done."""
        return _read(self.project(study) / DONE) or _read(self.failure(study))

    def outcomes(self) -> Iterator[Outcome]:
        """Of all studies that are done or set aside, in the order of their names."""
        names = {path.name.removesuffix(".otwin") for path in (self.root / "studies").glob("*.otwin")}
        names |= {path.stem for path in (self.root / "failed").glob("*.json")}
        for name in sorted(names):
            outcome = self.outcome(name)
            if outcome is not None:
                yield outcome

    def is_open(self, study: str) -> bool:
        """Whether the app has the study's project open, so that it must stay where it is."""
        if not self.project(study).exists():
            return False
        try:
            Lock(self.project(study) / "lock").close()
        except BadInput:
            return True
        return False

    def set_aside(self, outcome: Outcome) -> None:
        """Keep a failure. A project that an earlier protocol made of the study moves to ``earlier``."""
        if self.is_open(outcome.id):
            return
        if self.project(outcome.id).exists():
            self._move_earlier(outcome.id)
        write_json(self.failure(outcome.id), outcome.model_dump(mode="json"))

    def settle(self, study: str) -> bool:
        """Put a study that is complete in its place; returns whether one was. Safe to repeat after a kill at any moment.

        What it takes the place of is kept under ``earlier`` when a hand corrected it, and removed otherwise.
        """
        made, place = self.work(study), self.project(study)
        if _read(made / DONE) is None:
            return False
        with said_plainly(place):
            if self.is_open(study):
                return False
            if place.exists():
                self._move_earlier(study, made)
            made.rename(place)
            sync_folder(place.parent)
            self.failure(study).unlink(missing_ok=True)
        self._drop_earlier(study)
        return True

    def _move_earlier(self, study: str, by: Path | None = None) -> None:
        """Move a project out of its place; ``by`` is the one that comes there, which may hold the corrections too."""
        place = self.project(study)
        outcome = _read(place / DONE)
        lost = outcome is None or any(
            by is None or not (by / "objects" / uuid).is_dir() for uuid in corrected(place, outcome)
        )
        earlier = self.root / "earlier"
        earlier.mkdir(exist_ok=True)
        n = 1
        while (target := earlier / f"{study}{'-corrected' if lost else '-automatic'}-{n}.otwin").exists():
            n += 1
        place.rename(target)

    def _drop_earlier(self, study: str) -> None:
        """Remove older projects that no hand has touched: they can be made again at any time."""
        for path in (self.root / "earlier").glob(f"{study}-automatic-*.otwin"):
            shutil.rmtree(path, ignore_errors=True)

    def clear(self, study: str) -> None:
        """Forget what is under way; results stay."""
        shutil.rmtree(self.work(study), ignore_errors=True)
        for path in (self.task(study), self.events(study), self.lock(study)):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Outcome | None:
    try:
        return Outcome.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        return None  # half a file cannot be: it is written at once; one of another version is done again


def read_json(path: Path, default: Any) -> Any:
    """Data of a file, or the default where there is none.

    Raises
    ------
    BadInput
        When it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise BadInput(
            "This file of the batch is damaged", where=str(path), remedy="Remove it and run again."
        ) from error
