"""What may come: forecasts of each model, and the project's scenarios against going on as now, for tables and plots.

Scenarios are run afresh, with the same members, so that the change of each is that of one patient with an interval of its own;
a forecast that is kept in the project stands where there are none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Forecast, Observations, Scenario, TwinState
from organtwin.physiology import model as physiology
from organtwin.report.plots import Dots, Plot, fan_of
from organtwin.timeline.days import DAY_S, short_day
from organtwin.timeline.timeline import Timeline
from organtwin.timeline.words import number_words, unit_words
from organtwin.twin import intervention as interventions
from organtwin.twin.comparison import Cell, Comparison, compare
from organtwin.twin.drives import Driven
from organtwin.twin.readings import Readings

MEMBERS = 80
DAYS = 90.0
BESIDE = 4  # scenarios in one table
PLOTS = 8


def outlooks(
    states: Sequence[TwinState], forecasts: Sequence[Forecast], scenarios: Sequence[Scenario], observations: Sequence[Observations],
    timeline: Timeline,
) -> list[dict[str, Any]]:  # fmt: skip
    """One part for each model: tables with a column for each scenario, plots, and what each takes for granted."""
    made = []
    models = [*(s.model for s in states), *(f.model for f in forecasts if f.model != "progression")]
    for name in dict.fromkeys(models):
        own = sorted((f for f in forecasts if f.model == name), key=lambda f: bool(f.scenario))
        state = next((s for s in states if s.model == name), None)
        manifest = manifest_of(name)
        chosen = [s for s in scenarios if _touches(s, name)]
        compared, trouble = None, ""
        if manifest is not None and state is not None and chosen:
            try:
                compared = _compared(manifest, state, chosen, own, observations)
            except OrganTwinError as error:
                trouble = f"Its scenarios could not be compared: {error}"
        if compared is not None:
            own = [f.with_(name="As now" if k == 0 else f.name) for k, f in enumerate(compared.forecasts)]
        else:
            named = {s.uuid: s.name for s in scenarios}
            own = [f.with_(name=named.get(f.scenario, f.name) if f.scenario else "As now") for f in own]
        if own or trouble:
            made.append(_outlook(manifest, name, own, compared, timeline, trouble))
    return made


def manifest_of(name: str) -> physiology.Physiology | None:
    """None for a model of another installation."""
    try:
        return physiology.find(name)
    except BadInput:
        return None


def _touches(scenario: Scenario, model: str) -> bool:
    for act in scenario.interventions:
        try:
            if model in interventions.find(act.kind).models:
                return True
        except BadInput:
            continue
    return False


def _compared(
    manifest: physiology.Physiology, state: TwinState, chosen: Sequence[Scenario], own: Sequence[Forecast], observations: Sequence[Observations]
) -> Comparison:  # fmt: skip
    ahead = next(
        (float(np.ptp(f.times_s)) / DAY_S for f in own if not f.scenario and np.ptp(f.times_s) > 0),
        DAYS if manifest.pace == "day" else 2.0,
    )
    readings = Readings.of(manifest, observations)
    return compare(
        manifest, state, readings, chosen, days=ahead, driven=Driven.of(manifest, observations), members=MEMBERS
    )


def _outlook(
    manifest: physiology.Physiology | None, name: str, own: Sequence[Forecast], compared: Comparison | None, timeline: Timeline, trouble: str
) -> dict[str, Any]:  # fmt: skip
    titles = {r.key: r.title for r in manifest.readings} if manifest else {}
    rows, plots = [], []
    if compared is not None:
        for row in compared.rows:
            if not any(c.median or c.change for c in row.cells):  # a pump that is not there
                continue
            cells: list[dict[str, str] | None] = [_cell(c, k > 0) for k, c in enumerate(row.cells)]
            rows.append(
                {
                    "title": row.title,
                    "unit": unit_words(row.unit),
                    "target": f"{row.target.text}" if row.target else "",
                    "cells": cells,
                }
            )
    keys = list(dict.fromkeys(key for f in own for key in f.keys))
    for key in keys if rows or compared is None else ():
        having = [f for f in own if key in f.keys]
        if compared is None:
            rows.append({"title": titles.get(key, key), "unit": unit_words(having[0].units[having[0].keys.index(key)]), "target": "",
                         "cells": [_ends(f, key) if key in f.keys else None for f in own]})  # fmt: skip
        plot = _plot(key, titles.get(key, key), having, timeline)
        if plot is not None:
            plots.append(plot)
    plots.sort(key=lambda p: not p["measured"])
    columns = list(range(1, len(own))) or [0]
    tables = (
        [[0, *columns[k : k + BESIDE]] if len(own) > 1 else [0] for k in range(0, len(columns), BESIDE)] if own else []
    )
    return {
        "title": manifest.title if manifest else name, "names": [f.name for f in own], "trouble": trouble,
        "start": short_day(float(own[0].times_s[0])) if own else "", "until": short_day(float(own[0].times_s[-1])) if own else "",
        "rows": rows, "tables": tables, "plots": plots[:PLOTS], "changes": compared is not None,
        "assumes": [{"name": f.name, "lines": [line for line in f.assumes if k == 0 or line not in own[0].assumes], "checked": f.checked if k == 0 else "", "members": f.members} for k, f in enumerate(own)],
        "level": f"{100 * (own[0].levels[-1] - own[0].levels[0]):.0f} %" if own else "",
    }  # fmt: skip


def _cell(cell: Cell, other: bool) -> dict[str, str]:
    told = {
        "middle": number_words(cell.median),
        "low": number_words(cell.low),
        "high": number_words(cell.high),
        "change": "",
        "share": "",
    }
    if other:
        sign = "+" if cell.change > 0 else ""
        digits = max(0, 2 - math.floor(math.log10(abs(cell.median)))) if cell.median else 2
        change, low, high = (
            f"{round(v, digits) + 0.0:.{digits}f}".replace("-", "−")
            for v in (cell.change, cell.change_low, cell.change_high)
        )
        told["change"] = f"{sign}{change} ({low} to {high})"
    if cell.at_target is not None:
        told["share"] = f"at target {100 * cell.at_target:.0f} %"
    return told


def _ends(forecast: Forecast, key: str) -> dict[str, str]:
    end = np.asarray(forecast.quantiles)[forecast.keys.index(key)][:, -1]
    middle = min(range(len(forecast.levels)), key=lambda k: abs(forecast.levels[k] - 0.5))
    return {
        "middle": number_words(float(end[middle])),
        "low": number_words(float(end[0])),
        "high": number_words(float(end[-1])),
        "change": "",
        "share": "",
    }


def _plot(key: str, title: str, having: Sequence[Forecast], timeline: Timeline) -> dict[str, Any] | None:
    fans, measured, size = [], None, ""
    for f in having:
        at = f.keys.index(key)
        size = unit_words(f.units[at])
        fans.append(fan_of(f.name, f.times_s, np.asarray(f.quantiles)[at], f.levels))
        code = f.loinc[at] if at < len(f.loinc) else ""
        if code and measured is None and code in timeline.codes:
            series = timeline.series(code, float(f.times_s[0]) - float(np.ptp(f.times_s)), float(f.times_s[0]) + 1)
            measured = Dots(*series.daily()) if len(series) else None
    svg = Plot(size, measured, tuple(fans), title=title, size=(380, 170)).svg()
    return {"title": title, "unit": size, "svg": svg, "measured": measured is not None} if svg else None
