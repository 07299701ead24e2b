"""The process of a hand: ``python -m organtwin.workbench.server``. Edits come by standard input and are worked out on labels
that it sees but cannot change; the newest one counts. It ends at once when its input does, so it never outlives the window."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import numpy as np

from organtwin.edit.apply import Edited
from organtwin.edit.canvas import Canvas
from organtwin.edit.edit import Edit, canvas_of
from organtwin.edit.tool import find, names
from organtwin.errors import BadInput, Cancelled, OrganTwinError
from organtwin.model import Frozen, Segment, Volume
from organtwin.monitor import NullMonitor
from organtwin.space import Grid
from organtwin.workbench import messages as say
from organtwin.workbench.shared_labels import SharedLabels

TOLD_EVERY_S = 0.05


class Server:
    """Works out one edit after the other. ``newest`` is what was asked last, None when it was told to stop."""

    def __init__(self, begin: say.Begin, out: BinaryIO) -> None:
        self._grid, self._out = begin.grid, out
        self._labels = SharedLabels(begin.number, begin.grid.shape, begin.dtype).array
        self._volume: tuple[str, Volume | None] = ("", None)
        self._asked = threading.Condition()
        self._waiting: say.Work | None = None
        self.newest = -1

    def hear(self, request: say.Work | say.Stop) -> None:
        """Called by the thread that listens."""
        with self._asked:
            if self._waiting is not None:
                self._tell(say.Dropped(ticket=self._waiting.ticket))
            self._waiting = request if isinstance(request, say.Work) else None
            self.newest = request.ticket if isinstance(request, say.Work) else -1
            self._asked.notify()

    def run(self) -> None:
        """For ever."""
        self._tell(say.Ready())
        self._warm()
        while True:
            with self._asked:
                while self._waiting is None:
                    self._asked.wait()
                work, self._waiting = self._waiting, None
            self._answer(work)

    def _warm(self) -> None:
        """Load what the tools need, and what was compiled for the commonest, as long as nobody asks."""
        for name in names():
            if self._waiting is not None:
                return
            with suppress(ImportError):  # told when it is asked for
                import_module(find(name).function.partition(":")[0])
        grid = Grid.make((16, 16, 16), (1, 1, 1))
        labels = np.zeros(grid.shape, self._labels.dtype)
        labels[4:9, 4:9, 4:9] = 1
        values = 100 * labels.astype(np.int16)
        canvas = Canvas(grid, labels, (Segment.of(1, "liver", 0.0),), "liver", values, "CT")
        stroke = {"key": "liver", "points_mm": [[6, 6, 10], [7, 7, 10]], "radius_mm": 1.0}
        for tool, options in (
            ("grow", {"mode": "correct", "strokes": [stroke]}),
            ("islands", {}),
            ("grow", {"mode": "lesion", "strokes": [stroke], "reach_mm": 5}),
            ("margin", {"margin_mm": 1}),
            ("flood", {"points_mm": [[6, 6, 6]]}),
        ):
            if self._waiting is None:
                with suppress(OrganTwinError):
                    Edit(tool=tool, segment="liver", options=options).perform(canvas)

    def _answer(self, work: say.Work) -> None:
        ticket = work.ticket
        try:
            _Watch(self, ticket).progress(0.0)
            volume = self._scan(work.volume)
            canvas = canvas_of(self._grid, self._labels, work.segments, work.edit.segment, volume)
            done = work.edit.perform(canvas, _Watch(self, ticket))
        except Cancelled:
            self._tell(say.Dropped(ticket=ticket))
        except OrganTwinError as error:
            self._tell(
                say.Refused(
                    ticket=ticket, what=error.what, where=error.where, remedy=error.remedy,
                    places_mm=error.places_mm, input=isinstance(error, BadInput),
                )
            )  # fmt: skip
        except MemoryError:
            self._tell(say.Refused(ticket=ticket, what="There is not enough memory for this", input=False,
                                   remedy="Close other programs, or work on a smaller part."))  # fmt: skip
        except Exception as error:
            traceback.print_exc()
            what = f"The tool failed: {error or type(error).__name__}"
            self._tell(say.Refused(ticket=ticket, what=what, remedy="Nothing has changed.", input=False))
        else:
            self._give(ticket, done)

    def _scan(self, folder: str) -> Volume | None:
        from organtwin.store.objects import load_object

        if self._volume[0] != folder:
            thing = load_object(Path(folder)) if folder else None
            assert thing is None or isinstance(thing, Volume)
            self._volume = folder, thing
        return self._volume[1]

    def _give(self, ticket: int, done: Edited) -> None:
        patch = done.patch
        parts = [getattr(patch, name) for name in say.PARTS]
        a, b, c = (len(part) for part in parts)
        head = say.Answered(
            ticket=ticket, start=patch.start, stop=patch.stop, dtype=patch.dtype, sizes=(a, b, c),
            segments=done.segments, said=done.said,
        )  # fmt: skip
        self._tell(head, *parts)

    def tell_progress(self, ticket: int, fraction: float, what: str) -> None:
        self._tell(say.Progress(ticket=ticket, fraction=fraction, what=what))

    def _tell(self, event: Frozen, *parts: bytes) -> None:
        self._out.write(say.line(event) + b"".join(parts))  # one write: two threads speak
        self._out.flush()


class _Watch(NullMonitor):
    """Tells how far a tool is, and stops it when something else was asked."""

    def __init__(self, server: Server, ticket: int) -> None:
        self._server, self._ticket, self._told = server, ticket, 0.0

    def progress(self, fraction: float, what: str = "") -> None:
        if self._server.newest != self._ticket:
            raise Cancelled
        now = time.monotonic()
        if now - self._told > TOLD_EVERY_S:
            self._told = now
            self._server.tell_progress(self._ticket, fraction, what)


def _listen(server: Server) -> None:
    for text in sys.stdin.buffer:
        request = say.request(text)
        assert isinstance(request, say.Work | say.Stop)
        server.hear(request)
    os._exit(0)  # also from the middle of a tool


def main() -> int:
    """Serve until the input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not among the events
    text = sys.stdin.buffer.readline()
    if not text:
        return 0
    begin = say.request(text)
    assert isinstance(begin, say.Begin)
    server = Server(begin, out)
    threading.Thread(target=_listen, args=(server,), daemon=True).start()
    with suppress(BrokenPipeError):  # the window is gone
        server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
