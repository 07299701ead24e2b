"""How the loops of the rehearsal are compiled: once, kept beside the code, reproducible to the bit on one machine."""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy")
inlined = njit(cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy", inline="always")
