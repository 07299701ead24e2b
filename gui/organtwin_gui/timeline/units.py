"""UCUM units as people read them."""

from __future__ import annotations

import re

WORDS = {
    "mm[Hg]": "mmHg", "Cel": "°C", "[pH]": "", "[iU]": "IU", "[IU]": "IU", "kg/m2": "kg/m²", "1": "", "/min": "per min",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²", "mm[Hg].s/mL": "mmHg·s/mL",
}  # fmt: skip


def unit_words(unit: str) -> str:
    """``"mm[Hg]"`` as "mmHg", ``"{steps}"`` as "steps"."""
    if unit in WORDS:
        return WORDS[unit]
    said = re.sub(r"\{([^}]*)\}", lambda m: m[1].replace("_", " "), unit)
    return said.replace("mm[Hg]", "mmHg").replace("[iU]", "IU").replace("Cel", "°C").replace(".", "·")


def number_words(value: float) -> str:
    """A number for people: three digits or all before the point, no needless zeros, a true minus sign."""
    size = abs(value)
    if size < 1e-9:
        return "0"
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{places}f}" if size >= 0.01 or value == 0 else f"{value:.2g}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−").replace(",", "\u202f")
