"""Units and numbers in the words of people."""

from __future__ import annotations

import math

import pytest

from organtwin.timeline.codes import TABLE
from organtwin.timeline.words import heading, number_words, unit_words, with_unit


@pytest.mark.parametrize(
    ("unit", "words"),
    [("mm[Hg]", "mmHg"), ("/min", "per min"), ("{steps}", "steps"), ("mm[Hg].s/mL", "mmHg·s/mL"), ("cm[H2O].s", "cmH₂O·s"), ("[pH]", "")],
)  # fmt: skip
def test_units_are_told_as_people_write_them(unit, words):
    assert unit_words(unit) == words


def test_no_unit_of_a_known_reading_shows_its_brackets():
    assert not [code.unit for code in TABLE if set("[]{}*") & set(unit_words(code.unit))]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (3e-16, "0"), (131.25, "131"), (60.04, "60"), (-4.4, "−4.4"), (12345.6, "12\u202f346"), (math.nan, "–"), (math.inf, "–")],
)  # fmt: skip
def test_numbers_are_short_and_what_is_not_known_is_a_dash(value, words):
    assert number_words(value) == words


def test_a_number_without_a_unit_stands_alone():
    assert with_unit(7.4, "[pH]") == "7.4"
    assert heading("Arterial pH", "[pH]") == "Arterial pH"
    assert heading("Heart rate", "/min") == "Heart rate, per min"
