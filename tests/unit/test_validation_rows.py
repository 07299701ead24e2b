"""Rows of the validation as they are kept."""

from __future__ import annotations

import json

import numpy as np

from organtwin.validation import Row


def test_a_row_computed_with_numpy_can_be_kept_as_json():
    row = Row("pressure", 100.0, np.float64(101.0), "mmHg", 2.0, "by hand", seconds=np.float64(0.1))
    kept = json.loads(json.dumps(row.to_json()))
    assert kept["passed"] is True
    assert kept["computed"] == 101.0
