"""Several scenarios side by side: what each leads to, what it changes against going on as now, and what it takes for granted.

Every scenario is run with the same members and the same seed, so that the change of a member is that of one possible patient;
its interval is that of the change, which is far narrower than the difference of two intervals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import Forecast, Frozen, Scenario, TwinState
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.physiology.model import Floats, Physiology
from organtwin.timeline.days import DAY_S, minute_of
from organtwin.timeline.words import heading, number_words
from organtwin.twin.drives import Driven
from organtwin.twin.forecast import MEMBERS, NOTHING, as_usual, steps_s, whole_days
from organtwin.twin.readings import Readings
from organtwin.twin.scenario import AS_NOW, apply, described, during, titled


class Target(Frozen):
    """What a reading should be: between ``low`` and ``high``; ``source`` says who wants it."""

    low: float = -math.inf
    high: float = math.inf
    source: str = "told"

    @property
    def text(self) -> str:
        if math.isinf(self.low):
            return f"< {self.high:g}"
        return f"> {self.low:g}" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"


ACC = "Whelton et al., Hypertension 71:e13, 2018"
ADA = "American Diabetes Association, Standards of Care 2024"
BTS = "O'Driscoll et al., Thorax 72:i1, 2017 (94 to 98 %; 88 to 92 % where carbon dioxide is retained)"
TARGETS: Mapping[str, Target] = {
    "systolic": Target(high=130.0, source=ACC),
    "diastolic": Target(high=80.0, source=ACC),
    "hba1c": Target(high=7.0, source=ADA),
    "time_in_range": Target(low=70.0, source="Battelino et al., Diabetes Care 42:1593, 2019"),
    "time_below_range": Target(high=4.0, source="Battelino et al., Diabetes Care 42:1593, 2019"),
    "wedge_pressure": Target(high=15.0, source="Humbert et al., Eur Heart J 43:3618, 2022"),
    "pulmonary_mean": Target(high=20.0, source="Humbert et al., Eur Heart J 43:3618, 2022"),
    "spo2": Target(low=92.0, source=BTS),
    "sao2": Target(low=92.0, source=BTS),
}  # fmt: skip
RANGE_MG_PER_DL = (70.0, 180.0)


class Cell(Frozen):
    """A reading at the end of a scenario: median and 90 % interval of the next measured value; ``change`` against going on as now
    with its own 90 % interval, of the patient himself. Shares are 0 to 1, or none where nothing says what is better."""

    median: float
    low: float
    high: float
    change: float = 0.0
    change_low: float = 0.0
    change_high: float = 0.0
    better: float | None = None
    at_target: float | None = None


class Row(Frozen):
    """A reading: a cell for each scenario, in their order."""

    key: str
    title: str
    unit: str
    target: Target | None = None
    cells: tuple[Cell, ...]


class Loop(Frozen):
    """A cycle of the member in the middle at the end of a scenario: named curves."""

    curves: dict[str, tuple[float, ...]]


class Comparison(Frozen):
    """``scenarios`` begins with going on as now. ``forecasts`` are theirs, for plots; ``loops`` what one cycle looks like then."""

    model: str
    days: float
    at: str
    scenarios: tuple[Scenario, ...]
    rows: tuple[Row, ...]
    forecasts: tuple[Forecast, ...]
    loops: tuple[Loop, ...] = ()

    def row(self, key: str) -> Row:
        found = next((row for row in self.rows if row.key == key), None)
        if found is None:
            raise BadInput(
                f"The comparison has no reading '{key}'", remedy=f"It has: {', '.join(r.key for r in self.rows)}."
            )
        return found

    @property
    def assumes(self) -> tuple[tuple[str, ...], ...]:
        """What each scenario takes for granted."""
        return tuple(one.assumes for one in self.forecasts)


def compare(
    model: Physiology,
    state: TwinState,
    readings: Readings,
    scenarios: Sequence[Scenario],
    *,
    days: float = 90.0,
    driven: Driven | None = None,
    targets: Mapping[str, Target] | None = None,
    members: int = MEMBERS,
    seed: int = 0,
    monitor: Monitor | None = None,
) -> Comparison:
    """Scenarios against going on as now, for the same members.

    Parameters
    ----------
    days : float
        How far ahead; the table is of the last time, for readings that follow minutes of the mean of the last day.
    targets : mapping, optional
        By key of a reading; those of guidelines are used for what is not told.

    Raises
    ------
    BadInput
        When a scenario makes no sense, or a target is of no reading.
    """
    monitor, driven = monitor or NullMonitor(), driven or Driven.none(model)
    aims = {**TARGETS, **(targets or {})}
    for key in targets or {}:
        if key not in ("time_in_range", "time_below_range"):
            model.reading(key)
    every = (AS_NOW, *(one for one in scenarios if one.interventions))
    steps = steps_s(model, days)
    usual = as_usual(
        model, state, readings, state.at_s + steps, driven=driven, members=members, seed=seed,
        monitor=PartMonitor(monitor, 0.0, 0.5), all_day=whole_days(steps),
    )  # fmt: skip
    forecasts, changes = [], []
    for place, scenario in enumerate(every):
        monitor.progress(0.5 + 0.5 * place / len(every), f"under '{scenario.name}'")
        chosen = scenario if scenario.interventions else None
        effect = usual.effect(chosen)
        forecasts.append(usual.under(chosen, effect).with_(name=titled(scenario)))
        changes.append(effect.change)
    times = np.asarray(forecasts[0].times_s)
    last = times > times[-1] - DAY_S if model.pace == "minute" else times == times[-1]
    rows = [
        Row(
            key=reading.key, title=reading.title, unit=reading.unit, target=aims.get(reading.key),
            cells=tuple(
                _cell(
                    np.asarray(f.quantiles)[place], f.levels, last, c[:, last, place].mean(1),
                    None if during(scenario) else aims.get(reading.key),
                )
                for f, c, scenario in zip(forecasts, changes, every, strict=True)
            ),
        )
        for place, reading in enumerate(model.readings)
    ]  # fmt: skip
    if "plasma_glucose" in {r.key for r in model.readings}:
        rows[:0] = _in_range(model, state, every, days, driven, seed, aims)
    return Comparison(
        model=model.name,
        days=days,
        at=minute_of(times[-1]),
        scenarios=every,
        rows=tuple(row for row in rows if all(math.isfinite(c.median) for c in row.cells)),
        forecasts=tuple(forecasts),
        loops=tuple(_loop(model, state, scenario, days, driven, seed) for scenario in every),
    )


def _cell(quantiles: Floats, levels: Sequence[float], last: Floats, change: Floats, target: Target | None) -> Cell:
    middle = quantiles[:, last].mean(axis=1)
    low, median, high = (float(np.interp(level, levels, middle)) for level in (0.05, 0.5, 0.95))
    change = np.where(np.abs(change) < NOTHING * max(abs(median), 1e-12), 0.0, change)
    spread = np.quantile(change, (0.05, 0.5, 0.95))
    better = at = None
    if target is not None:
        at = chance(target, levels, middle)
        if np.ptp(change) > 0.0 or abs(spread[1]) > 1e-9:
            before = median - float(spread[1])
            better = _nearer(target, before, before + change)
    return Cell(
        median=median, low=low, high=high, change=float(spread[1]), change_low=float(spread[0]),
        change_high=float(spread[2]), better=better, at_target=at,
    )  # fmt: skip


def _nearer(target: Target, before: float, each: Floats) -> float | None:
    """Share of members that come nearer to the target; of one that is within it already, None: further in need not be better (a
    pressure that is low enough), and further out shows in the chance of being at the target."""

    def away(value: Floats) -> Floats:
        return np.maximum(value - target.high, 0.0) + np.maximum(target.low - value, 0.0)

    start = away(np.array([before]))[0]
    return float(np.mean(away(each) < start)) if start > 0.0 else None


def chance(target: Target, levels: Sequence[float], quantiles: Floats) -> float:
    """Probability that the next measured value is within a target, from quantiles at ``levels``."""
    return _below(target.high, levels, quantiles) - _below(target.low, levels, quantiles)


def _below(value: float, levels: Sequence[float], quantiles: Floats) -> float:
    """Probability to be below a value, from quantiles: between them straight in the normal score, beyond as the tails go on."""
    from scipy.special import ndtr, ndtri

    if math.isinf(value):
        return float(value > 0.0)
    scores, points = ndtri(np.asarray(levels)), np.maximum.accumulate(quantiles)
    if points[-1] - points[0] < 1e-9:
        return float(value > points[0])
    if value < points[0]:
        slope = (scores[-1] - scores[0]) / (points[-1] - points[0])
        return float(ndtr(scores[0] + slope * (value - points[0])))
    if value > points[-1]:
        slope = (scores[-1] - scores[0]) / (points[-1] - points[0])
        return float(ndtr(scores[-1] + slope * (value - points[-1])))
    return float(ndtr(np.interp(value, points, scores)))


def _in_range(
    model: Physiology,
    state: TwinState,
    scenarios: Sequence[Scenario],
    days: float,
    driven: Driven,
    seed: int,
    aims: Mapping[str, Target],
) -> tuple[Row, Row]:
    """Parts of a day with three meals in which glucose is between 70 and 180 mg/dL, and below it, once the scenario has settled."""
    low, high = RANGE_MG_PER_DL
    within, below = [], []
    for scenario in scenarios:
        parameters, drives, _ = at_day(model, state, scenario, days, driven, seed)
        some = slice(None, None, max(len(parameters) // 100, 1))
        glucose = np.asarray(model.simulator().curves(parameters[some], drives[some, None])["glucose_mg_per_dL"])
        within.append(100.0 * ((glucose >= low) & (glucose <= high)).mean(axis=-1))
        below.append(100.0 * (glucose < low).mean(axis=-1))
    return (
        _share("time_in_range", "Time in range, a day of three meals", within, aims["time_in_range"]),
        _share(
            "time_below_range", f"Time below {low:.0f} mg/dL, a day of three meals", below, aims["time_below_range"]
        ),
    )


def _share(key: str, title: str, shares: Sequence[Floats], target: Target) -> Row:
    """Parts (m) of a day in percent, of each scenario."""
    wanted = -1.0 if math.isinf(target.low) else 1.0
    cells = []
    for share in shares:
        q, d = np.quantile(share, (0.05, 0.5, 0.95)), np.quantile(share - shares[0], (0.05, 0.5, 0.95))
        gain = wanted * (share - shares[0])
        cells.append(
            Cell(median=q[1], low=q[0], high=q[2], change=d[1], change_low=d[0], change_high=d[2],
                 better=float(np.mean(gain > 0.0)) if gain.any() else None,
                 at_target=float(np.mean((share >= target.low) & (share <= target.high))))
        )  # fmt: skip
    return Row(key=key, title=title, unit="%", target=target, cells=tuple(cells))


def at_day(
    model: Physiology,
    state: TwinState,
    scenario: Scenario | None,
    day: float,
    driven: Driven | None = None,
    seed: int = 0,
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Parameters (m, p) and drives (m, d) of all members on a day of a scenario, and what it assumes.

    Of what changes within a day (meals) the drives are the day's mean.
    """
    parameters = np.asarray(state.parameters, np.float64)
    driven = driven or Driven.none(model)
    days = np.array([0.0, max(day, 1e-3)])
    usual = (
        driven.known_at(state.at_s).at(state.at_s + (days[-1] - np.arange(0.0, 1.0, 1.0 / 96.0)) * DAY_S).mean(axis=0)
    )
    rest = np.broadcast_to(usual, (len(parameters), 2, len(model.drives)))
    hour = (state.at_s % DAY_S) / 3600.0
    thetas, drives, assumed = apply(scenario, model, np.repeat(parameters[:, None], 2, 1), rest, days, seed, hour)
    return thetas[:, -1], drives[:, -1], assumed


def _loop(model: Physiology, state: TwinState, scenario: Scenario, days: float, driven: Driven, seed: int) -> Loop:
    parameters, drives, _ = at_day(model, state, scenario, days, driven, seed)
    middle = np.median(parameters, axis=0)[None], np.median(drives, axis=0)[None]
    curves = model.simulator().curves(*middle)
    found = {key: np.asarray(values, float).reshape(-1) for key, values in curves.items()}
    return Loop(curves={key: tuple(map(float, v)) for key, v in found.items() if np.isfinite(v).all()})


_AIM = re.compile(r"\s*([a-z0-9_]+)\s*(<|>)\s*(-?\d+\.?\d*)\s*")


def read_target(text: str) -> tuple[str, Target]:
    """ "systolic<125" as the key of a reading and its target.

    Raises
    ------
    BadInput
        When it cannot be read.
    """
    found = _AIM.fullmatch(text)
    if found is None:
        raise BadInput(f"'{text}' is no target", remedy="Write for example systolic<125 or ejection_fraction>40.")
    key, sign, value = found.group(1), found.group(2), float(found.group(3))
    return key, Target(high=value) if sign == "<" else Target(low=value)


def _signed(value: float, beside: float) -> str:
    """With its sign; what is no part in two thousand of the value itself is 0."""
    told = 0.0 if abs(value) < 5e-4 * abs(beside) else value
    return ("+" if told > 0.0 else "") + number_words(told)


def lines(compared: Comparison) -> list[str]:
    """The table as text: a block for each reading that some scenario moves, or that has a target."""
    moved: list[Row] = []
    for row in compared.rows:  # of several ways to measure one thing the first is enough
        told = any(
            [c.change for c in row.cells] == [c.change for c in other.cells] for other in moved if row.target is None
        )
        if row.target or (not told and any(_matters(cell, row.cells[0]) for cell in row.cells[1:])):
            moved.append(row)
    width = max(len(titled(one)) for one in compared.scenarios)
    said = [
        f"{compared.model}, {compared.days:g} days ahead ({compared.at}); median, 5 to 95 %; change against going on as now"
    ]
    for row in moved:
        aim = f"   target {row.target.text} ({row.target.source})" if row.target else ""
        said.append(f"{heading(row.title, row.unit)}{aim}")
        for scenario, cell in zip(compared.scenarios, row.cells, strict=True):
            text = f"  {titled(scenario):<{width}} {number_words(cell.median):>8}  {f'{number_words(cell.low)} to {number_words(cell.high)}':<20}"
            if scenario is not compared.scenarios[0] and cell.change_low == cell.change_high == 0.0:
                text += f"  {'no change':<42}"
            elif scenario is not compared.scenarios[0]:
                by, low, high = (_signed(x, cell.median) for x in (cell.change, cell.change_low, cell.change_high))
                text += f"  {by:>7}  {f'{low} to {high}':<20}"
                text += f"  better {cell.better:4.0%}" if cell.better is not None else " " * 13
            else:
                text += " " * 44
            if cell.at_target is not None:
                text += f"  at target {cell.at_target:4.0%}"
            said.append(text.rstrip())
    for scenario, one in zip(compared.scenarios, compared.forecasts, strict=True):
        said.append(f"{scenario.name}: {described(scenario.interventions)}")
        common = () if scenario is compared.scenarios[0] else compared.forecasts[0].assumes
        said += [f"  assumes: {sentence}" for sentence in one.assumes if sentence not in common]
    if compared.forecasts[0].checked:
        said.append(compared.forecasts[0].checked)
    return said


def _matters(cell: Cell, base: Cell) -> bool:
    return abs(cell.change) >= 0.01 * max(abs(base.median), 1e-9)
