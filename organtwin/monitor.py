"""How a running operation speaks: progress, residuals, log lines, and the question whether to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray


class Monitor(Protocol):
    """Every method raises :class:`organtwin.errors.Cancelled` when the user asked to stop; call often."""

    def progress(self, fraction: float, what: str = "") -> None:
        """``fraction`` 0 to 1 of the whole operation; ``what`` in a few words."""

    def residual(self, name: str, step: int, value: float) -> None:
        """A convergence measure, to be plotted."""

    def log(self, text: str) -> None:
        """A line for the job's log."""

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """What it takes to go on from here after a kill; it replaces what was kept before."""

    def kept(self) -> dict[str, NDArray[Any]] | None:
        """What was kept when this job was ended before, or None when it starts afresh."""


class NullMonitor:
    """Listens to nothing: the default outside a job."""

    def progress(self, fraction: float, what: str = "") -> None: ...

    def residual(self, name: str, step: int, value: float) -> None: ...

    def log(self, text: str) -> None: ...

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None: ...

    def kept(self) -> dict[str, NDArray[Any]] | None:
        return None


class PartMonitor:
    """Maps the 0 to 1 of a part onto ``start`` to ``stop`` of the whole."""

    def __init__(self, whole: Monitor, start: float, stop: float) -> None:
        self._whole, self._start, self._span = whole, start, stop - start

    def progress(self, fraction: float, what: str = "") -> None:
        self._whole.progress(self._start + self._span * min(max(fraction, 0.0), 1.0), what)

    def residual(self, name: str, step: int, value: float) -> None:
        self._whole.residual(name, step, value)

    def log(self, text: str) -> None:
        self._whole.log(text)

    def keep(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._whole.keep(arrays)

    def kept(self) -> dict[str, NDArray[Any]] | None:
        return self._whole.kept()
