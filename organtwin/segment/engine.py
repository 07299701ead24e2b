"""Segmentation engines: what they offer, what they give back, and how they are found by name.

An engine is declared under the entry-point group ``organtwin.segment_engines`` as a light :class:`Engine`; the function
that does the work is imported when it runs.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor

GROUP = "organtwin.segment_engines"


class Found:
    """What an engine says about one structure.

    Masks are kept as bits: all structures of a large scan as bytes are more than the rest of an engine needs.

    Parameters
    ----------
    key : str
        Key of the structure (see :mod:`organtwin.model.terminology`).
    mask : (nk, nj, ni) bool array or None
        In the order of the volume's own array; None when the structure was not found.
    confidence : float, optional
        0 to 1, from things that were measured; None where a person drew it.
    doubt : str
        In words, why the confidence is not higher, or why nothing was found.
    """

    def __init__(
        self, key: str, mask: NDArray[np.bool_] | None, confidence: float | None = None, doubt: str = ""
    ) -> None:
        self.key = key
        self.confidence = confidence
        self.doubt = doubt
        self._shape = () if mask is None else mask.shape
        self._bits = None if mask is None else np.packbits(mask)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """A new array every time."""
        if self._bits is None:
            return None
        return np.unpackbits(self._bits, count=math.prod(self._shape)).reshape(self._shape).view(np.bool_)

    @property
    def seen(self) -> bool:
        """Whether it has any voxel."""
        return self._bits is not None and bool(self._bits.any())


@dataclass(frozen=True)
class Engine:
    """One way to segment.

    ``structures`` are the keys that it can find, empty where the user names the result. ``about`` says in one or two
    sentences what it is for and what it needs; ``modalities`` what kinds of scans it reads (empty: any); ``runtime`` how it runs
    ("built in", "onnxruntime", "a program of its own"); ``hand`` whether clicks or strokes start it. ``available`` is
    "module:name" of ``f() -> str``, "" when it can run here, else one sentence why not. ``function`` is "module:name" of ``f(volume, structures, parameters, monitor) -> sequence of Found``, where ``structures`` are the wanted keys
    (None: all it can find) and ``parameters`` is an instance of the engine's own parameter record.
    """

    name: str
    title: str
    licence: str
    structures: tuple[str, ...]
    parameters: type[Frozen]
    function: str
    about: str = ""
    modalities: tuple[str, ...] = ()
    runtime: str = "built in"
    hand: bool = False
    available: str = ""

    def why_not(self) -> str:
        """Why it cannot run here, in one sentence; "" when it can."""
        return str(_imported(self.available)()) if self.available else ""

    def run(
        self, volume: Volume, structures: Sequence[str] | None, parameters: Any, monitor: Monitor
    ) -> tuple[Found, ...]:
        """Import the function and run it on a volume.

        Raises
        ------
        BadInput
            When a wanted structure is not one that the engine knows.
        """
        if structures is not None and self.structures:
            unknown = [key for key in structures if key not in self.structures]
            if unknown:
                raise BadInput(
                    f"The engine '{self.name}' does not know the structure '{unknown[0]}'",
                    remedy=f"It knows: {', '.join(self.structures)}.",
                )
        if self.modalities and volume.modality not in (*self.modalities, "OT"):
            raise BadInput(
                f"The engine '{self.name}' reads {' and '.join(self.modalities)}, and this scan is {volume.modality}",
                remedy="Choose another engine, or import the scan with its modality.",
            )
        if reason := self.why_not():
            raise BadInput(f"The engine '{self.name}' cannot run: {reason}")
        return tuple(_imported(self.function)(volume, structures, parameters, monitor))


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def _load(name: str) -> Engine | None:
    for entry in entry_points(group=GROUP, name=name):
        try:
            engine = entry.load()
        except ImportError:  # an optional part is not installed: its engines are not offered
            continue
        return engine if isinstance(engine, Engine) else None
    return None


def names() -> list[str]:
    """Names of the engines that can run in this installation."""
    declared = {entry.name for entry in entry_points(group=GROUP)}
    return sorted(name for name in declared if _load(name))


def find(name: str) -> Engine:
    """The engine of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    engine = _load(name)
    if engine is None:
        raise BadInput(f"There is no segmentation engine '{name}'", remedy=f"There are: {', '.join(names())}.")
    return engine
