"""The process of a rehearsal: ``python -m organtwin.rehearsal.server``. Requests come by standard input, events leave by
standard output, frames through shared memory. It ends when its input does, so it never outlives the window."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

import numpy as np

from organtwin.errors import OrganTwinError
from organtwin.model.rehearsal import Script
from organtwin.rehearsal import messages as say
from organtwin.rehearsal.performance import Performance
from organtwin.rehearsal.recording import Recording

IDLE_S = 0.01


class Server:
    """Steps one engine at the pace of the clock and does what it is asked between two steps."""

    def __init__(self, begin: say.Begin, requests: queue.Queue[say.Request | None], out: TextIO) -> None:
        from organtwin.rehearsal.engine import make
        from organtwin.rehearsal.shared_frames import Writer
        from organtwin.store.objects import load_object

        self._begin, self._requests, self._out = begin, requests, out
        self._tell(say.Progress(fraction=0.1, what="laying the organ on the table"))
        objects = {role: load_object(Path(folder)) for role, folder in begin.objects.items()}
        self.engine = make(objects, begin.scene)
        self._tell(say.Progress(fraction=0.8, what="warming up; the first time on a machine takes a minute"))
        self.engine.warm()
        self._recording = Recording(Path(begin.folder), begin.inputs, begin.scene)
        self.performance = Performance(self.engine, begin.scene, self._recording)
        self._writer = Writer()
        self._paused = self._ended = False

    def run(self) -> None:
        """Until it is told to end."""
        self._show()
        script = self._begin.script
        self._tell(say.Ready(replaying=script is not None))
        if script is not None:
            self._replay(script)
        self._tell_steps()
        due = time.perf_counter()
        while not self._ended:
            asked = self._take_requests()
            if self._ended:
                break
            if self._paused or (not asked and self.engine.resting):
                time.sleep(IDLE_S)
                due = time.perf_counter()
                continue
            if said := self.performance.tick():
                self._tell(say.Said(text=said))
            self._show()
            due = max(due + self._begin.scene.step_s, time.perf_counter() - self._begin.scene.step_s)
            time.sleep(max(0.0, due - time.perf_counter()))
        self._recording({"ticks": self.engine.tick})
        self._recording.close()
        self._writer.close()

    # -- requests ---------------------------------------------------------------------------------------------------

    def _take_requests(self) -> bool:
        """All that were made since; of several moves the last one counts. Returns whether there were any."""
        waiting: list[say.Request] = []
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                break
            if request is None:
                self._ended = True
                return True
            waiting.append(request)
        moves = [request for request in waiting if isinstance(request, say.Move)]
        if moves and not self._paused:
            self.performance.move(np.array(moves[-1].pose, np.float64))
        for request in waiting:
            self._answer(request)
        return bool(waiting)

    def _answer(self, request: say.Request) -> None:
        match request:
            case say.Do(command=command):
                try:
                    self._tell(say.Said(text=self.performance.do(command)))
                except OrganTwinError as error:
                    self._tell(say.Refused(sentence=error.sentence))
                self._tell_steps()
                self._show()
            case say.GoTo() | say.Back() | say.Forth():
                done = len(self.performance.steps)
                wanted = (
                    request.steps
                    if isinstance(request, say.GoTo)
                    else done + (1 if isinstance(request, say.Forth) else -1)
                )
                self.performance.go_to(max(wanted, 0))
                self._tell_steps()
                self._show()
            case say.Pause(on=on):
                self._paused = on
            case say.Record(name=name):
                try:
                    self._tell(say.Recorded(folders=self._record(name)))
                except OrganTwinError as error:
                    self._tell(say.Refused(sentence=error.sentence))
            case say.End():
                self._ended = True

    def _replay(self, script: Script) -> None:
        """Play a script at its pace; requests wait, but for the one to end."""
        pace, due = self._begin.pace, time.perf_counter()
        shown = 0.0

        def each(tick: int, said: str) -> None:
            nonlocal due, shown
            if said:
                self._tell(say.Said(text=said))
                self._tell_steps()
            if self._ended or (not self._requests.empty() and self._wants_end()):
                raise _Stopped
            now = time.perf_counter()
            if pace > 0 or now - shown > 0.1 or tick == script.ticks:
                self._show()
                shown = now
            if tick % 30 == 0:
                self._tell(say.Progress(fraction=tick / max(script.ticks, 1), what="replaying"))
            if pace > 0:
                due += script.scene.step_s / pace
                time.sleep(max(0.0, due - time.perf_counter()))

        try:
            self.performance.play(script, each)
            self._tell(say.Ready())
        except _Stopped:
            self._ended = True
        except OrganTwinError as error:
            self._tell(say.Refused(sentence=error.sentence))

    def _wants_end(self) -> bool:
        kept: list[say.Request | None] = []
        while not self._requests.empty():
            kept.append(self._requests.get())
        for request in kept:
            self._requests.put(request)
        return any(request is None or isinstance(request, say.End) for request in kept)

    def _record(self, name: str) -> tuple[str, ...]:
        from organtwin.rehearsal.outcome import outcome
        from organtwin.store.objects import save_object

        things = outcome(self.performance, self._begin.inputs, name)
        return tuple(str(save_object(thing, Path(self._begin.folder))) for thing in things)

    # -- telling ----------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        if self._writer.write(self.engine.frame()):
            self._tell(say.Frames(path=str(self._writer.path)))

    def _tell_steps(self) -> None:
        self._tell(say.Stepped(steps=tuple(self.performance.steps), undone=self.performance.undone))
        if self._recording.failed:
            self._tell(say.Refused(sentence=self._recording.failed))
            self._recording.failed = ""

    def _tell(self, event: say.Event) -> None:
        tell(self._out, event)


class _Stopped(Exception):
    """The replay was told to end."""


def tell(out: TextIO, event: say.Event) -> None:
    """Write one event."""
    out.write(event.model_dump_json() + "\n")
    out.flush()


def _listen(requests: queue.Queue[say.Request | None]) -> None:
    for line in sys.stdin:
        requests.put(say.REQUEST.validate_json(line))
    requests.put(None)


def main() -> int:
    """Serve one rehearsal; 0 when it ended as asked, 3 for bad input, 4 for a defect."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not among the events
    requests: queue.Queue[say.Request | None] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    try:
        begin = requests.get()
        if begin is None:
            return 0
        assert isinstance(begin, say.Begin)
        Server(begin, requests, out).run()
        tell(out, say.Ended())
        return 0
    except BrokenPipeError:  # the window is gone
        return 0
    except OrganTwinError as error:
        tell(out, say.Ended(sentence=error.sentence))
        return error.exit_code
    except Exception as error:
        traceback.print_exc()
        tell(
            out,
            say.Ended(
                sentence=f"The rehearsal stopped: {error or type(error).__name__}. What was done until now is kept."
            ),
        )
        return 4


if __name__ == "__main__":
    sys.exit(main())
