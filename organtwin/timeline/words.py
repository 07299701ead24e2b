"""Units and numbers as people write them: the one place for the window, the command line, alerts and reports."""

from __future__ import annotations

import math
import re

UNITS = {
    "mm[Hg]": "mmHg", "Cel": "°C", "[pH]": "", "[iU]": "IU", "[IU]": "IU", "kg/m2": "kg/m²", "1": "", "/min": "per min",
    "/cm[H2O]": "per cmH₂O", "{count}": "", "{score}": "", "mL/min/{1.73_m2}": "mL/min/1.73 m²", "mm[Hg].s/mL": "mmHg·s/mL",
    "10*3/uL": "10³/µL", "10*6/uL": "10⁶/µL", "1/sqrt(day)": "per √day",
}  # fmt: skip
_PARTS = (("mm[Hg]", "mmHg"), ("cm[H2O]", "cmH₂O"), ("[iU]", "IU"), ("Cel", "°C"), (".", "·"))
NARROW = "\u202f"  # the space that holds a number together


def unit_words(unit: str) -> str:
    """A UCUM unit: ``"mm[Hg]"`` is "mmHg", ``"{steps}"`` is "steps"; nothing where the number stands alone."""
    if unit in UNITS:
        return UNITS[unit]
    said = re.sub(r"\{([^}]*)\}", lambda m: m[1].replace("_", " "), unit)
    for code, word in _PARTS:
        said = said.replace(code, word)
    return said


def number_words(value: float) -> str:
    """Three digits, or all before the point; no needless zeros, a true minus sign, a dash for what is not known."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size < 1e-9:
        return "0"
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{places}f}" if size >= 0.01 else f"{value:.2g}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−").replace(",", NARROW)


def with_unit(value: float, unit: str) -> str:
    """``131 mmHg``; the number alone where the unit has no word."""
    return f"{number_words(value)} {unit_words(unit)}".rstrip()


def heading(title: str, unit: str) -> str:
    """``Systolic pressure, mmHg``; the title alone where the unit has no word."""
    word = unit_words(unit)
    return f"{title}, {word}" if word else title
