"""The smallest way to say how a label map changed: a box, the voxels in it that changed, and their labels before and after."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

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
        anything = np.ones(2**16, bool)
        return cls.permitted(labels, box, wanted, anything, anything)

    @classmethod
    def permitted(
        cls,
        labels: Labels,
        box: Box,
        wanted: Labels,
        may_lose: NDArray[np.bool_],
        may_gain: NDArray[np.bool_],
        only: Callable[[Box], NDArray[np.bool_]] | None = None,
    ) -> Self:
        """The same, but voxels change only from labels that may lose and to labels that may gain (tables over all labels), and
        only where ``only`` allows it, which is asked for a part of the box. Labels wider than those there are widen them."""
        from organtwin.edit.changes import changed_box, changed_voxels

        dtype = np.promote_types(labels.dtype, wanted.dtype)
        low, high = changed_box(labels[box], wanted, may_lose, may_gain)
        if high[0] < 0:
            return cls.nothing(dtype)
        part = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
        tight = tuple(slice(s.start + p.start, s.start + p.stop) for s, p in zip(box, part, strict=True))
        old, new = labels[tight], wanted[part]
        changed = changed_voxels(old, new, may_lose, may_gain)
        if only is not None:
            changed &= only((tight[0], tight[1], tight[2]))
            if not changed.any():
                return cls.nothing(dtype)
        start, stop = [s.start for s in tight], [s.stop for s in tight]
        return cls(
            (start[0], start[1], start[2]),
            (stop[0], stop[1], stop[2]),
            dtype.str,
            zlib.compress(np.packbits(changed), COMPRESSION),
            zlib.compress(old[changed].astype(dtype, copy=False), COMPRESSION),
            zlib.compress(new[changed].astype(dtype, copy=False), COMPRESSION),
        )

    @classmethod
    def nothing(cls, dtype: Any) -> Self:
        """No voxel changes; the labels may still get a wider type."""
        return cls((0, 0, 0), (0, 0, 0), np.dtype(dtype).str, b"", b"", b"")

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

    @cached_property
    def moved(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many voxels each label lost, and how many it gained; the place in the array is the label."""
        if self.empty:
            return np.zeros(1, np.int64), np.zeros(1, np.int64)
        from organtwin.edit.changes import histogram

        return histogram(self.labels_before()), histogram(self.labels_after())

    def counts(self) -> dict[int, int]:
        """By how many voxels each label grew (shrank, where negative)."""
        lost, gained = self.moved
        return {int(label): int(gained[label] - lost[label]) for label in np.flatnonzero(gained - lost)}

    def touched(self) -> set[int]:
        """Labels that lost or gained voxels."""
        lost, gained = self.moved
        return {int(label) for label in np.flatnonzero(lost + gained)}

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
