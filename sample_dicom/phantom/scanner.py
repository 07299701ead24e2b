"""What a CT scanner does to the patient: beam blur, noise of filtered back-projection, a table, a round field of view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from phantom.shapes import Field, Lattice

BLUR_MM = 0.55
QUIET_HU, LOUD_HU = 5.0, 6.5  # noise at the skin, and what is added in the middle of the body


def _table(lattice: Lattice) -> Field:
    """A curved carbon table under the back (HU above air)."""
    x, y, _ = lattice.xyz
    top = 124 - x * x / 900
    depth = y - top
    shell = (np.abs(depth) < 1.2) | (np.abs(depth - 22 - x * x / 2200) < 1.2)
    filled = (depth > 0) & (depth < 22 + x * x / 2200)
    table = np.where(shell, 780, np.where(filled, 45, 0)).astype(np.float32)
    return np.where(np.abs(x) < 168, table, 0)


def _white(seed: int, slice_number: int, shape: tuple[int, int]) -> Field:
    return np.random.default_rng((seed, slice_number + 1000)).standard_normal(shape).astype(np.float32)


def _band(shape: tuple[int, int], pixel_mm: float) -> NDArray[np.float64]:
    """Amplitude spectrum of the noise: rises with frequency (ramp), rolled off by a standard kernel; unit variance."""
    f = np.hypot(np.fft.fftfreq(shape[0], pixel_mm)[:, None], np.fft.rfftfreq(shape[1], pixel_mm)[None, :])
    amplitude = np.sqrt(f) * np.exp(-((f / 0.22) ** 2)) + 0.01
    full = np.abs(np.fft.fftfreq(shape[1], pixel_mm))
    g = np.hypot(np.fft.fftfreq(shape[0], pixel_mm)[:, None], full[None, :])
    power = (np.sqrt(g) * np.exp(-((g / 0.22) ** 2)) + 0.01) ** 2
    return np.asarray(amplitude / np.sqrt(power.mean()))


def scan(hu: Field, lattice: Lattice, slices: range, seed: int = 20) -> NDArray[np.int16]:
    """HU as a scanner would give them, (nk, nj, ni) int16.

    Every slice has its own random stream, so a slab of the patient comes out the same as within the whole.
    """
    pixel = float(lattice.x[1] - lattice.x[0])
    shape = lattice.shape[1:]
    band = _band(shape, pixel)
    x, y, _ = lattice.xyz
    radius = np.hypot(x, (y - 4) * 1.4)[0]
    loudness = QUIET_HU + LOUD_HU * np.exp(-((radius / 115) ** 4))
    outside = np.hypot(x, y - (lattice.y[0] + lattice.y[-1]) / 2)[0] > (shape[0] / 2) * pixel
    table = _table(lattice)[0]
    out = np.empty(lattice.shape, np.int16)
    spectrum = {n: np.fft.rfft2(_white(seed, n, shape)) for n in (slices[0] - 1, slices[0])}
    for row, n in enumerate(slices):
        spectrum[n + 1] = np.fft.rfft2(_white(seed, n + 1, shape))
        mixed = (spectrum.pop(n - 1) + 2 * spectrum[n] + spectrum[n + 1]) / np.sqrt(6)
        noise = np.fft.irfft2(mixed * band, s=shape)
        here = np.where(hu[row] < -900, np.maximum(hu[row], hu[row] + table), hu[row])
        dense = 0.6 + 0.4 * np.clip((gaussian_filter(hu[row], 30 / pixel) + 900) / 900, 0, 1.2)
        image = gaussian_filter(here, BLUR_MM / pixel) + noise * loudness * dense
        out[row] = np.clip(np.rint(np.where(outside, -1024, image)), -1024, 3071)
    return out
