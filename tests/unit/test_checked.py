"""What people and files say, checked against a record."""

from __future__ import annotations

import math

import pytest

from organtwin.checked import validated
from organtwin.edit.rules import Rules
from organtwin.errors import BadInput
from organtwin.segment.threshold import ThresholdParameters


def test_nan_is_refused_wherever_it_stands() -> None:
    with pytest.raises(BadInput, match=r"options: low: NaN is not a number"):
        validated(ThresholdParameters, {"low": math.nan, "high": 5.0}, "options")
    with pytest.raises(BadInput, match=r"connected_to_mm\.0\.1"):
        validated(ThresholdParameters, {"low": 1, "connected_to_mm": [[0, math.nan, 0]]}, "options")


def test_a_range_of_values_may_be_open_but_not_run_backwards() -> None:
    assert validated(Rules, {"values": [None, 5]}, "rules").values == (-math.inf, 5.0)
    with pytest.raises(BadInput, match="from the lower value to the higher one"):
        validated(Rules, {"values": [5, -5]}, "rules")
