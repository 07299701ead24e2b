"""One label map in memory that two processes see. It has no name, so nothing is left of it however they end."""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class SharedLabels:
    """``array`` (nk, nj, ni), and the ``number`` of the open file that holds it, to be handed to a child."""

    def __init__(self, number: int, shape: tuple[int, ...], dtype: str, write: bool = False) -> None:
        self.number = number
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        access = mmap.ACCESS_WRITE if write else mmap.ACCESS_READ
        memory = mmap.mmap(number, max(size, 1), access=access)  # goes when the last view of it does
        self.array: NDArray[Any] = np.frombuffer(memory, dtype, int(np.prod(shape))).reshape(shape)

    @classmethod
    def of(cls, labels: NDArray[Any]) -> Self:
        """A copy of labels that can be shared."""
        if hasattr(os, "memfd_create"):  # not bound by the size of /dev/shm
            number = os.memfd_create("organtwin-labels", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as stream:
                number = os.dup(stream.fileno())
        os.ftruncate(number, max(labels.nbytes, 1))
        made = cls(number, labels.shape, labels.dtype.str, write=True)
        made.array[...] = labels
        return made

    def close(self) -> None:
        """Hand it to nobody any more; the memory stays as long as it is looked at."""
        if self.number >= 0:
            os.close(self.number)
            self.number = -1
