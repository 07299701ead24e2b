"""A circuit of blocks joined by nodes, as the equations  E dy/dt + F y + c = 0.

Every link between two blocks is a node with an unknown pressure and an unknown flow (positive from the first block to the
second); blocks add unknowns of their own. The system is differential-algebraic: a resistance or a junction has no time
derivative. Formulation: Pfaller et al., Int. J. Numer. Methods Biomed. Eng. 38, 2022, e3639.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from organtwin.errors import BadInput

Vector = NDArray[np.float64]
Source = Callable[[float], float]


class Waveform:
    """A value over time: straight lines between samples, repeated with their period; one sample is a constant."""

    def __init__(self, times: ArrayLike, values: ArrayLike) -> None:
        self.times = np.asarray(times, float)
        self.values = np.atleast_1d(np.asarray(values, float))
        if self.values.size > 1 and (self.times.shape != self.values.shape or np.any(np.diff(self.times) <= 0.0)):
            raise BadInput("A waveform needs a value for each time, and times that increase")
        self.period = float(self.times[-1] - self.times[0]) if self.values.size > 1 else 0.0
        self.mean = float(self.values.mean())

    def __call__(self, time: float) -> float:
        if self.values.size == 1:
            return float(self.values[0])
        return float(np.interp(time % self.period, self.times, self.values))


@dataclass(frozen=True)
class Node:
    """Where two blocks meet: the numbers of its two unknowns."""

    pressure: int
    flow: int


@dataclass(frozen=True)
class Place:
    """Where a block sits in the system: its nodes, and the numbers of its own unknowns."""

    inlets: tuple[Node, ...]
    outlets: tuple[Node, ...]
    own: tuple[int, ...]


class Block(Protocol):
    """A part of a circuit. It adds as many equations as it has nodes on one side of it and unknowns of its own need."""

    own: ClassVar[tuple[str, ...]]  # names of unknowns beyond those of its nodes

    def assemble(self, system: System, place: Place) -> None:
        """Add equations to the system."""
        ...


class Moving(Protocol):
    """What a block does at every evaluation when its equations change with time or solution."""

    def update(self, system: System, c: Vector, time: float, y: Vector) -> None:
        """Add to ``c``, and write into ``system.F`` and the Jacobian ``system.dc_dy``, what holds there."""
        ...


@dataclass
class System:
    """Assembled equations; ``names`` are those of the unknowns, "pressure:A:B" and "flow:A:B" for a link, then "own:block".

    ``steady`` asks blocks for the equations of a steady state: means of waveforms, uncharged windkessels.
    """

    names: tuple[str, ...]
    steady: bool
    E: NDArray[np.float64] = field(init=False)
    F: NDArray[np.float64] = field(init=False)
    c: Vector = field(init=False)
    dc_dy: NDArray[np.float64] = field(init=False)
    moving: list[Moving] = field(default_factory=list)
    clamps: list[Callable[[Vector], None]] = field(default_factory=list)
    starts: list[Callable[[Vector, Vector], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.names)
        self.E, self.F, self.dc_dy = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
        self.c = np.zeros(n)
        self._rows = 0
        self._sources: list[tuple[int, float, Source]] = []
        self._losses: list[tuple[int, int, float]] = []
        self._stored: list[tuple[int, int, float]] = []

    def row(self) -> int:
        """The number of a new equation."""
        self._rows += 1
        return self._rows - 1

    def source(self, row: int, value: float | Source, factor: float = 1.0) -> None:
        """Add factor * value(t) to an equation."""
        if isinstance(value, Waveform) and self.steady:
            value = value.mean
        if callable(value):
            self._sources.append((row, factor, value))
        else:
            self.c[row] += factor * value

    def loss(self, row: int, flow: int, coefficient: float) -> None:
        """Add -coefficient |q| q to an equation."""
        if coefficient:
            self._losses.append((row, flow, coefficient))

    def stored_loss(self, row: int, flow: int, coefficient: float) -> None:
        """Add coefficient |q| dq/dt to an equation."""
        if coefficient:
            self._stored.append((row, flow, coefficient))

    def close(self) -> System:
        """Check that there is an equation for each unknown, and make the arrays that evaluation uses."""
        if self._rows != len(self.names):
            raise BadInput(
                f"The circuit has {self._rows} equations for {len(self.names)} unknowns",
                remedy="Every end of a vessel needs a neighbour or a boundary condition.",
            )
        self._loss = _columns(self._losses)
        self._store = _columns(self._stored)
        self._with_sources = self.c.copy()
        self._both = np.hstack([self.E, self.F])
        self._size = np.abs(self._both)
        return self

    @property
    def linear(self) -> bool:
        """Whether nothing but sources changes."""
        return not (self._losses or self._stored or self.moving)

    def at(self, time: float) -> None:
        """Move the sources to a time."""
        self._time = time
        self._with_sources = self.c.copy()
        for row, factor, value in self._sources:
            self._with_sources[row] += factor * value(time)

    def residual(self, y: Vector, dy: Vector) -> Vector:
        """What is left of each equation at the time of :meth:`at`."""
        known = self._with_sources
        if self.moving:
            known = known.copy()
            for block in self.moving:
                block.update(self, known, self._time, y)
            self._both = np.hstack([self.E, self.F])
            self._size = np.abs(self._both)
        self._known = known
        left = self._both @ np.concatenate([dy, y]) + known
        rows, flows, coefficients = self._loss
        if rows.size:
            np.subtract.at(left, rows, coefficients * np.abs(y[flows]) * y[flows])
        rows, flows, coefficients = self._store
        if rows.size:
            np.add.at(left, rows, coefficients * np.abs(y[flows]) * dy[flows])
        return left

    def size(self, y: Vector, dy: Vector) -> Vector:
        """The size of the terms that :meth:`residual` last added up in each equation, for unknowns of this size."""
        size: Vector = self._size @ np.concatenate([dy, y]) + np.abs(self._known)
        return size

    def jacobian(self, y: Vector, dy: Vector, per_rate: float, per_value: float) -> NDArray[np.float64]:
        """per_rate * d(residual)/d(dy) + per_value * d(residual)/dy."""
        matrix = per_rate * self.E + per_value * (self.F + self.dc_dy)
        rows, flows, coefficients = self._loss
        np.add.at(matrix, (rows, flows), -2.0 * per_value * coefficients * np.abs(y[flows]))
        rows, flows, coefficients = self._store
        q, rate = y[flows], dy[flows]
        np.add.at(matrix, (rows, flows), coefficients * (per_rate * np.abs(q) + per_value * np.sign(q) * rate))
        return matrix

    def index(self, name: str) -> int:
        """The number of an unknown."""
        return self.names.index(name)


class Circuit:
    """Blocks by name, and links from one to another."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self.links: list[tuple[str, str]] = []

    def add(self, name: str, block: Block) -> None:
        """Put a block in."""
        if name in self.blocks:
            raise BadInput(f"The circuit has two blocks '{name}'")
        self.blocks[name] = block

    def link(self, upstream: str, downstream: str) -> None:
        """Join the end of one block with the start of another."""
        for name in (upstream, downstream):
            if name not in self.blocks:
                raise BadInput(f"The circuit has no block '{name}'", remedy=f"There are: {', '.join(self.blocks)}.")
        self.links.append((upstream, downstream))

    def system(self, steady: bool = False) -> System:
        """Number the unknowns, and collect the equations of every block.

        Raises
        ------
        BadInput
            When equations and unknowns are not equally many.
        """
        pairs = [f"{a}:{b}" for a, b in self.links]
        names = [f"{what}:{pair}" for pair in pairs for what in ("pressure", "flow")]
        own: dict[str, tuple[int, ...]] = {}
        for name, block in self.blocks.items():
            own[name] = tuple(range(len(names), len(names) + len(block.own)))
            names += [f"{unknown}:{name}" for unknown in block.own]
        nodes = [Node(2 * i, 2 * i + 1) for i in range(len(pairs))]
        system = System(tuple(names), steady)
        for name, block in self.blocks.items():
            place = Place(
                inlets=tuple(node for node, (_, end) in zip(nodes, self.links, strict=True) if end == name),
                outlets=tuple(node for node, (start, _) in zip(nodes, self.links, strict=True) if start == name),
                own=own[name],
            )
            block.assemble(system, place)
        return system.close()


def initial(system: System, values: Mapping[str, float]) -> Vector:
    """A state with some unknowns given by name, zero elsewhere; "pressure_all" and "flow_all" fill the nodes."""
    y = np.zeros(len(system.names))
    for number, name in enumerate(system.names):
        if name.startswith(("pressure:", "P_c:")):
            y[number] = values.get("pressure_all", 0.0)
        elif name.startswith("flow:"):
            y[number] = values.get("flow_all", 0.0)
        y[number] = values.get(name, y[number])
    return y


def _columns(entries: Sequence[tuple[int, int, float]]) -> tuple[NDArray[np.int64], NDArray[np.int64], Vector]:
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    return np.array(rows, np.int64), np.array(columns, np.int64), np.array(values, float)
