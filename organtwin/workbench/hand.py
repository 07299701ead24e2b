"""The hand as the window sees it: ask, poll, stop. No call waits."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from organtwin.edit.apply import Edited
from organtwin.edit.edit import Edit
from organtwin.edit.patch import Patch
from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Frozen, Segment
from organtwin.space import Grid
from organtwin.store.vault import PLAIN, Vault
from organtwin.workbench import messages as say
from organtwin.workbench.shared_labels import SharedLabels

STOPS_WITHIN_S = 0.2  # else it is ended
YIELDS_WITHIN_S = 3.0  # to a newer question: a new process would take about as long to begin
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Answer = Edited | OrganTwinError | say.Progress


class Hand:
    """A process that works edits out on labels which it shares with the window. It begins with the first question and stays;
    one that died or was ended begins again with the next.

    ``busy`` while an answer is awaited.
    """

    def __init__(self, labels: SharedLabels, grid: Grid, log: Path | None = None, vault: Vault = PLAIN) -> None:
        self._labels, self._grid, self._log, self._vault = labels, grid, log, vault
        self._talk: _Talk | None = None
        self._ticket = 0
        self._asked: say.Work | None = None
        self._open: set[int] = set()  # tickets that the process has not dealt with
        self._ready = False
        self._unwanted_since: float | None = None

    @property
    def busy(self) -> bool:
        return self._asked is not None

    @property
    def pid(self) -> int | None:
        """Of the process, None where there is none."""
        return self._talk.process.pid if self._talk is not None else None

    def warm(self) -> None:
        """Let the process begin, so that the first question finds it ready."""
        if self._talk is None:
            begin = say.Begin(number=self._labels.number, dtype=self._labels.array.dtype.str, grid=self._grid)
            self._talk = _Talk(begin, self._labels.number, self._log, self._vault.environment())

    def ask(self, edit: Edit, segments: tuple[Segment, ...], volume: Path | None = None) -> None:
        """Work an edit out; an older question is dropped."""
        if self._talk is not None and self._talk.process.poll() is not None:
            self.close()  # it died while nobody asked
        self._ticket += 1
        self._asked = say.Work(ticket=self._ticket, edit=edit, segments=segments, volume=str(volume or ""))
        self._send(self._asked)

    def stop(self) -> None:
        """Want no answer any more."""
        if self._asked is not None and self._talk is not None:
            self._asked = None
            self._talk.say(say.Stop())
            self._watch()

    def poll(self) -> list[Answer]:
        """What it said since: progress, an answer, or why there is none. Call it regularly: it also ends what does not stop."""
        answers: list[Answer] = []
        if self._talk is None:
            return answers
        gone = self._talk.process.poll() is not None and not self._talk.listening
        for event, patch in self._talk.heard():
            if isinstance(event, say.Ready):
                self._ready = True
                continue
            if not isinstance(event, say.Progress):
                self._open.discard(event.ticket)
            if self._asked is None or event.ticket != self._asked.ticket:
                continue
            match event:
                case say.Progress():
                    answers.append(event)
                case say.Answered():
                    assert patch is not None
                    self._asked = None
                    answers.append(Edited(patch, event.segments, event.said))
                case say.Refused():
                    self._asked = None
                    answers.append(_error(event))
        if gone:
            return [*answers, *self._died()]
        self._watch()
        if self._unwanted_since is not None:
            patience = STOPS_WITHIN_S if self._asked is None else YIELDS_WITHIN_S
            if time.monotonic() - self._unwanted_since > patience:
                asked = self._asked
                self.close()
                self.warm()  # for the next question, or for this one
                if asked is not None:
                    self._asked = asked
                    self._send(asked)
        return answers

    def close(self) -> None:
        """End the process."""
        self._asked = None
        self._open.clear()
        self._ready, self._unwanted_since = False, None
        if self._talk is not None:
            self._talk.end()
            self._talk = None

    def _send(self, work: say.Work) -> None:
        self.warm()
        assert self._talk is not None
        self._talk.say(work)
        self._open.add(work.ticket)
        self._watch()

    def _watch(self) -> None:
        """Since when the process, which listens, has been at something that nobody wants."""
        unwanted = self._open - ({self._asked.ticket} if self._asked is not None else set())
        if not unwanted or not self._ready:
            self._unwanted_since = None
        elif self._unwanted_since is None:
            self._unwanted_since = time.monotonic()

    def _died(self) -> list[Answer]:
        assert self._talk is not None
        code = self._talk.process.returncode
        wanted = self._asked is not None
        self.close()
        if not wanted:
            return []
        how = f" by signal {-code}" if code < 0 else ""
        return [
            OrganTwinError(f"The process of the tool was ended{how}; nothing has changed", remedy="Do it once more.")
        ]


def _error(event: say.Refused) -> OrganTwinError:
    kind = BadInput if event.input else OrganTwinError
    error = kind(event.what, where=event.where, remedy=event.remedy)
    error.places_mm = event.places_mm
    return error


class _Talk:
    """A process with a thread that listens to it and one that speaks to it, so that nobody waits for a pipe."""

    def __init__(self, begin: say.Begin, number: int, log: Path | None, environment: dict[str, str]) -> None:
        with log.open("ab") if log is not None else open(os.devnull, "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "organtwin.workbench.server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(number,),
                start_new_session=True,
                env={**environment, **dict.fromkeys(THREADS, "1")},
            )
        self.listening = True
        self._heard: deque[tuple[Any, Patch | None]] = deque()
        self._to_say: queue.SimpleQueue[Frozen | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._speak, daemon=True).start()
        self.say(begin)

    def say(self, request: Frozen) -> None:
        self._to_say.put(request)

    def heard(self) -> list[tuple[Any, Patch | None]]:
        fresh = []
        while self._heard:
            fresh.append(self._heard.popleft())
        return fresh

    def end(self) -> None:
        """At once: it has nothing to lose."""
        self.process.kill()
        self.process.wait()
        self._to_say.put(None)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            while (event := say.heard(stream)) is not None:  # type: ignore[arg-type]  # a binary pipe
                self._heard.append(event)
        self.listening = False

    def _speak(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError), self.process.stdin as stream:
            while (request := self._to_say.get()) is not None:
                stream.write(say.line(request))
                stream.flush()
