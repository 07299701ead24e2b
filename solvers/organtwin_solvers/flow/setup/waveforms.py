"""Flow through an opening over a heart beat: templates by name, and measured samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.flow_case import Samples
from organtwin.units import parse
from organtwin.vessel.waveforms import Shape, periodic, shape_of

Array = NDArray[np.float64]
DENSE = 2048  # samples of a period, for what has no closed form


@dataclass(frozen=True)
class Waveform:
    """scale * shape(phase), the phase running from 0 to 1 in every period."""

    name: str
    period_s: float
    scale: float
    shape: Shape

    def __call__(self, time_s: float) -> float:
        """Flow at a time, mm^3/s."""
        return self.scale * float(self.shape(np.asarray((time_s / self.period_s) % 1.0)))

    def over_period(self, count: int = DENSE) -> Array:
        """(count,) flows at even times from 0, the end of the period not repeated."""
        return self.scale * np.asarray(self.shape(np.arange(count) / count))

    def harmonics(self, count: int) -> NDArray[np.complex128]:
        """(count + 1,) complex c with flow = Re sum_k c_k exp(2 pi i k t / period)."""
        c = np.fft.rfft(self.over_period())[: count + 1] / DENSE
        c[1:] *= 2.0
        return c

    @cached_property
    def mean(self) -> float:
        """Over a period."""
        return float(self.over_period().mean())

    @cached_property
    def peak(self) -> float:
        """Of the magnitude."""
        return float(np.abs(self.over_period()).max())

    @property
    def steady(self) -> bool:
        """Whether it is the same at all times."""
        return self.name == "constant"


def constant(flow: float, period_s: float = 1.0) -> Waveform:
    """The same flow at all times."""
    return Waveform("constant", period_s, flow, shape_of("constant"))


def template(name: str, mean: float, period_s: float) -> Waveform:
    """The template of that name, scaled to a mean flow.

    Raises
    ------
    BadInput
        When there is none.
    """
    return Waveform(name, period_s, mean, shape_of(name))


def sampled(samples: Samples, period_s: float) -> Waveform:
    """A periodic curve through measured flows that overshoots none of them (monotone cubic).

    The samples may end at the period with the first value again, or a step before it.

    Raises
    ------
    BadInput
        When they do not cover the period, or reach beyond it.
    """
    times = np.asarray(samples.times_s)
    values = np.asarray(samples.values) * parse(f"1 {samples.unit}", "flow")
    step, span = float(np.diff(times).mean()), float(times[-1] - times[0])
    if abs(span - period_s) <= 1e-3 * period_s:
        times, values = times[:-1], np.append((values[0] + values[-1]) / 2.0, values[1:-1])
    elif not 0.5 * step < period_s - span < 2.0 * step:
        raise BadInput(
            f"The waveform lasts {span:.4g} s and the heart beat of the case {period_s:.4g} s: another period",
            remedy=f'Set the period to "{span:.4g} s", or give samples over {period_s:.4g} s.',
        )
    phases = (times / period_s) % 1.0
    order = np.argsort(phases)
    return Waveform("samples", period_s, 1.0, periodic(phases[order], values[order]))
