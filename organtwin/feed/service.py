"""A running feed: what arrives is kept, moves the twin in memory, and is taken in whenever nobody else has the project open."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from organtwin.document import Document
from organtwin.errors import BadInput, OrganTwinError
from organtwin.feed.arriving import NotTaken, is_of, observation, subject_key
from organtwin.feed.intake import Taken, settled, take_in
from organtwin.feed.live import Live, Update
from organtwin.feed.spool import FOLDER, SETTINGS, Spool
from organtwin.model import Observations, Person
from organtwin.privacy.consent import policy
from organtwin.store import Project
from organtwin.timeline.timeline import Timeline

EVERY_S = 300.0  # between two steps that take in what waits: each makes a version of an object
FIRST_S = 5.0  # after a reading that came into silence
LONGEST_QUEUE = 10_000


@dataclass(frozen=True)
class Heard:
    """What a running feed tells: one of these for each reading that moved a twin, each step, and each failure."""

    what: str
    updates: tuple[Update, ...] = ()
    taken: Taken | None = None


@dataclass
class Feed:
    """Keeps readings of one patient. Senders (HTTP, MQTT) call :meth:`accept` from their threads; one thread calls :meth:`run`.

    Parameters
    ----------
    folder : Path
        The project. It must not be locked: it is opened for a moment at each step.
    patient : str
        What senders call the patient ("Patient/123"); left out: the first that is named.
    purpose : str
        What the patient's consent allows the readings to be used for.
    tell : callable
        Hears what happens.
    after : callable
        Called with the open document after a step that took something in (alerts are judged there).
    """

    folder: Path
    patient: str = ""
    purpose: str = ""
    tell: Callable[[Heard], None] = lambda heard: None
    after: Callable[[Document], None] = lambda document: None
    every_s: float = EVERY_S
    _queue: queue.Queue[Mapping[str, Any]] = field(default_factory=lambda: queue.Queue(LONGEST_QUEUE))
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._project = Project(self.folder, read_only=True)  # keeps the vault of a sealed project open
        self.folder = self._project.folder
        self._person: Person = Timeline(self._project.objects(Observations)).person
        self.spool = Spool(self.folder)
        self._settings = self._kept_settings()
        self.live = Live.of(self._project)
        self._waits_since: float | None = 0.0  # what an earlier run left is looked for at once
        self._stepped = 0.0
        self._said_busy = False

    @property
    def session(self) -> str:
        """A name for this project at a broker, the same after a restart."""
        return str(self._settings["session"])

    def _kept_settings(self) -> dict[str, Any]:
        """What belongs to the feed of this project, whoever starts it again."""
        path = self.folder / FOLDER / SETTINGS
        path.parent.mkdir(exist_ok=True)
        try:
            known = dict(self._project.vault.read_json(path))
        except (OSError, ValueError, TypeError):
            known = {}
        wanted = {"session": f"organtwin-{secrets.token_hex(8)}", "purpose": "", "patient": "", **known}
        if self.purpose:
            wanted["purpose"] = policy().check(self.purpose)
        if self.patient:
            reference = self.patient if "/" in self.patient else f"Patient/{self.patient}"
            wanted["patient"] = subject_key({"subject": {"reference": reference}})
        if wanted != known:
            self._project.vault.write_json(path, wanted)
        return wanted

    # -- senders, in any thread

    def accept(self, resources: Sequence[Mapping[str, Any]], by: str) -> list[NotTaken | None]:
        """Keep readings; None for each that is on the disk now, else why not.

        Raises
        ------
        OrganTwinError
            When they could not be written: then none was.
        """
        results: list[NotTaken | None] = []
        records = []
        for resource in resources:
            try:
                told = observation(dict(resource))
                self._check_patient(told)
            except NotTaken as why:
                results.append(why)
                continue
            results.append(None)
            records.append({"at": round(time.time(), 3), "by": by, "resource": told})
        if records:
            self.spool.append(records)
            for record in records:
                self._hand_over(record)
        return results

    def set_aside(self, raw: bytes, why: NotTaken, by: str) -> None:
        """Keep what cannot be answered (MQTT has no way to): it is set aside with its reason when it is taken in."""
        reason = "patient" if why.code == "security" else "unreadable"
        text = raw[:300].decode("utf-8", "replace")
        self.spool.append([{"at": round(time.time(), 3), "by": by, "raw": text, "why": why.what, "reason": reason}])
        self._hand_over({})

    def _hand_over(self, record: Mapping[str, Any]) -> None:
        if self._waits_since is None:
            self._waits_since = time.monotonic()
        with suppress(queue.Full):  # the twin is behind: it hears of these when it starts again; on the disk they are
            self._queue.put_nowait(record)

    def _check_patient(self, told: Mapping[str, Any]) -> None:
        key = subject_key(told)
        if key:
            with self._guard:
                if not self._settings["patient"]:
                    self._settings["patient"] = key
                    self._project.vault.write_json(self.folder / FOLDER / SETTINGS, self._settings)
            if key != self._settings["patient"]:
                raise NotTaken("This reading is of another patient than the project", "security")
        if not is_of(self._person, told):
            raise NotTaken("This reading is of another patient than the project", "security")

    # -- the one thread

    def run(self, stop: threading.Event) -> None:
        """Follow readings until told to stop; what still waits is then taken in."""
        settled([], (), time.time())  # the first reading finds everything at hand
        step: threading.Thread | None = None
        while not stop.is_set():
            self._follow(0.25)
            if self._is_time() and (step is None or not step.is_alive()):
                step = threading.Thread(target=self.step, name="feed-step")  # beside: a large project takes its time
                step.start()
        while self._follow(0.0):
            pass
        if step is not None:
            step.join()
        self.step()

    def _follow(self, seconds: float) -> bool:
        try:
            record = self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait()
        except queue.Empty:
            return False
        if self.live.models and "resource" in record:
            begun = time.perf_counter()
            updates = self.live.update(settled([record], (), time.time()))
            if updates:
                self.tell(Heard(f"twin moved in {1000 * (time.perf_counter() - begun):.0f} ms", tuple(updates)))
        return True

    def _is_time(self) -> bool:
        if self._waits_since is None:
            return False
        now = time.monotonic()
        return (
            now - self._waits_since >= min(FIRST_S, self.every_s) and now - self._stepped >= self.every_s
        ) or self._stepped == 0.0

    def step(self) -> Taken | None:
        """Take in what waits, where the project is free; returns what was."""
        self._stepped = time.monotonic()
        self.spool.rest()
        try:
            document = Document.open(self.folder)
        except BadInput as error:
            if not self._said_busy:
                self.tell(Heard(f"{error.what}: readings wait until it takes them in, or is closed"))
            self._said_busy = True
            return None
        self._said_busy = False
        taken = None
        try:
            self._waits_since = None
            while (part := take_in(document)) is not None:
                taken = part
                self.tell(Heard(f"{part.readings} readings taken in, {part.set_aside} set aside", taken=part))
            self.live.store(document)
            if taken is not None:
                self.after(document)
        except OrganTwinError as error:
            self._waits_since = time.monotonic()
            self.tell(Heard(error.sentence))
        finally:
            document.close()
        return taken

    def close(self) -> None:
        self.spool.rest()
        self._project.close()
