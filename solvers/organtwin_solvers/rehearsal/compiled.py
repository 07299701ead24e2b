"""How the loops of the rehearsal are compiled: once, kept beside the code, to the same bits wherever they are called from.

No sum may be put in another order (no fast math): of a loop that others call the compiler keeps several copies, optimised apart,
and which of them runs depends on what was compiled before.
"""

from __future__ import annotations

from numba import njit

compiled = njit(cache=True, error_model="numpy")
inlined = njit(cache=True, error_model="numpy", inline="always")
# for what is small and called by the element: the compiler may not see by itself that it is
always_inlined = njit(cache=True, error_model="numpy", forceinline=True)
