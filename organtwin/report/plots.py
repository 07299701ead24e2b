"""Plots as SVG, made of text: sharp in print, and readable without colour.

Measured values are dark dots, what is expected is a line in the accent colour with its intervals as two tints, and lines are
told apart by their dashes and by a name at their end, never by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from organtwin.timeline.days import DAY_S

Numbers = NDArray[np.float64]

INK, SOFT, GRID, ACCENT = "#1b2129", "#5c6875", "#e3e7ea", "#0b6e70"
DASHES = ("", "7 4", "2 3", "10 3 2 3", "14 5", "4 2")
FONTS = "Noto Sans, Liberation Sans, Nimbus Sans, Report, sans-serif"
MOST_POINTS = 500


@dataclass(frozen=True)
class Dots:
    """Measured values with, where known, the sd of measuring them."""

    times_s: Numbers
    values: Numbers
    sds: Numbers | None = None
    joined: bool = False


@dataclass(frozen=True)
class Fan:
    """Something expected: its middle (n), and intervals as (low (n), high (n)), the widest first."""

    name: str
    times_s: Numbers
    middle: Numbers
    intervals: tuple[tuple[Numbers, Numbers], ...] = ()


@dataclass(frozen=True)
class Plot:
    """``lines`` are values to be compared with, each with its name; ``usual`` is shaded."""

    unit: str
    dots: Dots | None = None
    fans: tuple[Fan, ...] = ()
    lines: tuple[tuple[float, str], ...] = ()
    usual: tuple[float, float] | None = None
    now_s: float | None = None
    size: tuple[int, int] = (680, 230)
    large: bool = False
    title: str = ""
    marks: tuple[tuple[float, str], ...] = field(default=())  # times and what happened then

    def svg(self) -> str:
        """The plot; "" where there is nothing finite to draw."""
        return _Drawing(self).svg()


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``."""
    span = max(high - low, 1e-12)
    raw = span / most
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [first * step + n * step for n in range(int((high - first * step) / step + 1e-9) + 1)]


def dates(low_s: float, high_s: float, most: int = 7) -> list[tuple[float, str]]:
    """Days, months or years between two times, each with its name."""
    start, end = (datetime.fromtimestamp(t, UTC) for t in (low_s, high_s))
    days = (high_s - low_s) / DAY_S
    if days <= 3:
        step_h = next(h for h in (1, 2, 3, 6, 12, 24) if days * 24 / h <= most + 1)
        first = math.ceil(low_s / 3600 / step_h) * step_h
        count = int(high_s / 3600 - first) // step_h + 1
        return [
            ((first + n * step_h) * 3600.0, f"{datetime.fromtimestamp((first + n * step_h) * 3600, UTC):%H:%M}")
            for n in range(count)
        ]
    if days <= 62:
        step_d = next(d for d in (1, 2, 5, 7, 10, 14) if days / d <= most + 1)
        first = math.ceil(low_s / DAY_S)
        return [
            (d * DAY_S, f"{datetime.fromtimestamp(d * DAY_S, UTC):%-d %b}")
            for d in range(first, int(high_s / DAY_S) + 1, step_d)
        ]
    months = days / 30.4
    step = next((m for m in (1, 2, 3, 6, 12, 24, 60, 120) if months / m <= most), 240)
    made: list[tuple[float, str]] = []
    for n in range(start.year * 12, (end.year + 1) * 12, step):
        at = datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC)
        if low_s <= at.timestamp() <= high_s:
            made.append(
                (
                    at.timestamp(),
                    f"{at.year}" if step >= 12 else f"{at:%b %Y}" if at.month == 1 or not made else f"{at:%b}",
                )
            )
    return made or [(low_s, f"{start:%b %Y}")]


class _Drawing:
    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self.font = 15 if plot.large else 11
        width, height = plot.size
        right = 100 if len(plot.fans) > 1 else 16
        self.left, self.top, self.right, self.bottom = 3.2 * self.font + 14, 10, width - right, height - 2.2 * self.font
        times, values = self._all()
        self.empty = not len(values)
        if self.empty:
            return
        self.t0, self.t1 = float(times.min()), float(times.max())
        if self.t1 - self.t0 < 3600:
            self.t0, self.t1 = self.t0 - 15 * DAY_S, self.t1 + 15 * DAY_S
        low, high = float(values.min()), float(values.max())
        pad = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
        self.low, self.high = low - pad, high + pad
        if low >= 0 > self.low:
            self.low = 0.0

    def _all(self) -> tuple[Numbers, Numbers]:
        p = self.plot
        times, values = [np.zeros(0)], [np.zeros(0)]
        if p.dots is not None:
            good = np.isfinite(p.dots.values)
            spread = p.dots.sds if p.dots.sds is not None else np.zeros(len(good))
            times.append(np.asarray(p.dots.times_s)[good])
            values += [(p.dots.values - 1.96 * spread)[good], (p.dots.values + 1.96 * spread)[good]]
        for fan in p.fans:
            times.append(np.asarray(fan.times_s))
            values += [np.asarray(v) for v in (fan.middle, *(edge for pair in fan.intervals for edge in pair))]
        seen = np.concatenate(values)
        seen = seen[np.isfinite(seen)]
        if len(seen):  # a landmark far away would flatten everything
            reach = 1.2 * (np.ptp(seen) or abs(seen[0]) or 1.0)
            near = [v for v, _ in p.lines if seen.min() - reach <= v <= seen.max() + reach]
            seen = np.concatenate([seen, near])
        return np.concatenate(times), seen

    def x(self, t: float) -> float:
        return self.left + (t - self.t0) / (self.t1 - self.t0) * (self.right - self.left)

    def y(self, v: float) -> float:
        return self.bottom - (v - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def svg(self) -> str:
        if self.empty:
            return ""
        p = self.plot
        width, height = p.size
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{escape(p.title, quote=True)}" font-family="{FONTS}" font-size="{self.font}">'
        ]
        parts += self._ground()
        for number, fan in enumerate(p.fans):
            parts += self._fan(fan, number)
        if p.dots is not None:
            parts += self._dots(p.dots)
        parts += self._names()
        return "".join([*parts, "</svg>"])

    def _ground(self) -> list[str]:
        p, parts = self.plot, []
        if p.usual is not None:
            low, high = (min(max(v, self.low), self.high) for v in p.usual)
            if high > low:
                parts.append(
                    f'<rect x="{self.left:.1f}" y="{self.y(high):.1f}" width="{self.right - self.left:.1f}" height="{self.y(low) - self.y(high):.1f}" fill="#f1f4f5"/>'
                )
        marks = ticks(self.low, self.high, 4)
        digits = max(0, -math.floor(math.log10(marks[1] - marks[0] + 1e-300) + 1e-9)) if len(marks) > 1 else 1
        for v in marks:
            y = self.y(v)
            parts.append(f'<path d="M{self.left:.1f} {y:.1f}H{self.right:.1f}" stroke="{GRID}" stroke-width="0.8"/>')
            parts.append(self._text(self.left - 6, y + 0.35 * self.font, f"{v:.{min(digits, 6)}f}", "end", SOFT))
        last = -math.inf
        for t, name in dates(self.t0, self.t1, 5 if p.large or p.size[0] < 500 else 7):
            x = self.x(t)
            if x - last < 0.62 * self.font * (len(name) + 1):
                continue
            last = x
            parts.append(f'<path d="M{x:.1f} {self.bottom:.1f}v4" stroke="{SOFT}" stroke-width="0.8"/>')
            anchor = (
                "start" if x - self.left < 1.5 * self.font else "end" if self.right - x < 1.5 * self.font else "middle"
            )
            parts.append(self._text(x, self.bottom + 1.45 * self.font, name, anchor, SOFT))
        parts.append(
            f'<path d="M{self.left:.1f} {self.bottom:.1f}H{self.right:.1f}" stroke="{SOFT}" stroke-width="0.8"/>'
        )
        for v, name in p.lines:
            if self.low <= v <= self.high:
                y = self.y(v)
                parts.append(
                    f'<path d="M{self.left:.1f} {y:.1f}H{self.right:.1f}" stroke="{INK}" stroke-width="1" stroke-dasharray="1 3"/>'
                )
                parts.append(self._text(self.right - 4, y - 4, name, "end", INK))
        if p.now_s is not None and self.t0 < p.now_s < self.t1:
            x = self.x(p.now_s)
            parts.append(
                f'<path d="M{x:.1f} {self.top}V{self.bottom:.1f}" stroke="{SOFT}" stroke-width="0.8" stroke-dasharray="3 3"/>'
            )
        return parts

    def _fan(self, fan: Fan, number: int) -> list[str]:
        parts = []
        alone = len(self.plot.fans) == 1
        for low, high in fan.intervals if alone else fan.intervals[:1]:
            there = [f"{self.x(t):.1f} {self.y(v):.1f}" for t, v in zip(fan.times_s, high, strict=True)]
            back = [f"{self.x(t):.1f} {self.y(v):.1f}" for t, v in zip(fan.times_s[::-1], low[::-1], strict=True)]
            parts.append(
                f'<path d="M{"L".join(there + back)}Z" fill="{ACCENT}" fill-opacity="{0.14 if alone else 0.07}"/>'
            )
        line = "L".join(f"{self.x(t):.1f} {self.y(v):.1f}" for t, v in zip(fan.times_s, fan.middle, strict=True))
        colour = ACCENT if number == 0 else INK
        dash = DASHES[number % len(DASHES)]
        parts.append(
            f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="1.8"{f""" stroke-dasharray="{dash}" """ if dash else ""}/>'
        )
        return parts

    def _dots(self, dots: Dots) -> list[str]:
        good = np.flatnonzero(np.isfinite(dots.values))
        step = max(1, len(good) // MOST_POINTS)
        parts = []
        if dots.joined and len(good) > 1:
            line = "L".join(f"{self.x(dots.times_s[k]):.1f} {self.y(dots.values[k]):.1f}" for k in good[::step])
            parts.append(f'<path d="M{line}" fill="none" stroke="{INK}" stroke-width="1"/>')
        few = len(good) <= 60
        radius = (5.0 if self.plot.large else 3.2) if len(good) <= 20 else 1.8 if few else 1.1
        for k in good[::step]:
            x, y = self.x(dots.times_s[k]), self.y(dots.values[k])
            if dots.sds is not None:
                reach = 1.96 * float(dots.sds[k])
                a, b = self.y(dots.values[k] - reach), self.y(dots.values[k] + reach)
                parts.append(
                    f'<path d="M{x:.1f} {a:.1f}V{b:.1f}M{x - 4:.1f} {a:.1f}h8M{x - 4:.1f} {b:.1f}h8" stroke="{INK}" stroke-width="1"/>'
                )
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{INK}"/>')
        return parts

    def _names(self) -> list[str]:
        """At the end of each line where there are several, moved apart."""
        p = self.plot
        if len(p.fans) < 2:
            return []
        gap = 1.15 * self.font
        ends = sorted((self.y(float(fan.middle[-1])), n) for n, fan in enumerate(p.fans))
        placed: list[float] = []
        for y, _ in ends:
            placed.append(max(y, placed[-1] + gap) if placed else y)
        over = max(0.0, placed[-1] - self.bottom)
        parts = []
        for (_, n), at in zip(ends, placed, strict=True):
            name = p.fans[n].name
            short = name if len(name) <= 16 else name[:15] + "…"
            parts.append(
                self._text(self.right + 6, at - over + 0.35 * self.font, short, "start", ACCENT if n == 0 else INK)
            )
        return parts

    def _text(self, x: float, y: float, text: str, anchor: str, colour: str) -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(_printable(text))}</text>'


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def fan_of(name: str, times_s: Numbers, quantiles: Numbers, levels: Sequence[float]) -> Fan:
    """A forecast's quantiles (q, nt) at ``levels`` as a fan: the outermost pair first."""
    middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
    pairs = tuple((quantiles[k], quantiles[len(levels) - 1 - k]) for k in range(len(levels) // 2))
    return Fan(name, np.asarray(times_s), np.asarray(quantiles[middle]), pairs)
