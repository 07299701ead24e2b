"""The unit of a column whose heading says none, where its values leave only one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.timeline.codes import Code

_ONLY = ("/min", "{steps}", "{count}", "%", "[pH]")  # nobody writes these readings in another


def unit_of(code: Code, values: NDArray[np.float64]) -> str:
    """The unit, or an empty text where it cannot be told."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ""
    middle = float(np.median(known))
    if code.unit == "%":
        return "1" if known.max() <= 1.0 else "%"
    if code.unit in _ONLY:
        return code.unit
    if code.group == "glucose" and code.unit == "mg/dL":  # 2 to 33 mmol/L is 36 to 600 mg/dL
        return "mmol/L" if middle < 33 and known.max() < 40 else "mg/dL" if middle > 45 else ""
    if code.loinc in ("8480-6", "8462-4", "8478-0"):
        return "mm[Hg]" if middle > 40 else ""
    if code.unit == "Cel":
        return "Cel" if 30 < middle < 45 else "[degF]" if 86 < middle < 113 else ""
    return ""
