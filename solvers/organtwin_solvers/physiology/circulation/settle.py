"""The periodic state of the circulation together with its reflex, member by member.

A beat maps the state at its beginning, and the mean pressure that the reflex acts on, to those at the next. The fixed point is
found with Anderson's acceleration (Walker and Ni 2011, SIAM J Numer Anal 49:1715), which keeps the blood volume because its
weights sum to one; so a few beats settle what time alone would take minutes over.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin_solvers.physiology.circulation.beat import MEASURED, beat, steps_of
from organtwin_solvers.physiology.circulation.circuit import NAMES, PLACE
from organtwin_solvers.physiology.circulation.reflex import respond

Array = NDArray[np.float64]
compiled = njit(cache=True, error_model="numpy", nogil=True)

UNKNOWNS = 13  # twelve states and the mean pressure
WINDOW = 6
TOLERANCE_ML = 0.01
MOST_BEATS = 120
LINGER_BEATS, MEAN_BEATS = 160, 20

_CS, _CVN, _CP, _CPV, _VOLUME = (PLACE[n] for n in ("c_sys", "c_vein", "c_pul", "c_pvein", "volume"))
_N_MEASURED, _N_CIRCUIT = len(MEASURED), len(NAMES)


@compiled
def fill(y: Array, c: Array, volume: float) -> None:
    """Give or take blood at the veins so that the circulation holds ``volume`` mL."""
    holds = y[0] + y[1] + y[2] + y[3] + c[_CS] * y[4] + c[_CVN] * y[5] + c[_CP] * y[6] + c[_CPV] * y[7]
    y[5] += (volume - holds) / c[_CVN]


@compiled
def solve(a: Array, b: Array, n: int) -> None:
    """a x = b for a small symmetric positive matrix, in place; ``b`` becomes x."""
    for i in range(n):
        pivot = a[i, i]
        for j in range(i + 1, n):
            f = a[j, i] / pivot
            for k in range(i, n):
                a[j, k] -= f * a[i, k]
            b[j] -= f * b[i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]


@compiled
def settle(x: Array, c: Array, step_s: float, out: Array, most: int) -> int:
    """Bring ``x`` (13) to its fixed point under the circuit ``c`` and measure a beat there. Beats taken; -1: it did not settle."""
    work = np.empty((5, 12))
    none = np.empty((0, 1))
    now = np.empty(_N_CIRCUIT)
    w = np.ones(UNKNOWNS)
    w[4], w[5], w[6], w[7] = c[_CS], c[_CVN], c[_CP], c[_CPV]
    w[8:12] = 0.02
    g = np.empty(UNKNOWNS)
    f = np.empty(UNKNOWNS)
    g_old = np.empty(UNKNOWNS)
    f_old = np.empty(UNKNOWNS)
    dg = np.empty((WINDOW, UNKNOWNS))
    df = np.empty((WINDOW, UNKNOWNS))
    gram = np.empty((WINDOW, WINDOW))
    weight = np.empty(WINDOW)
    kept = 0
    worst_old = 1e300
    for value in c:
        if not math.isfinite(value):
            return -1
    for turn in range(most):
        g[:] = x
        period, given = respond(c, x[12], now)
        fill(g, now, c[_VOLUME] + given)
        beat(g[:12], now, period, steps_of(now, period, step_s), out, none, work)
        g[12] = out[2]
        worst = 0.0
        for i in range(UNKNOWNS):
            f[i] = (g[i] - x[i]) * w[i]
            worst = max(worst, abs(f[i]))
        if not math.isfinite(worst) or worst > 1e5:
            return -1
        if worst < TOLERANCE_ML:
            x[:] = g
            return turn + 1
        if turn > 0 and worst < 5.0 * worst_old:
            if kept == WINDOW:
                for k in range(WINDOW - 1):
                    dg[k] = dg[k + 1]
                    df[k] = df[k + 1]
                kept -= 1
            dg[kept] = g - g_old
            df[kept] = f - f_old
            kept += 1
        else:
            kept = 0
        g_old[:] = g
        f_old[:] = f
        worst_old = worst
        x[:] = g
        if kept > 0:
            trace = 0.0
            for i in range(kept):
                for j in range(kept):
                    gram[i, j] = np.dot(df[i], df[j])
                trace += gram[i, i]
                weight[i] = np.dot(df[i], f)
            for i in range(kept):
                gram[i, i] += 1e-10 * trace + 1e-300
            solve(gram, weight, kept)
            for k in range(kept):
                x -= weight[k] * dg[k]
    return -1


@compiled
def linger(x: Array, c: Array, step_s: float, out: Array) -> int:
    """Where beats do not become alike (a long, strong beat and a short, weak one in turn): the mean of many. Beats taken, or -1."""
    work = np.empty((5, 12))
    none = np.empty((0, 1))
    now = np.empty(_N_CIRCUIT)
    one = np.empty(_N_MEASURED)
    early, late = np.zeros(_N_MEASURED), np.zeros(_N_MEASURED)
    for turn in range(LINGER_BEATS + 2 * MEAN_BEATS):
        period, given = respond(c, x[12], now)
        fill(x, now, c[_VOLUME] + given)
        beat(x[:12], now, period, steps_of(now, period, step_s), one, none, work)
        x[12] += 0.3 * (one[2] - x[12])
        if turn >= LINGER_BEATS + MEAN_BEATS:
            late += one / MEAN_BEATS
        elif turn >= LINGER_BEATS:
            early += one / MEAN_BEATS
    out[:] = 0.5 * (early + late)
    for k in (2, 3, 8):  # mean pressure, volume, filling pressure
        if not abs(early[k] - late[k]) < 0.01 * abs(late[k]) + 0.05:
            return -1
    return LINGER_BEATS + 2 * MEAN_BEATS


@compiled
def settle_all(x: Array, circuits: Array, step_s: float, out: Array, beats: NDArray[np.int64], most: int) -> None:
    """``settle`` of each member: ``x`` (m, 13), ``circuits`` (m, c), ``out`` (m, measured), ``beats`` (m)."""
    for member in range(len(x)):
        begin = x[member].copy()
        beats[member] = settle(x[member], circuits[member], step_s, out[member], most)
        if beats[member] < 0 and np.all(np.isfinite(circuits[member])):
            x[member] = begin
            beats[member] = linger(x[member], circuits[member], step_s, out[member])
        if beats[member] < 0:
            out[member] = np.nan
            x[member] = np.nan


@compiled
def beats_in_time(x: Array, c: Array, count: int, step_s: float, fixed: int, out: Array) -> None:
    """``count`` beats without acceleration: ``x`` (13) in place, ``out`` (count, measured). ``fixed`` steps a beat unless 0."""
    work = np.empty((5, 12))
    none = np.empty((0, 1))
    now = np.empty(_N_CIRCUIT)
    for k in range(count):
        period, _ = respond(c, x[12], now)
        steps = fixed if fixed > 0 else steps_of(now, period, step_s)
        beat(x[:12], now, period, steps, out[k], none, work)
        x[12] = out[k, 2]


@compiled
def trace_all(x: Array, circuits: Array, steps: int, out: Array, traces: Array) -> None:
    """One beat of each settled member: ``traces`` (m, steps, k)."""
    work = np.empty((5, 12))
    now = np.empty(_N_CIRCUIT)
    for member in range(len(x)):
        y = x[member].copy()
        period, given = respond(circuits[member], y[12], now)
        fill(y, now, circuits[member, _VOLUME] + given)
        fine = steps * math.ceil(steps_of(now, period, 2e-3) / steps)
        long = np.empty((fine, traces.shape[2]))
        beat(y[:12], now, period, fine, out[member], long, work)
        traces[member] = long[:: fine // steps]
