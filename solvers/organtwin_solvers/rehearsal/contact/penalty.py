"""The pressure with which two surfaces push each other apart, and how stiff it must be for a tissue.

The pressure begins quadratically at a thin offset before the surfaces meet (so that its slope is continuous), goes on
linearly and hardens with depth, so that hard pressing does not sink in.
"""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, error_model="numpy")

OFFSET_MM = 0.1  # where the pressure begins before the surfaces meet
DEPTH_MM = 0.2  # at this depth the pressure is about that of a stretch by the whole length
_HARDENING_MM = 0.2
_HARDEST_MM = 0.5  # deeper than this it hardens no more: stiffness stays bounded


@compiled
def pressure(gap, offset):
    """Pressure and its slope for unit stiffness, at a signed distance ``gap``."""
    g = offset - gap
    if g <= 0:
        return 0.0, 0.0
    if g < offset:
        return 0.5 * g * g / offset, g / offset
    deep = g - offset
    if deep < _HARDEST_MM:
        return g - 0.5 * offset + deep * deep / _HARDENING_MM, 1.0 + 2.0 * deep / _HARDENING_MM
    slope = 1.0 + 2.0 * _HARDEST_MM / _HARDENING_MM
    return offset * 0.5 + _HARDEST_MM + _HARDEST_MM**2 / _HARDENING_MM + slope * (deep - _HARDEST_MM), slope
