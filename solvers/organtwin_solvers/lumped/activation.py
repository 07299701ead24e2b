"""How strongly a chamber of the heart contracts over a beat, 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Activation = Callable[[float], float]


def half_cosine(period: float, t_active: float, t_twitch: float) -> Activation:
    """One hump of a cosine of length ``t_twitch``, from ``t_active`` on, each beat."""

    def activation(time: float) -> float:
        since = max(time % period - t_active, 0.0)
        return 0.5 - 0.5 * math.cos(2.0 * math.pi * since / t_twitch) if since <= t_twitch else 0.0

    return activation


def piecewise_cosine(
    period: float, contract_start: float, relax_start: float, contract_duration: float, relax_duration: float
) -> Activation:
    """Half a cosine up, and half a cosine down."""

    def activation(time: float) -> float:
        since = math.fmod(time - contract_start, period)
        if 0.0 <= since < contract_duration:
            return 0.5 * (1.0 - math.cos(math.pi * since / contract_duration))
        since = math.fmod(time - relax_start, period)
        if 0.0 <= since < relax_duration:
            return 0.5 * (1.0 + math.cos(math.pi * since / relax_duration))
        return 0.0

    return activation


def two_hill(period: float, t_shift: float, tau_1: float, tau_2: float, m1: float, m2: float) -> Activation:
    """A Hill function up times one down, its greatest value 1 (Mynard et al., Int. J. Numer. Methods Biomed. Eng. 28, 2012)."""

    def shape(time: np.ndarray | float) -> np.ndarray | float:
        up, down = (time / tau_1) ** m1, (time / tau_2) ** m2
        return up / (1.0 + up) / (1.0 + down)

    greatest = float(np.max(shape(np.arange(0.0, period, 1e-5))))

    def activation(time: float) -> float:
        return float(shape((time % period - t_shift) % period)) / greatest

    return activation


def wrapping_cosine(period: float, systole: float, wave: float) -> Activation:
    """The atria: one hump of ``systole`` * period that ends at period / ``wave`` in the next beat (Sankaran et al., 2012)."""
    length, end = period * systole, period / wave

    def activation(time: float) -> float:
        phase = time % period
        if phase <= end:
            return 0.5 * (1.0 - math.cos(2.0 * math.pi * (phase - end + length) / length))
        if phase >= period - length + end:
            return 0.5 * (1.0 - math.cos(2.0 * math.pi * (phase - end - period + length) / length))
        return 0.0

    return activation


def fourier(period: float) -> Activation:
    """:func:`ventricle`, between 0 and 1."""
    values = np.array([ventricle(phase) for phase in np.arange(10000) / 10000])
    least, span = float(values.min()), float(np.ptp(values))
    return lambda time: (ventricle((time / period) % 1.0) - least) / span


def ventricle(phase: float) -> float:
    """Elastance of a ventricle at a phase (0 to 1) of the beat, by :data:`VENTRICLE`."""
    angle = 2.0 * math.pi * phase * np.arange(len(VENTRICLE))
    return float(VENTRICLE[:, 0] @ np.cos(angle) - VENTRICLE[:, 1] @ np.sin(angle))


# Elastance of a ventricle over a beat as a Fourier series (cosine, sine): Menon et al., 2023; Tran et al., 2017.
VENTRICLE = np.array(
    [
        [0.283748803, 0.0],
        [0.031830626, -0.374299825],
        [-0.209472400, -0.018127770],
        [0.020520047, 0.073971113],
        [0.008316883, -0.047249597],
        [-0.041677660, 0.003212163],
        [0.000867323, 0.019441411],
        [-0.001675379, -0.005565534],
        [-0.011252277, 0.003401432],
        [-0.000414677, 0.008376795],
        [0.000253749, -0.000071880],
        [-0.002584966, 0.001566861],
        [0.000584752, 0.003143555],
        [0.000028502, -0.000024787],
        [0.000022961, -0.000007476],
        [0.000018735, -0.000001281],
        [0.000015573, 0.000001781],
        [0.000013133, 0.000003494],
        [0.000011199, 0.000004507],
        [0.000009634, 0.000005117],
        [0.000008343, 0.000005481],
        [0.000007265, 0.000005687],
        [0.000006354, 0.000005789],
        [0.000005575, 0.000005821],
        [0.000004903, 0.000005805],
    ]
)
