"""The process that does one study: ``python -m organtwin.batch.study TASK.json``.

It makes the project under ``work`` and renames it into its place when all of it is there: whatever kills it, a study is done
or not, and never done by halves.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from organtwin import __version__
from organtwin.batch.discovery import FoundStudy
from organtwin.batch.folder import DONE, BatchFolder, Outcome
from organtwin.batch.protocol import Protocol, SeriesFilter, Step
from organtwin.batch.series import choose_series
from organtwin.errors import BadInput, Cancelled, OrganTwinError
from organtwin.monitor import NullMonitor, PartMonitor

LOCK_PATIENCE_S = 60.0
KEEPER = "ORGANTWIN_BATCH_KEEPER"  # process id of the worker that watches


class StudyMonitor(NullMonitor):
    """Says how far the study is, at most four times a second, and stops when the batch was cancelled."""

    def __init__(self, folder: BatchFolder, study: str) -> None:
        self._path, self._cancel, self._last = folder.events(study), folder.cancel, 0.0

    def progress(self, fraction: float, what: str = "") -> None:
        now = time.monotonic()
        if now - self._last < 0.25:
            return
        self._last = now
        if self._cancel.exists():
            raise Cancelled
        line = json.dumps({"event": "progress", "fraction": round(min(max(fraction, 0.0), 1.0), 4), "what": what})
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def main(task_file: Path) -> int:
    """Do a study; returns 0 when it has an outcome (a failure too), 5 when it was cancelled."""
    task = json.loads(task_file.read_text(encoding="utf-8"))
    folder = BatchFolder(Path(task["root"]))
    study = FoundStudy(**{**task["study"], "sources": tuple(task["study"]["sources"])})
    protocol = Protocol.model_validate(task["protocol"])
    _end_with_keeper(int(os.environ.get(KEEPER, "0")))
    with _alone(folder.lock(study.id)):
        if folder.settle(study.id) and _is_of(folder.outcome(study.id), study, protocol):
            return 0  # another process had finished it, and was killed before it could put it in its place
        began = time.monotonic()
        try:
            _make(folder, study, protocol, began)
        except Cancelled:
            return Cancelled.exit_code
        except OrganTwinError as error:
            print(error.sentence, file=sys.stderr)
            _fail(folder, study, protocol, error, began)
        except MemoryError:
            _fail(folder, study, protocol, OrganTwinError("There is not enough memory for this study"), began)
        except Exception as error:  # the traceback goes to the log, one sentence to the table
            traceback.print_exc()
            told = OrganTwinError(f"An unexpected error stopped it: {error or type(error).__name__}")
            _fail(folder, study, protocol, told, began)
    return 0


def _is_of(outcome: Outcome | None, study: FoundStudy, protocol: Protocol) -> bool:
    return outcome is not None and outcome.content == study.content and outcome.keys == tuple(protocol.keys())


def _make(folder: BatchFolder, study: FoundStudy, protocol: Protocol, began: float) -> None:
    from organtwin.batch.leaving import leave
    from organtwin.document import Document
    from organtwin.store.atomic import write_json

    monitor = StudyMonitor(folder, study.id)
    made, flags = _begun_before(folder, study, protocol)
    place = folder.work(study.id)
    document = Document.open(place) if made else Document.create(place, study.id)
    try:
        if not made:
            made.append(_import(document, study, protocol.series, PartMonitor(monitor, 0.0, 0.2)))
        modality = str(document.entry(made[0][0]).facts.get("modality", ""))
        wanted = protocol.series.modality
        if wanted and modality not in (*wanted, "OT", ""):  # a file without headers shows only when it is read
            raise BadInput(f"This scan is {modality}, and the protocol is for {' or '.join(wanted)}")
        names = {"scan": made[0]} | {
            step.title: objects for step, objects in zip(protocol.steps, made[1:], strict=False) if objects
        }
        done_before = len(made) - 1
        left = max(1, len(protocol.steps) - done_before)
        used = False
        for n, step in enumerate(protocol.steps[done_before:]):
            part = PartMonitor(monitor, 0.2 + 0.7 * n / left, 0.2 + 0.7 * (n + 1) / left)
            objects: tuple[str, ...] = ()
            if (not step.when or modality in step.when) and not step.left_out():
                try:
                    objects = _step(document, step, names, part)
                    used = True
                except Cancelled:
                    raise
                except OrganTwinError as error:
                    if not step.may_fail:
                        error.step = step.title  # type: ignore[attr-defined]
                        raise
                    flags.append(f"{step.title}: {plain(error, study)}")
            made.append(objects)
            if objects:
                names[step.title] = objects
        if not used and not done_before and protocol.steps:
            raise BadInput(f"The protocol has no step for a scan of this kind ({modality or 'unknown modality'})")
    finally:
        document.close()
    monitor.progress(0.92, "measuring")
    outcome = Outcome(
        id=study.id, status="done", content=study.content, keys=tuple(protocol.keys()), objects=tuple(made),
        flags=tuple(flags), version=__version__,
    )  # fmt: skip
    outcome = leave(folder, place, outcome, protocol)
    outcome = outcome.model_copy(update={"seconds": round(time.monotonic() - began, 2), "peak_memory_mb": _peak_mb()})
    write_json(place / DONE, outcome.model_dump(mode="json"))
    folder.settle(study.id)


def _begun_before(
    folder: BatchFolder, study: FoundStudy, protocol: Protocol
) -> tuple[list[tuple[str, ...]], list[str]]:
    """The steps that an earlier protocol has done already, copied into ``work``; none where it must begin anew.

    Where a hand has corrected what the kept steps made, the correction is kept with them.
    """
    folder_before = folder.project(study.id)
    shutil.rmtree(folder.work(study.id), ignore_errors=True)
    old = folder.outcome(study.id)
    if old is None or old.status != "done" or old.content != study.content or not old.objects:
        return [], []
    same = 0
    for one, other in zip(old.keys, protocol.keys(), strict=False):
        if one != other:
            break
        same += 1
    if same == 0:
        return [], []
    made = list(old.objects[:same])
    later = {uuid for objects in old.objects[same:] for uuid in objects}
    _linked_copy(folder_before, folder.work(study.id))
    from organtwin.document import Document

    document = Document.open(folder.work(study.id))
    try:
        known = {uuid for objects in old.objects for uuid in objects}
        kept = {uuid for objects in made for uuid in objects}
        live = {e.uuid: e for e in document.entries()}
        # what a hand made after the steps that are done again rests on what is about to change: begin anew
        by_hand = [e for e in live.values() if e.uuid not in known]
        if any(_rests_on(document, e.uuid, later) for e in by_hand) or not set(made[0]) <= set(live):
            document.close()
            shutil.rmtree(folder.work(study.id), ignore_errors=True)
            return [], []
        gone = [uuid for uuid in live if uuid in later and uuid not in kept]
        if gone:
            document.remove(gone, "Steps of an earlier protocol")
        flags = (
            list(old.flags)
            if same == len(old.keys)
            else [f for f in old.flags if _of_steps(f, protocol.steps[: same - 1])]
        )
        return made, flags
    finally:
        document.close()


def _of_steps(flag: str, steps: tuple[Step, ...]) -> bool:
    return any(flag.startswith(f"{step.title}: ") for step in steps)


def _rests_on(document: Any, uuid: str, others: set[str]) -> bool:
    """Whether an object was made from one of others, at any remove."""
    seen: set[str] = set()
    ask = [uuid]
    while ask:
        at = ask.pop()
        if at in others:
            return True
        if at in seen:
            continue
        seen.add(at)
        entry = document.entry(at)
        ask += [*(entry.recipe.inputs.values() if entry.recipe else ()), *((entry.replaces,) if entry.replaces else ())]
    return False


def _linked_copy(source: Path, target: Path) -> None:
    """A copy of a project; objects never change, so that their files are shared where the disk can."""

    def copy(one: str, other: str) -> str:
        inside = Path(one).relative_to(source).parts
        if inside[0] == "objects":
            try:
                os.link(one, other)
                return other
            except OSError:
                pass
        return str(shutil.copy2(one, other))

    shutil.copytree(source, target, copy_function=copy, ignore=shutil.ignore_patterns("lock", "done.json"))


def _import(document: Any, study: FoundStudy, wanted: SeriesFilter, monitor: PartMonitor) -> tuple[str, ...]:
    from organtwin.operations import find

    key = choose_series(study, wanted, monitor)
    made = find("import")({}, {"sources": study.sources, "series": [key]}, PartMonitor(monitor, 0.3, 1.0))
    document.add(list(made), "Import scan")
    return tuple(thing.uuid for thing in made)


def _step(document: Any, step: Step, names: dict[str, tuple[str, ...]], monitor: PartMonitor) -> tuple[str, ...]:
    """Do one operation, as a step that the app can undo.

    What ``from`` does not name is the newest object of the kind that a role needs. Of roles that may be left out, the scan is
    given; and where an operation needs nothing by itself, the newest thing that it can work on.
    """
    from organtwin.operations import find

    operation = find(step.do)
    inputs: dict[str, str] = {}
    for role, name in step.from_.items():
        kind = operation.inputs.get(role) or operation.optional.get(role.partition("-")[0])
        family = _family(document, names.get(name, ()))
        fitting = [e for e in document.entries(kind) if e.uuid in family]
        if not fitting:
            raise BadInput(f"{operation.title} needs a {kind or role} from '{name}', and this study has none")
        inputs[role] = fitting[-1].uuid
    entries = document.entries()
    newest = {entry.kind: entry.uuid for entry in entries}
    for role, kind in operation.inputs.items():
        if role not in inputs and kind not in newest:
            raise BadInput(f"{operation.title} needs a {kind}, and this study has none")
        inputs.setdefault(role, newest.get(kind, ""))
    if operation.optional.get("volume") == "volume" and "volume" in newest and "volume" not in inputs:
        inputs["volume"] = newest["volume"]
    if not operation.inputs and not set(inputs) - {"volume"}:
        kinds = {kind: role for role, kind in operation.optional.items() if kind != "volume"}
        for entry in reversed(entries):
            if entry.kind in kinds:
                inputs[kinds[entry.kind]] = entry.uuid
                break
    objects = {role: document.get(uuid) for role, uuid in inputs.items()}
    made = list(operation(objects, step.with_, monitor))
    document.add(made, step.name or operation.title)
    return tuple(thing.uuid for thing in made)


def _family(document: Any, uuids: tuple[str, ...]) -> set[str]:
    """Objects and the versions that took their place."""
    family = set(uuids)
    for entry in document.entries():
        at = entry
        while at.replaces:
            if at.replaces in family:
                family.add(entry.uuid)
                break
            at = document.entry(at.replaces)
    return family


def _fail(folder: BatchFolder, study: FoundStudy, protocol: Protocol, error: OrganTwinError, began: float) -> None:
    shutil.rmtree(folder.work(study.id), ignore_errors=True)
    folder.set_aside(
        Outcome(
            id=study.id, status="failed", sentence=plain(error, study), step=getattr(error, "step", ""),
            content=study.content, keys=tuple(protocol.keys()), seconds=round(time.monotonic() - began, 2),
            peak_memory_mb=_peak_mb(), version=__version__,
        )
    )  # fmt: skip


def plain(error: OrganTwinError, study: FoundStudy) -> str:
    """The sentence without the names of files, which often are patients' names."""
    text = f"{error.what.rstrip('.')}.{' ' + error.remedy if error.remedy else ''}"
    for source in study.sources:
        for name in (source, Path(source).name, Path(source).parent.name):
            if len(name) > 3:
                text = text.replace(name, "a file")
    return text


def _peak_mb() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(max(own, own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024, 1)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the study's lock: where a worker was killed, its process may live for another moment."""
    with path.open("a") as stream:
        until = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise SystemExit(75) from None
                time.sleep(0.1)
        yield


def _end_with_keeper(keeper: int) -> None:
    """End this process and its children when the worker that started it is gone, however early it went."""

    def watch() -> None:
        while os.getppid() == keeper:
            time.sleep(0.25)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    if keeper:
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
