"""A batch from beginning to end: what is to be done, hand it to workers, set failures aside, write the table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from organtwin.batch.discovery import Discovery, FoundStudy, discover
from organtwin.batch.folder import BatchFolder, Outcome
from organtwin.batch.leaving import refresh
from organtwin.batch.process import attempt
from organtwin.batch.protocol import Protocol
from organtwin.batch.scheduler import workers
from organtwin.errors import BadInput, Cancelled
from organtwin.monitor import Monitor
from organtwin.store.atomic import said_plainly, write_json, write_text
from organtwin.store.lock import Lock

PAGE_EVERY_S = 30.0


@dataclass(frozen=True)
class Plan:
    """What a batch has to do, and why."""

    new: list[FoundStudy] = field(default_factory=list)
    changed: list[FoundStudy] = field(default_factory=list)  # other slices than last time
    other_protocol: list[FoundStudy] = field(default_factory=list)
    again: list[FoundStudy] = field(default_factory=list)  # had failed, and are to be tried again
    done: list[FoundStudy] = field(default_factory=list)
    failed: list[FoundStudy] = field(default_factory=list)

    @property
    def to_do(self) -> list[FoundStudy]:
        return [*self.new, *self.changed, *self.other_protocol, *self.again]

    @property
    def sentence(self) -> str:
        parts = [
            (self.new, "new"), (self.changed, "with other slices than before"), (self.other_protocol, "affected by the changed protocol"),
            (self.again, "to be tried again"), (self.done, "done already"), (self.failed, "set aside before"),
        ]  # fmt: skip
        told = ", ".join(f"{len(studies)} {what}" for studies, what in parts if studies)
        total = len(self.to_do) + len(self.done) + len(self.failed)
        return f"{total} {'study' if total == 1 else 'studies'}: {told}."


@dataclass
class Progress:
    """How far a batch is. ``left_s`` is None until there is something to tell it from."""

    total: int
    finished: int = 0
    failed: int = 0
    running: dict[str, tuple[float, str]] = field(default_factory=dict)
    fraction: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None
    ended: Outcome | None = None  # the study that has just ended


def plan(folder: BatchFolder, studies: Sequence[FoundStudy], protocol: Protocol, retry_failed: bool = False) -> Plan:
    """Compare what is there with what is asked for."""
    found = Plan()
    keys = tuple(protocol.keys())
    for study in studies:
        outcome = folder.outcome(study.id)
        if outcome is None:
            found.new.append(study)
        elif outcome.content != study.content:
            found.changed.append(study)
        elif outcome.keys != keys:
            found.other_protocol.append(study)
        elif outcome.status == "done":
            found.done.append(study)
        else:
            (found.again if retry_failed else found.failed).append(study)
    return found


def run_batch(
    sources: Sequence[str | Path],
    root: Path,
    protocol: Protocol,
    protocol_text: str = "",
    count: int = 1,
    address: str | None = None,
    retry_failed: bool = False,
    told: Callable[[str], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
    monitor: Monitor | None = None,
) -> dict[str, Any]:
    """Do a protocol with every study of the sources; what is done already is not done again.

    Parameters
    ----------
    sources : sequence of path
    root : path
        The batch's folder; made when it is not there.
    protocol : Protocol
    protocol_text : str
        Its YAML, kept beside the results.
    count : int
        Workers on this machine.
    address : str, optional
        Of a Dask scheduler, instead.
    retry_failed : bool
        Also the studies that were set aside.
    told, progress : functions
        Hear sentences, and how far it is.

    Returns
    -------
    dict
        Numbers of studies done and set aside, files written, seconds.

    Raises
    ------
    BadInput
        When there is no study, the folder is in use or not writable, or there are no workers. Failures of a study are not
        raised: they stand in the table.
    Cancelled
        After Ctrl-C; what is done stays done.
    """
    began = time.monotonic()
    folder = BatchFolder(root.expanduser().resolve())
    folder.make()
    with holding(folder):
        folder.cancel.unlink(missing_ok=True)
        write_text(
            folder.root / "protocol.yaml", protocol_text or json.dumps(protocol.model_dump(mode="json", by_alias=True))
        )
        found = discover(sources, protocol.studies, folder.root, folder.root / "private" / "headers.json", monitor)
        _who_is_who(folder, found)
        for study in found.studies:
            folder.settle(study.id)
        todo = plan(folder, found.studies, protocol, retry_failed)
        told(todo.sentence)
        for step in protocol.steps:
            if step.left_out():
                told(f"The step '{step.title}' is left out: this installation has no operation '{step.do}'.")
        if found.not_wanted:
            told(f"{_files(found.not_wanted)} left out by name: a label map or mask, or excluded by the protocol.")
        if found.not_images:
            told(f"{_files(found.not_images)} passed over: no image, or not one that can be read.")
        at_hand = [study for study in todo.to_do if folder.is_open(study.id)]
        if at_hand:
            told(f"{', '.join(s.id for s in at_hand)}: open in the app, and left for the next run.")
        ready = [study for study in todo.to_do if study not in at_hand]
        try:
            if ready:
                _work(folder, ready, protocol, count, address, progress)
            for study in todo.done:
                refresh(folder, protocol, study.id)
        finally:
            summary = write_results(folder, protocol, {study.id: study for study in found.studies})
    return {**summary, "seconds": round(time.monotonic() - began, 2), "ran": len(ready), "open": len(at_hand)}


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"


def refresh_batch(root: Path, protocol: Protocol) -> dict[str, Any]:
    """Take corrections made in the app into the table and the page, without running anything.

    Raises
    ------
    BadInput
        When this is no batch, or it is in use.
    """
    folder = BatchFolder(root.expanduser().resolve())
    if not (folder.root / "studies").is_dir():
        raise BadInput("There is no batch here", where=str(root), remedy="Run organtwin batch STUDIES -o OUT first.")
    folder.make()
    with holding(folder):
        fresh = [o.id for o in list(folder.outcomes()) if refresh(folder, protocol, o.id) is not None]
        return {**write_results(folder, protocol), "refreshed": fresh}


class holding:
    """One command at a time works on a batch."""

    def __init__(self, folder: BatchFolder) -> None:
        try:
            self._lock = Lock(folder.root / "lock")
        except BadInput as error:
            raise BadInput(
                "Another command is working on this batch", where=str(folder.root), remedy="Wait for it, or end it."
            ) from error

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def write_results(
    folder: BatchFolder, protocol: Protocol, known: dict[str, FoundStudy] | None = None
) -> dict[str, Any]:
    """Table, list of failures and page of all that is in the folder."""
    from organtwin.batch.page import write_page
    from organtwin.batch.table import write_table

    outcomes = list(folder.outcomes())
    files = write_table(folder, outcomes)
    files.append(write_page(folder, outcomes, protocol))
    failed = [o for o in outcomes if o.status == "failed"]
    return {
        "studies": len(outcomes), "done": len(outcomes) - len(failed), "failed": len(failed),
        "files": [str(file) for file in files],
    }  # fmt: skip


def _work(
    folder: BatchFolder, todo: list[FoundStudy], protocol: Protocol, count: int, address: str | None,
    progress: Callable[[Progress], None],
) -> None:  # fmt: skip
    now = Progress(total=len(todo))
    began = time.monotonic()
    weights = {study.id: float(study.bytes) + 1e6 for study in todo}
    whole, behind = sum(weights.values()), 0.0
    left = {study.id: study for study in todo}
    paged = began
    tasks = []
    for study in todo:
        folder.clear(study.id)
        task = {
            "root": str(folder.root), "cancel": str(folder.cancel), "log": str(folder.log(study.id)),
            "study": asdict(study), "protocol": protocol.model_dump(mode="json", by_alias=True),
        }  # fmt: skip
        write_json(folder.task(study.id), task)
        tasks.append((study.id, str(folder.task(study.id))))

    def look() -> None:
        now.running = _running(folder, left)
        under_way = sum(weights[study] * fraction for study, (fraction, _) in now.running.items())
        now.fraction = min((behind + under_way) / whole, 1.0)
        now.elapsed_s = time.monotonic() - began
        if now.fraction > 0.01 and now.elapsed_s > 3:
            now.left_s = now.elapsed_s * (1 - now.fraction) / now.fraction
        progress(now)

    try:
        with workers(count, address, 2 * 1024**3) as crew:
            for name, result in crew.run(attempt, tasks, look):
                study = left.pop(name)
                ended = _ended(folder, study, protocol, result)
                behind += weights[name]
                now.finished += 1
                now.failed += ended is None or ended.status == "failed"
                now.ended = ended
                look()
                now.ended = None
                if time.monotonic() - paged > PAGE_EVERY_S:
                    write_results(folder, protocol)
                    paged = time.monotonic()
    except BaseException as error:
        folder.cancel.touch()
        if isinstance(error, KeyboardInterrupt):
            raise Cancelled from None
        raise


def _ended(folder: BatchFolder, study: FoundStudy, protocol: Protocol, result: Any) -> Outcome | None:
    """What became of a study whose process is gone."""
    folder.settle(study.id)
    outcome = folder.outcome(study.id)
    keys = tuple(protocol.keys())
    fresh = outcome is not None and outcome.content == study.content and outcome.keys == keys
    told: dict[str, Any] = (
        result
        if isinstance(result, dict)
        else {"end": "died", "sentence": "The worker that ran it was lost, again and again."}
    )
    if told["end"] == "ended" and fresh and outcome is not None:
        folder.log(study.id).unlink(missing_ok=True)
    elif told["end"] != "cancelled" and not (fresh and outcome is not None and outcome.status == "done"):
        sentence = told.get("sentence") or "Its process ended without saying why."
        outcome = Outcome(
            id=study.id, status="failed", sentence=sentence, content=study.content, keys=keys,
            seconds=round(told.get("seconds", 0.0), 2), peak_memory_mb=told.get("peak_memory_mb", 0.0),
        )  # fmt: skip
        folder.set_aside(outcome)
    folder.clear(study.id)
    return outcome


def _running(folder: BatchFolder, left: dict[str, FoundStudy]) -> dict[str, tuple[float, str]]:
    """Fraction and words of the studies that have said something."""
    running = {}
    for path in (folder.root / "work").glob("*.events.jsonl"):
        name = path.name.removesuffix(".events.jsonl")
        if name not in left:
            continue
        try:
            with path.open("rb") as stream:
                stream.seek(max(0, path.stat().st_size - 400))
                line = stream.read().splitlines()[-1]
            event = json.loads(line)
            running[name] = (float(event["fraction"]), str(event["what"]))
        except (OSError, ValueError, IndexError, KeyError):
            continue
    return running


def _who_is_who(folder: BatchFolder, found: Discovery) -> None:
    """The one file that says which study is which: paths may name patients, so it is for its owner alone."""
    import csv
    import io

    path = folder.root / "private" / "sources.csv"
    rows: dict[str, tuple[str, str]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = {row[0]: (row[1], row[2]) for row in csv.reader(stream) if len(row) == 3 and row[0] != "id"}
    rows |= {study.id: (study.sources[0], str(len(study.sources))) for study in found.studies}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "first file", "files"])
    writer.writerows([name, *row] for name, row in sorted(rows.items()))
    write_text(path, text.getvalue())
    with said_plainly(path):
        path.chmod(0o600)
