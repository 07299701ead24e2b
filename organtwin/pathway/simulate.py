"""A plan lived through with SimPy, again and again with other patients.

The same patient (his arrival, his times) comes in every plan with the same seed, so that two plans are compared on the same
people (common random numbers; Law, Simulation Modeling and Analysis).
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import simpy
from numpy.typing import NDArray
from scipy.stats import t as student

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor, NullMonitor
from organtwin.pathway.hours import DAY, WEEK, read_hours
from organtwin.pathway.laws import Duration, minutes
from organtwin.pathway.plan import Patients, Plan

Floats = NDArray[np.float64]
MOST = 2_000_000  # patients in all, beyond which a plan is taken for a slip of units


class Number(Frozen):
    """A mean over replications with its 95 % confidence interval. ``each`` are the replications."""

    name: str
    unit: str
    mean: float
    low: float
    high: float
    each: tuple[float, ...] = ()

    @classmethod
    def of(cls, name: str, unit: str, values: Sequence[float]) -> Number:
        known = np.array([v for v in values if not math.isnan(v)])
        if not len(known):
            return cls(name=name, unit=unit, mean=math.nan, low=math.nan, high=math.nan, each=tuple(values))
        mean, least = float(known.mean()), 0.0 if (known >= 0.0).all() else -math.inf
        half = (
            float(student.ppf(0.975, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))
            if len(known) > 1
            else math.nan
        )
        return cls(
            name=name,
            unit=unit,
            mean=mean,
            low=max(mean - half, least),
            high=mean + half,
            each=tuple(float(v) for v in values),
        )


class Outcome(Frozen):
    """What a plan leads to. ``numbers`` are for people; ``assumes`` says where the times come from."""

    plan: str
    patients: int
    numbers: tuple[Number, ...]
    assumes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def number(self, name: str) -> Number:
        for number in self.numbers:
            if number.name == name:
                return number
        raise BadInput(f"There is no number '{name}'", remedy=f"There are: {', '.join(n.name for n in self.numbers)}.")


@dataclass
class Seen:
    """What one replication saw of patients that came, and of resources, after the warm-up."""

    waits: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    stays: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    came: dict[str, int] = field(default_factory=dict)
    overtime: dict[str, float] = field(default_factory=dict)
    waiting_at_start: int = 0
    waiting_at_end: int = 0


def simulate(plan: Plan, monitor: Monitor | None = None) -> Outcome:
    """Live through a plan ``plan.replications`` times.

    Raises
    ------
    BadInput
        When it has procedures whose times are not filled in, or far too many patients.
    """
    monitor = monitor or NullMonitor()
    plan = plan.with_times({})
    expected = sum((minutes(plan.length) + minutes(plan.warm_up)) / minutes(p.every) for p in plan.patients.values())
    if expected * plan.replications > MOST:
        raise BadInput(
            f"The plan '{plan.name}' has {expected * plan.replications:.3g} patients in all, which takes too long",
            remedy="Check the units of 'every' and 'length', or ask for fewer replications.",
        )
    seen = []
    for replication in range(plan.replications):
        monitor.progress(replication / plan.replications, f"{plan.name}: replication {replication + 1}")
        seen.append(_Hospital(plan, replication).live())
    monitor.progress(1.0, "done")
    return _outcome(plan, seen)


class _Floor:
    """What is free, and who waits for it. A patient gets all that a step needs at once, or goes on waiting for all of it: so
    nobody blocks one thing while he waits for another. The first in the queue whose needs are free goes."""

    def __init__(self, env: simpy.Environment, plan: Plan, seen: Seen, start: float, stop: float) -> None:
        self.env, self.seen, self.start, self.stop = env, seen, start, stop
        self.free = {name: resource.capacity for name, resource in plan.resources.items()}
        self.hours = {name: resource.hours for name, resource in plan.resources.items()}
        self.queue: list[tuple[int, int, tuple[str, ...], simpy.Event]] = []
        self.asked = 0
        for name, hours in self.hours.items():
            if hours.spans:
                env.process(self._opening(name))

    def ask(self, names: tuple[str, ...], priority: int) -> simpy.Event:
        event = self.env.event()
        self.asked += 1
        insort(self.queue, (priority, self.asked, names, event))
        self.serve()
        return event

    def give_back(self, name: str, since: float) -> None:
        self.free[name] += 1
        start, stop = max(since, self.start), min(self.env.now, self.stop)
        if stop > start:
            opened = self.hours[name].open_between(start, stop)
            self.seen.busy[name] += opened
            self.seen.overtime[name] += stop - start - opened

    def serve(self) -> None:
        ready = {name for name, free in self.free.items() if free and self.hours[name].opens_in(self.env.now) == 0.0}
        place = 0
        while ready and place < len(self.queue):
            _, _, names, event = self.queue[place]
            if ready.issuperset(names):
                del self.queue[place]
                for name in names:
                    self.free[name] -= 1
                    if not self.free[name]:
                        ready.discard(name)
                event.succeed()
            else:
                place += 1

    def _opening(self, name: str) -> Generator[Any, Any, None]:
        while True:
            wait = self.hours[name].opens_in(self.env.now)
            if wait == 0.0:
                self.serve()
                wait = self.hours[name].closes_in(self.env.now)
            yield self.env.timeout(wait)


class _Hospital:
    """One replication."""

    def __init__(self, plan: Plan, replication: int) -> None:
        self.plan, self.replication = plan, replication
        self.start, self.length = minutes(plan.warm_up), minutes(plan.length)
        self.stop = self.start + self.length
        self.env = simpy.Environment()
        self.seen = Seen(
            waits={group: {} for group in plan.patients},
            stays={group: [] for group in plan.patients},
            busy=dict.fromkeys(plan.resources, 0.0),
            overtime=dict.fromkeys(plan.resources, 0.0),
            left=dict.fromkeys(plan.patients, 0),
            came=dict.fromkeys(plan.patients, 0),
        )
        self.floor = _Floor(self.env, plan, self.seen, self.start, self.stop)
        self.inside = self.places = 0
        self.taken: dict[int, tuple[str, float]] = {}  # what is in use now, and since when

    def live(self) -> Seen:
        for group, patients in self.plan.patients.items():
            self.env.process(self._coming(group, patients))
        if self.start > 0.0:
            self.env.run(until=self.start)
        for group, patients in self.plan.patients.items():
            for number in range(patients.waiting):
                stream = np.random.default_rng(
                    [self.plan.seed, self.replication, crc32(f"waiting {group}".encode()), number]
                )
                self.env.process(self._patient(group, patients, stream))
        self.seen.waiting_at_start = self.inside
        self.env.run(until=self.stop)
        self.seen.waiting_at_end = self.inside
        for name, since in self.taken.values():
            self.floor.give_back(name, since)
        return self.seen

    def _coming(self, group: str, patients: Patients) -> Generator[Any, Any, None]:
        door, gap = read_hours(patients.open), minutes(patients.every)
        key = crc32(group.encode())
        gaps = np.random.default_rng([self.plan.seed, self.replication, key])
        number = 0
        while True:
            left = gap if patients.arrive == "regular" else float(gaps.exponential(gap))
            while left > 0.0:  # the clock of coming stands while the door is shut
                closed = door.opens_in(self.env.now)
                if closed:
                    yield self.env.timeout(closed)
                ahead = min(left, door.closes_in(self.env.now))
                yield self.env.timeout(ahead)
                left -= ahead
            stream = np.random.default_rng([self.plan.seed, self.replication, key, number])
            self.env.process(self._patient(group, patients, stream))
            number += 1

    def _patient(self, group: str, patients: Patients, stream: np.random.Generator) -> Generator[Any, Any, None]:
        env, came = self.env, self.env.now
        counted = came >= self.start
        self.inside += 1
        if counted:
            self.seen.came[group] += 1
        times = [step.time.draw(stream) for step in patients.steps if isinstance(step.time, Duration)]
        held: dict[str, int] = {}
        for step, time in zip(patients.steps, times, strict=True):
            asked = env.now
            wanted = tuple(name for name in step.need if name not in held)
            if wanted:
                yield self.floor.ask(wanted, patients.priority)
                for name in wanted:
                    self.places += 1
                    held[name] = self.places
                    self.taken[self.places] = (name, env.now)
            if counted and wanted:
                self.seen.waits[group].setdefault(step.title, []).append(env.now - asked)
            yield env.timeout(time)
            self._leave([name for name in step.need if name not in step.keep], held)
        self._leave(list(held), held)
        self.inside -= 1
        if counted:
            self.seen.stays[group].append(env.now - came)
        if env.now >= self.start:
            self.seen.left[group] += 1

    def _leave(self, names: list[str], held: dict[str, int]) -> None:
        for name in names:
            _, since = self.taken.pop(held.pop(name))
            self.floor.give_back(name, since)
        if names:
            self.floor.serve()


def _outcome(plan: Plan, seen: list[Seen]) -> Outcome:
    numbers: list[Number] = []
    start, length = minutes(plan.warm_up), minutes(plan.length)
    for group, patients in plan.patients.items():
        for title in dict.fromkeys(step.title for step in patients.steps):
            if not any(title in one.waits[group] for one in seen):  # nothing was waited for: it was kept from before
                continue
            waits = [np.array(one.waits[group].get(title, []), np.float64) / 60.0 for one in seen]
            many = max((float(np.mean(w)) for w in waits if len(w)), default=0.0) > 48.0
            unit, scale = ("days", 1.0 / 24.0) if many else ("h", 1.0)
            label = f"{group}: wait for {title}"
            numbers.append(Number.of(f"{label}, mean", unit, [scale * _mean(w) for w in waits]))
            numbers.append(Number.of(f"{label}, 9 of 10 within", unit, [scale * _ninth(w) for w in waits]))
        numbers.append(
            Number.of(
                f"{group}: from coming to leaving, mean",
                "days",
                [_mean(np.array(one.stays[group])) / DAY for one in seen],
            )
        )
        numbers.append(Number.of(f"{group}: treated", "/week", [one.left[group] / length * WEEK for one in seen]))
    for name, resource in plan.resources.items():
        available = resource.capacity * resource.hours.open_between(start, start + length)
        numbers.append(Number.of(f"{name}: in use", "%", [100.0 * one.busy[name] / available for one in seen]))
        if resource.hours.spans:
            numbers.append(
                Number.of(f"{name}: overtime", "h/week", [one.overtime[name] / 60.0 / length * WEEK for one in seen])
            )
    grown = Number.of(
        "patients under way, more at the end than at the beginning",
        "",
        [float(one.waiting_at_end - one.waiting_at_start) for one in seen],
    )
    numbers.append(grown)
    came = sum(sum(one.came.values()) for one in seen)
    warnings = []
    if grown.low > 0.0 and grown.mean > 0.1 * came / len(seen):
        warnings.append(
            f"More come than can be treated: {grown.mean:.0f} more are under way at the end than at the beginning, so waits depend on how long one watches."
        )
    assumes = dict.fromkeys(
        f"{group}, {step.title}: {step.time.law} with mean {step.time.mean}"
        + (f", sd {step.time.sd}" if step.time.sd else "")
        + (f" ({step.time.source})" if step.time.source else " (told by the plan)")
        for group, patients in plan.patients.items()
        for step in patients.steps
        if isinstance(step.time, Duration)
    )
    return Outcome(
        plan=plan.name, patients=came, numbers=tuple(numbers), assumes=tuple(assumes), warnings=tuple(warnings)
    )


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _ninth(values: Floats) -> float:
    return float(np.quantile(values, 0.9)) if len(values) else math.nan
