"""How the loops of the rehearsal are compiled: once, kept beside the code, reproducible to the bit on one machine."""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy")
inlined = njit(cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy", inline="always")
# for what is small and called by the element: the compiler may not see by itself that it is
always_inlined = njit(
    cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy", forceinline=True
)
