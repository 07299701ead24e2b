"""A network slid over an array: overlapping patches, blended with Gaussian weights, in bounded memory.

Patches go from the first plane to the last. A plane that no later patch reaches is decided and forgotten, so that only
the planes of one patch are held for all classes; where even those are too many, the array is done in strips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from organtwin.monitor import Monitor

Shape = tuple[int, int, int]
Ask = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Decide = Callable[[NDArray[np.float32]], NDArray[np.uint16]]
Cut = Callable[[tuple[slice, ...]], NDArray[np.float32]]


def starts(size: int, patch: int, overlap: float) -> list[int]:
    """Where patches begin along an axis: evenly, the first at 0 and the last at the end (as in nnU-Net)."""
    if size <= patch:
        return [0]
    count = int(np.ceil((size - patch) / max(patch * (1 - overlap), 1.0))) + 1
    return [round(n * (size - patch) / (count - 1)) for n in range(count)]


def gaussian(patch: Shape) -> NDArray[np.float32]:
    """Weights of a patch, 1 in its middle; the standard deviation is an eighth of its length (Isensee et al. 2021)."""
    weights = np.ones(patch, np.float32)
    for axis, n in enumerate(patch):
        line = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (max(n, 1) / 8)) ** 2) if n > 1 else np.ones(1)
        weights *= line.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.maximum(weights, 1e-4 * weights.max())


@dataclass(frozen=True)
class Slid:
    """How to slide: ``patch`` sizes, ``overlap``, ``classes`` of the answer and ``memory_bytes`` for the blending."""

    patch: Shape
    overlap: float
    classes: int
    memory_bytes: float = 1e9

    def over(self, shape: Shape, cut: Cut, ask: Ask, decide: Decide, monitor: Monitor) -> NDArray[np.uint16]:
        """Labels (a, b, c) of an array.

        Parameters
        ----------
        shape : (a, b, c)
            At least the patch in each direction.
        cut : function
            Gives the part (channels, ...) of three slices.
        ask : function
            Gives the answer (classes, ...) to a patch.
        decide : function
            Labels from blended answers (classes, ...).
        """
        labels = np.zeros(shape, np.uint16)
        first, second, third = (starts(n, p, self.overlap) for n, p in zip(shape, self.patch, strict=True))
        plane_bytes = 4.0 * (self.classes + 1) * self.patch[0] * shape[2]
        rows = max(self.patch[1], int(self.memory_bytes / plane_bytes))
        strips = [(a, min(a + rows, shape[1])) for a in range(0, shape[1], rows)]
        inside = [[b for b in second if b < stop and b + self.patch[1] > start] for start, stop in strips]
        total, count = sum(len(first) * len(bs) * len(third) for bs in inside), 0
        weights = gaussian(self.patch)
        for (start, stop), bs in zip(strips, inside, strict=True):
            blended = np.zeros((self.classes, self.patch[0], stop - start, shape[2]), np.float32)
            weight = np.zeros(blended.shape[1:], np.float32)
            for n, a in enumerate(first):
                for b, c in product(bs, third):
                    monitor.progress(count / total, f"patch {count + 1} of {total}")
                    count += 1
                    answer = ask(
                        cut((slice(a, a + self.patch[0]), slice(b, b + self.patch[1]), slice(c, c + self.patch[2])))
                    )
                    low, high = max(b, start), min(b + self.patch[1], stop)
                    here = (slice(None), slice(low - start, high - start), slice(c, c + self.patch[2]))
                    part = (slice(None), slice(low - b, high - b))
                    blended[:, *here] += answer[:, *part] * weights[part]
                    weight[here] += weights[part]
                ready = (first[n + 1] if n + 1 < len(first) else shape[0]) - a
                labels[a : a + ready, start:stop] = decide(np.asarray(blended[:, :ready] / weight[:ready], np.float32))
                blended[:, : self.patch[0] - ready] = blended[:, ready:]
                blended[:, self.patch[0] - ready :] = 0
                weight[: self.patch[0] - ready] = weight[ready:]
                weight[self.patch[0] - ready :] = 0
        return labels
