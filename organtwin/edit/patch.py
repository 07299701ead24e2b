"""The smallest way to say how a label map changed: a box, the voxels in it that changed, and their labels before and after."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
Box = tuple[slice, slice, slice]
COMPRESSION = 1  # the fastest: strokes are small and runs are long


@dataclass(frozen=True)
class Patch:
    """``start`` and ``stop`` (k, j, i) of the box; ``where`` its changed voxels as packed bits; ``before`` and ``after`` their
    labels, in order. All three are compressed: a stroke takes a few hundred bytes."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]
    dtype: str
    where: bytes
    before: bytes
    after: bytes

    @classmethod
    def between(cls, labels: Labels, box: Box, wanted: Labels) -> Self:
        """From what is in ``box`` of ``labels`` to ``wanted``; the box shrinks to what really changes."""
        old = labels[box]
        low, high = _changed_box(old, wanted)
        if low[0] > high[0]:
            return cls((0, 0, 0), (0, 0, 0), labels.dtype.str, b"", b"", b"")
        tight = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
        old, new = old[tight], wanted[tight]
        changed = old != new
        start = tuple(int(s.start or 0) + int(a) for s, a in zip(box, low, strict=True))
        stop = tuple(a + n for a, n in zip(start, changed.shape, strict=True))
        return cls(
            (start[0], start[1], start[2]),
            (stop[0], stop[1], stop[2]),
            labels.dtype.str,
            zlib.compress(np.packbits(changed).tobytes(), COMPRESSION),
            zlib.compress(np.ascontiguousarray(old[changed]).tobytes(), COMPRESSION),
            zlib.compress(new[changed].astype(labels.dtype).tobytes(), COMPRESSION),
        )

    @property
    def empty(self) -> bool:
        return not self.where

    @property
    def box(self) -> Box:
        return (
            slice(self.start[0], self.stop[0]),
            slice(self.start[1], self.stop[1]),
            slice(self.start[2], self.stop[2]),
        )

    def changed(self) -> NDArray[np.bool_]:
        """Which voxels of :attr:`box` change."""
        shape = tuple(b - a for a, b in zip(self.start, self.stop, strict=True))
        bits = np.frombuffer(zlib.decompress(self.where), np.uint8)
        return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)

    def labels_before(self) -> Labels:
        return np.frombuffer(zlib.decompress(self.before), self.dtype)

    def labels_after(self) -> Labels:
        return np.frombuffer(zlib.decompress(self.after), self.dtype)

    def apply(self, labels: Labels) -> None:
        """Do it, in place."""
        if not self.empty:
            labels[self.box][self.changed()] = self.labels_after()

    def undo(self, labels: Labels) -> None:
        """Take it back, in place."""
        if not self.empty:
            labels[self.box][self.changed()] = self.labels_before()

    def counts(self) -> dict[int, int]:
        """By how many voxels each label grew (shrank, where negative)."""
        if self.empty:
            return {}
        before, after = (np.bincount(a, minlength=1) for a in (self.labels_before(), self.labels_after()))
        size = max(len(before), len(after))
        grown = np.pad(after, (0, size - len(after))) - np.pad(before, (0, size - len(before)))
        return {int(label): int(grown[label]) for label in np.flatnonzero(grown)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As arrays, to be written to one file."""
        return {
            "box": np.array([self.start, self.stop], np.int32),
            "dtype": np.array(self.dtype),
            **{name: np.frombuffer(getattr(self, name), np.uint8) for name in ("where", "before", "after")},
        }

    @classmethod
    def of_arrays(cls, arrays: Any) -> Self:
        (a, b, c), (d, e, f) = arrays["box"].tolist()
        where, before, after = (arrays[name].tobytes() for name in ("where", "before", "after"))
        return cls((a, b, c), (d, e, f), str(arrays["dtype"]), where, before, after)


@numba.njit(cache=True)
def _changed_box(old, new):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Lowest and highest index (k, j, i) at which two arrays differ; lowest > highest where they do not."""
    nk, nj, ni = old.shape
    low = np.array([nk, nj, ni])
    high = np.array([-1, -1, -1])
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if old[k, j, i] != new[k, j, i]:
                    low[0], high[0] = min(low[0], k), max(high[0], k)
                    low[1], high[1] = min(low[1], j), max(high[1], j)
                    low[2], high[2] = min(low[2], i), max(high[2], i)
    return low, high
