"""The frames of a rehearsal that is going on, thinned, so that it can be looked through again."""

from __future__ import annotations

from organtwin.rehearsal.frame import Frame

PICTURES_PER_S = 15.0
MOST_BYTES = 400_000_000


class Reel:
    """Keeps some frames a second, and fewer of them when they become too many."""

    def __init__(self, pictures_per_s: float = PICTURES_PER_S, most_bytes: int = MOST_BYTES) -> None:
        self.frames: list[Frame] = []
        self._apart_s = 1.0 / pictures_per_s
        self._most = most_bytes
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        """A frame after those before; one of an earlier moment, after an undo, takes what came later away."""
        while self.frames and self.frames[-1].tick >= frame.tick:
            self._bytes -= _size(self.frames.pop())
        last = self.frames[-1] if self.frames else None
        if (
            last is None
            or frame.topology != last.topology
            or frame.measures.time_s - last.measures.time_s >= self._apart_s - 1e-9
        ):
            self.frames.append(frame)
            self._bytes += _size(frame)
            if self._bytes > self._most:
                self._thin()

    def _thin(self) -> None:
        """Every second one goes, but none at which something was cut."""
        kept = [
            frame
            for n, frame in enumerate(self.frames)
            if n % 2 == 0 or n == len(self.frames) - 1 or frame.topology != self.frames[n - 1].topology
        ]
        self.frames = kept
        self._bytes = sum(map(_size, kept))
        self._apart_s *= 2


def _size(frame: Frame) -> int:
    own = (frame.points_mm, frame.strain, frame.force_n, *frame.carried_mm.values())
    return sum(array.nbytes for array in own)
