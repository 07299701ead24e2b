"""Units of readings: what a file calls them, their UCUM name, and how one becomes another.

Not organtwin.units, which serves the solvers: here a unit is one of a short list, and a million values are turned at once.
"""

from __future__ import annotations

import re
from functools import lru_cache

# UCUM name -> what it measures, how many of the base unit it is, and what is added after
UNITS: dict[str, tuple[str, float, float]] = {
    "Pa": ("pressure", 1.0, 0.0),
    "kPa": ("pressure", 1e3, 0.0),
    "mm[Hg]": ("pressure", 133.322387415, 0.0),  # NIST SP 811, appendix B.8
    "cm[H2O]": ("pressure", 98.0665, 0.0),
    "/s": ("rate", 1.0, 0.0),
    "/min": ("rate", 1.0 / 60.0, 0.0),
    "/h": ("rate", 1.0 / 3600.0, 0.0),
    "1": ("ratio", 1.0, 0.0),
    "%": ("ratio", 1e-2, 0.0),
    "kg": ("mass", 1e3, 0.0),
    "g": ("mass", 1.0, 0.0),
    "mg": ("mass", 1e-3, 0.0),
    "[lb_av]": ("mass", 453.59237, 0.0),
    "[oz_av]": ("mass", 28.349523125, 0.0),
    "[stone_av]": ("mass", 6350.29318, 0.0),
    "km": ("length", 1e3, 0.0),
    "m": ("length", 1.0, 0.0),
    "cm": ("length", 1e-2, 0.0),
    "mm": ("length", 1e-3, 0.0),
    "[in_i]": ("length", 0.0254, 0.0),
    "[ft_i]": ("length", 0.3048, 0.0),
    "[yd_i]": ("length", 0.9144, 0.0),
    "[mi_i]": ("length", 1609.344, 0.0),
    "Cel": ("temperature", 1.0, 0.0),
    "[degF]": ("temperature", 5.0 / 9.0, -160.0 / 9.0),
    "K": ("temperature", 1.0, -273.15),
    "L": ("volume", 1.0, 0.0),
    "dL": ("volume", 0.1, 0.0),
    "mL": ("volume", 1e-3, 0.0),
    "[foz_us]": ("volume", 0.0295735295625, 0.0),
    "L/s": ("flow", 60.0, 0.0),
    "L/min": ("flow", 1.0, 0.0),
    "mL/s": ("flow", 0.06, 0.0),
    "mL/min": ("flow", 1e-3, 0.0),
    "g/L": ("mass concentration", 1.0, 0.0),
    "g/dL": ("mass concentration", 10.0, 0.0),
    "mg/L": ("mass concentration", 1e-3, 0.0),
    "mg/dL": ("mass concentration", 1e-2, 0.0),
    "ug/mL": ("mass concentration", 1e-3, 0.0),
    "ug/dL": ("mass concentration", 1e-5, 0.0),
    "ug/L": ("mass concentration", 1e-6, 0.0),
    "ng/mL": ("mass concentration", 1e-6, 0.0),
    "ng/dL": ("mass concentration", 1e-8, 0.0),
    "ng/L": ("mass concentration", 1e-9, 0.0),
    "pg/mL": ("mass concentration", 1e-9, 0.0),
    "mol/L": ("amount concentration", 1.0, 0.0),
    "mmol/L": ("amount concentration", 1e-3, 0.0),
    "umol/L": ("amount concentration", 1e-6, 0.0),
    "nmol/L": ("amount concentration", 1e-9, 0.0),
    "pmol/L": ("amount concentration", 1e-12, 0.0),
    "meq/L": ("charge concentration", 1e-3, 0.0),
    "mmol/mol": ("amount ratio", 1e-3, 0.0),
    "mg/g": ("mass ratio", 1e-3, 0.0),
    "mg/mmol": ("mass of amount", 1.0, 0.0),
    "d": ("time", 86400.0, 0.0),
    "h": ("time", 3600.0, 0.0),
    "min": ("time", 60.0, 0.0),
    "s": ("time", 1.0, 0.0),
    "ms": ("time", 1e-3, 0.0),
    "kcal": ("energy", 4184.0, 0.0),
    "cal": ("energy", 4.184, 0.0),
    "kJ": ("energy", 1e3, 0.0),
    "J": ("energy", 1.0, 0.0),
    "kg/m2": ("body mass index", 1.0, 0.0),
    "[iU]": ("dose", 1.0, 0.0),
    "{steps}": ("count", 1.0, 0.0),
    "{count}": ("count", 1.0, 0.0),
    "mL/kg/min": ("specific flow", 1.0, 0.0),
    "mL/min/{1.73_m2}": ("filtration", 1.0, 0.0),
    "[pH]": ("acidity", 1.0, 0.0),
    "U/L": ("enzyme activity", 1.0, 0.0),
    "m[iU]/L": ("hormone activity", 1.0, 0.0),
    "u[iU]/mL": ("hormone activity", 1.0, 0.0),
    "10*3/uL": ("cells", 1e9, 0.0),
    "10*9/L": ("cells", 1e9, 0.0),
    "10*6/uL": ("cells", 1e12, 0.0),
    "10*12/L": ("cells", 1e12, 0.0),
    "/uL": ("cells", 1e6, 0.0),
    "fL": ("cell volume", 1.0, 0.0),
    "{score}": ("score", 1.0, 0.0),
    "{INR}": ("coagulation", 1.0, 0.0),
}

# what people and devices write instead; in small letters and without blanks
_SPELLINGS: dict[str, str] = {
    "mmhg": "mm[Hg]", "mm(hg)": "mm[Hg]", "torr": "mm[Hg]", "millimeterofmercury": "mm[Hg]", "millimetersofmercury": "mm[Hg]",
    "cmh2o": "cm[H2O]", "kilopascal": "kPa",
    "bpm": "/min", "1/min": "/min", "min-1": "/min", "beats/min": "/min", "beats/minute": "/min", "beatsperminute": "/min",
    "count/min": "/min", "breaths/min": "/min", "breaths/minute": "/min", "breathsperminute": "/min", "br/min": "/min",
    "brpm": "/min", "rpm": "/min", "/minute": "/min", "perminute": "/min", "count/s": "/s", "hz": "/s",
    "percent": "%", "pct": "%", "%{hemoglobin}": "%", "%ofhemoglobin": "%", "%ngsp": "%", "ratio": "1", "{ratio}": "1",
    "kgs": "kg", "kilogram": "kg", "kilograms": "kg", "gram": "g", "grams": "g", "gr": "g", "milligram": "mg",
    "lb": "[lb_av]", "lbs": "[lb_av]", "pound": "[lb_av]", "pounds": "[lb_av]", "lb_av": "[lb_av]", "oz": "[oz_av]",
    "st": "[stone_av]", "stone": "[stone_av]", "stones": "[stone_av]",
    "in": "[in_i]", "inch": "[in_i]", "inches": "[in_i]", "ft": "[ft_i]", "feet": "[ft_i]", "foot": "[ft_i]", "yd": "[yd_i]",
    "mi": "[mi_i]", "mile": "[mi_i]", "miles": "[mi_i]", "kilometer": "km", "meter": "m", "meters": "m", "metre": "m",
    "centimeter": "cm", "centimetre": "cm",
    "c": "Cel", "degc": "Cel", "°c": "Cel", "celsius": "Cel", "degreescelsius": "Cel", "f": "[degF]", "degf": "[degF]",
    "°f": "[degF]", "fahrenheit": "[degF]", "degreesfahrenheit": "[degF]", "kelvin": "K",
    "liter": "L", "liters": "L", "litre": "L", "litres": "L", "l(btps)": "L", "milliliter": "mL", "cc": "mL", "fl_oz_us": "[foz_us]",
    "lpm": "L/min", "liter/min": "L/min",
    "mg%": "mg/dL", "mcg/l": "ug/L", "µg/l": "ug/L", "μg/l": "ug/L", "mcg/dl": "ug/dL", "mcg/ml": "ug/mL", "µg/ml": "ug/mL",
    "mg/dlglucose": "mg/dL", "µmol/l": "umol/L", "μmol/l": "umol/L", "mcmol/l": "umol/L", "mmolperl": "mmol/L", "mmol": "mmol/L",
    "millimole/liter": "mmol/L", "mgperdl": "mg/dL", "mmol<180.1558800000541>/l": "mmol/L",  # Apple's name for glucose
    "mmol/molhb": "mmol/mol", "mmol/mol{hb}": "mmol/mol", "meq/litre": "meq/L",
    "day": "d", "days": "d", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "mins": "min", "minute": "min", "minutes": "min",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "millisecond": "ms", "milliseconds": "ms",
    "calories": "kcal", "calorie": "kcal", "cals": "kcal", "kilocalorie": "kcal", "kilocalories": "kcal", "kilojoule": "kJ",
    "kg/m^2": "kg/m2", "kg/m²": "kg/m2", "kg/(m^2)": "kg/m2", "kg/m*m": "kg/m2", "count": "{count}",
    "u": "[iU]", "iu": "[iU]", "unit": "[iU]", "units": "[iU]", "[iu]": "[iU]", "[usp'u]": "[iU]", "internationalunit": "[iU]",
    "steps": "{steps}", "step": "{steps}", "flights": "{count}", "floors": "{count}",
    "ml/min/kg": "mL/kg/min", "ml/(kg.min)": "mL/kg/min", "ml/(kg*min)": "mL/kg/min", "ml/min.kg": "mL/kg/min",
    "ml/kg.min": "mL/kg/min", "ml/min·kg": "mL/kg/min",
    "ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/{1.73_m2}": "mL/min/{1.73_m2}", "ml/min/1.73m^2": "mL/min/{1.73_m2}",
    "ml/min/1.73m²": "mL/min/{1.73_m2}", "ml/min/1.73_m2": "mL/min/{1.73_m2}", "ml/min/{1.73m2}": "mL/min/{1.73_m2}",
    "iu/l": "U/L", "units/l": "U/L", "[iu]/l": "U/L", "miu/l": "m[iU]/L", "mu/l": "m[iU]/L", "uiu/ml": "u[iU]/mL",
    "µiu/ml": "u[iU]/mL", "μiu/ml": "u[iU]/mL", "10^3/ul": "10*3/uL", "k/ul": "10*3/uL", "thousand/ul": "10*3/uL",
    "10^9/l": "10*9/L", "g/l{cells}": "10*9/L", "10^6/ul": "10*6/uL", "m/ul": "10*6/uL", "10^12/l": "10*12/L", "score": "{score}",
    "points": "{score}", "inr": "{INR}", "mg/gcreat": "mg/g", "mg/g{creat}": "mg/g", "mg/mmol{creat}": "mg/mmol",
    "ph": "[pH]", "ml/min/173.10*-2.m2": "mL/min/{1.73_m2}",
    "[in_us]": "[in_i]", "[ft_us]": "[ft_i]", "[mi_us]": "[mi_i]", "[lb_us]": "[lb_av]",
}  # fmt: skip
_SMALL = {name.lower(): name for name in UNITS}
_NOTE = re.compile(r"\{[^}]*\}")


@lru_cache(maxsize=4096)
def ucum(text: str) -> str | None:
    """The UCUM name of a unit as somebody wrote it, or None when it is not one that readings have.

    UCUM's own names are taken letter by letter; other spellings without regard to capitals, blanks and {annotations}.
    """
    if text in UNITS:
        return text
    if text == "Cal":  # the large calorie, told from the small one by its capital alone
        return "kcal"
    plain = "".join(text.split()).lower()
    for tried in (plain, _NOTE.sub("", plain)):
        if name := _SPELLINGS.get(tried) or _SMALL.get(tried):
            return name
    return "{count}" if plain and not _NOTE.sub("", plain) else None


def conversion(unit: str, wanted: str, molar_mass: float | None = None) -> tuple[float, float] | None:
    """``(a, b)`` so that ``a * value + b`` of ``unit`` is in ``wanted`` (both UCUM names), or None where there is no such way.

    ``molar_mass`` (g/mol) leads between masses and amounts of a substance.
    """
    if unit == wanted:
        return 1.0, 0.0
    if unit not in UNITS or wanted not in UNITS:
        return None
    what, factor, offset = UNITS[unit]
    aim, aim_factor, aim_offset = UNITS[wanted]
    if what != aim:
        if molar_mass is None or {what, aim} != {"mass concentration", "amount concentration"}:
            return None
        factor *= molar_mass if what == "amount concentration" else 1.0 / molar_mass
    return factor / aim_factor, (offset - aim_offset) / aim_factor
