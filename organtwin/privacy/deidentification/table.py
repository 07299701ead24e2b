"""DICOM PS3.15-2024e, Table E.1-1: what becomes of each attribute, as the data file beside this one has it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

EDITION = "2024e"
FILE = "ps3_15_e1_1_2024e.csv"


@dataclass(frozen=True)
class Rule:
    """``basic`` is the profile's action ("X", "Z", "D", "U", "X/Z" ...); the others those of its options, "" for none."""

    name: str
    basic: str
    modified_dates: str
    patient_characteristics: str
    structured_content: str


@cache
def rules() -> dict[int, Rule]:
    """By tag. Repeating groups (curves, overlays) and private attributes are not in it: they go as a whole."""
    text = files("organtwin.privacy.deidentification").joinpath(FILE).read_text(encoding="utf-8")
    found = {}
    for row in csv.DictReader(io.StringIO(text)):
        digits = row["tag"].strip("()").replace(",", "")
        if len(digits) == 8 and "X" not in digits:
            found[int(digits, 16)] = Rule(
                row["name"], row["basic"], row["retain_modified_dates"], row["retain_patient_characteristics"],
                row["clean_structured_content"],
            )  # fmt: skip
    return found
