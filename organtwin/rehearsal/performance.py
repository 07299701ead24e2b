"""An engine and what was done with it: every pose and command at its tick, undo and redo, and the replay of a script.

At every tick the newest pose comes first, then the commands in their order, then the engine steps. Undo takes the last
command back together with all that came after it, so that what is recorded is always a straight line from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.model.rehearsal import Command, Scene, Script, Step
from organtwin.rehearsal.engine import Engine

Row = tuple[float, ...]
Sink = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Moment:
    """Where the recording stood, and the engine's state there."""

    steps: int
    poses: int
    state: object


@dataclass(frozen=True)
class _Undone:
    """What an undo took away: how to have it back."""

    steps: tuple[Step, ...]
    poses: tuple[Row, ...]
    before: _Moment
    state: object


class Performance:
    """Moves, commands and ticks of one rehearsal; ``sink`` is told all of them as they come."""

    def __init__(self, engine: Engine, scene: Scene, sink: Sink = lambda _line: None) -> None:
        self.engine, self.scene, self._sink = engine, scene, sink
        self.steps: list[Step] = []
        self.poses: list[Row] = []
        self._wanted: Row | None = None
        self._before: list[_Moment] = []
        self._undone: list[_Undone] = []

    # -- as it goes -------------------------------------------------------------------------------------------------

    def move(self, pose: NDArray[np.float64]) -> None:
        """Where the hand wants the tool (9,) from now on."""
        row = tuple(float(x) for x in pose)
        if row != self._wanted:
            self._wanted = row
            self._note_pose((float(self.engine.tick), *row))
            self.engine.move(np.array(row))

    def do(self, command: Command) -> str:
        """Do a command and record it.

        Raises
        ------
        BadInput
            When it cannot be done; nothing has changed and nothing is recorded.
        """
        before = _Moment(len(self.steps), len(self.poses), self.engine.snapshot())
        step = Step(tick=self.engine.tick, command=command)
        said = self.engine.do(command)
        self._before.append(before)
        self._undone.clear()
        self.steps.append(step)
        self._sink({"step": step.model_dump(mode="json")})
        return said

    def tick(self) -> str:
        """Let one tick pass; what came up in it, mostly nothing."""
        return self.engine.step()

    # -- back and forth ---------------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def undone(self) -> tuple[Step, ...]:
        """Commands that redo would bring back, the next one first."""
        return tuple(thing.steps[0] for thing in reversed(self._undone))

    def undo(self) -> None:
        """To the moment before the last command."""
        before = self._before.pop()
        now = self.engine.snapshot()
        self._undone.append(_Undone(tuple(self.steps[before.steps :]), tuple(self.poses[before.poses :]), before, now))
        self._go_back(before)

    def redo(self) -> None:
        """To the moment at which the last undo was asked for."""
        undone = self._undone.pop()
        self._go_back(undone.before)
        self._before.append(undone.before)
        for pose in undone.poses:
            self._note_pose(pose)
        for step in undone.steps:
            self.steps.append(step)
            self._sink({"step": step.model_dump(mode="json")})
        self._restore(undone.state)

    def go_to(self, count: int) -> None:
        """Undo or redo until ``count`` commands are done."""
        while len(self.steps) > count and self.can_undo:
            self.undo()
        while len(self.steps) < count and self.can_redo:
            self.redo()

    def _go_back(self, moment: _Moment) -> None:
        del self.steps[moment.steps :]
        del self.poses[moment.poses :]
        self._sink({"back": [moment.steps, moment.poses]})
        self._restore(moment.state)

    def _restore(self, state: object) -> None:
        self.engine.restore(state)
        self._wanted = self.poses[-1][1:] if self.poses else None

    def _note_pose(self, row: Row) -> None:
        if self.poses and self.poses[-1][0] == row[0]:
            self.poses[-1] = row
        else:
            self.poses.append(row)
        self._sink({"pose": row})

    # -- as a whole -------------------------------------------------------------------------------------------------

    def script(self) -> Script:
        """All that was done, as plain data."""
        return Script(scene=self.scene, steps=tuple(self.steps), poses=tuple(self.poses), ticks=self.engine.tick)

    def play(self, script: Script, each: Callable[[int, str], None] = lambda _tick, _said: None) -> None:
        """Do what a script says, from where the engine stands (its start).

        ``each`` is told every tick, with what came up since the one before and what commands that were done then had to say.

        Raises
        ------
        BadInput
            When a command of the script cannot be done.
        """
        poses = iter(sorted(script.poses, key=lambda row: row[0]))
        steps = iter(sorted(script.steps, key=lambda step: step.tick))
        pose, step = next(poses, None), next(steps, None)
        last, said = max([script.ticks, *(s.tick for s in script.steps)]), ""
        while True:
            tick = self.engine.tick
            while pose is not None and pose[0] <= tick:
                self.move(np.array(pose[1:]))
                pose = next(poses, None)
            while step is not None and step.tick <= tick:
                said = " ".join((said, self.do(step.command))).strip()
                step = next(steps, None)
            each(tick, said)
            if tick >= last:
                return
            said = self.tick()
