"""Frames from one process to another through memory that both see: the reader takes the newest whole one, nobody waits.

Three slots; each begins with a number that is odd while it is written. The writer never touches the slot it filled last,
so a reader that is not slower than two frames finds it whole at the first try.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.rehearsal.frame import Frame, Measures

SLOTS = 3
HEAD = struct.Struct("<qqq")  # newest slot (-1: none), slot bytes, frames written
SLOT = struct.Struct("<qqq")  # sequence, bytes of the words, bytes in all
ALIGN = 64
_ARRAYS = ("points_mm", "rest_mm", "triangles", "kinds", "strain", "force_n", "tool", "held_mm")
_GROUPS = ("carried_mm", "carried_gone")


def packed(frame: Frame) -> tuple[bytes, list[NDArray[Any]], int]:
    """Words, arrays, and the size in all of a frame."""
    arrays: dict[str, NDArray[Any]] = {
        name: getattr(frame, name) for name in _ARRAYS if getattr(frame, name) is not None
    }
    for group in _GROUPS:
        arrays |= {f"{group}/{name}": values for name, values in getattr(frame, group).items()}
    table, at = [], 0
    for name, values in arrays.items():
        table.append((name, values.dtype.str, values.shape, at))
        at += -(-values.nbytes // ALIGN) * ALIGN
    words = json.dumps(
        {
            "tick": frame.tick,
            "topology": frame.topology,
            "grasping": frame.grasping,
            "measures": asdict(frame.measures),
            "arrays": table,
        }
    ).encode()
    return words, list(arrays.values()), _start(len(words)) + at


def _start(words: int) -> int:
    """Where the arrays begin in a slot."""
    return -(-(SLOT.size + words) // ALIGN) * ALIGN


class Writer:
    """Writes frames into a file that is mapped into memory; a larger file takes its place when a frame does not fit."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._map: mmap.mmap | None = None
        self._slot_bytes = 0
        self._newest, self._written = -1, 0

    def write(self, frame: Frame) -> bool:
        """Write a frame; True when readers must open ``path`` anew."""
        words, arrays, size = packed(frame)
        fresh = self._map is None or size > self._slot_bytes
        if fresh:
            self._make_room(2 * size + 2**20)
        assert self._map is not None
        slot = (self._newest + 1) % SLOTS
        base = ALIGN + slot * self._slot_bytes
        sequence = SLOT.unpack_from(self._map, base)[0] | 1
        SLOT.pack_into(self._map, base, sequence, len(words), size)
        self._map[base + SLOT.size : base + SLOT.size + len(words)] = words
        at = base + _start(len(words))
        for values in arrays:
            room = np.frombuffer(self._map, values.dtype, values.size, at).reshape(values.shape)
            room[...] = values
            at += -(-values.nbytes // ALIGN) * ALIGN
        SLOT.pack_into(self._map, base, sequence + 1, len(words), size)
        self._newest, self._written = slot, self._written + 1
        HEAD.pack_into(self._map, 0, slot, self._slot_bytes, self._written)
        return fresh

    def _make_room(self, slot_bytes: int) -> None:
        self.close()
        self._slot_bytes = -(-slot_bytes // ALIGN) * ALIGN
        memory = Path("/dev/shm")
        number, name = tempfile.mkstemp(prefix="organtwin-frames-", dir=memory if memory.is_dir() else None)
        with os.fdopen(number, "r+b") as stream:
            stream.truncate(ALIGN + SLOTS * self._slot_bytes)
            self._map = mmap.mmap(stream.fileno(), 0)
        self.path = Path(name)
        self._newest = -1
        HEAD.pack_into(self._map, 0, -1, self._slot_bytes, self._written)

    def close(self) -> None:
        """Let go of the memory; a reader that has it open keeps it."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self._map = None  # ends when the last view of it does


class Reader:
    """Reads the newest whole frame."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        path.unlink(missing_ok=True)  # so that nothing is left whatever happens to the two processes
        self._seen = -1

    def newest(self) -> Frame | None:
        """The newest frame, or None when it was read before."""
        for _ in range(SLOTS):
            slot, slot_bytes, written = HEAD.unpack_from(self._map, 0)
            if slot < 0 or written == self._seen:
                return None
            base = ALIGN + slot * slot_bytes
            before, words, size = SLOT.unpack_from(self._map, base)
            if before & 1:
                continue
            data = bytes(self._map[base : base + size])
            if SLOT.unpack_from(self._map, base)[0] == before:
                self._seen = written
                return _unpacked(data, words)
        return None

    def close(self) -> None:
        """Let go of the memory."""
        self._map.close()


def _unpacked(data: bytes, words: int) -> Frame:
    said = json.loads(data[SLOT.size : SLOT.size + words])
    known: dict[str, Any] = {"carried_mm": {}, "carried_gone": {}}
    start = _start(words)
    for name, dtype, shape, at in said["arrays"]:
        count = int(np.prod(shape))
        values = np.frombuffer(data, np.dtype(dtype), count, start + at).reshape(shape)
        group, _, key = name.partition("/")
        if key:
            known[group][key] = values
        else:
            known[name] = values
    for key, value in said["measures"].items():
        if isinstance(value, list):
            said["measures"][key] = tuple(value)
    assert set(said["measures"]) == {f.name for f in fields(Measures)}
    return Frame(
        tick=said["tick"],
        topology=said["topology"],
        grasping=said["grasping"],
        measures=Measures(**said["measures"]),
        **known,
    )
