"""Quantities: read with their unit and dimension, or refused in a sentence."""

from __future__ import annotations

import pytest

from organtwin.errors import BadInput
from organtwin.model.flow_case import FlowCase, Inlet
from organtwin.model.tissue_case import Material, Region
from organtwin.operations.registry import validated
from organtwin.units import convert, parse, show


def test_blood_and_flow_come_out_in_mm_g_s():
    assert parse("1.06 g/cm^3", "density") == pytest.approx(1.06e-3)
    assert parse("3.5 mPa*s", "viscosity") == pytest.approx(3.5e-3)
    assert parse("5 L/min", "flow") == pytest.approx(83_333.333, rel=1e-7)
    assert parse("1 kPa", "pressure") == pytest.approx(1000)
    assert parse("1 mmHg", "pressure") == pytest.approx(133.322, rel=1e-5)
    assert parse("1 N", "force") == pytest.approx(1e6)
    assert show(13332.24, "pressure", "mmHg") == "100 mmHg"
    assert convert(1000.0, "flow", "mL/s") == pytest.approx(1.0)


@pytest.mark.parametrize(
    "bare",
    [
        "5",
        5,
        5.0,
        "",
        "five",
        None,
        True,
        "5 parsecs per fortnight",
        "5 kg",
        "mL/s",
        "nan mL/s",
        "inf mL/s",
        "1e400 mL/s",
        "9**9**9 mL/s",
        float("nan"),
    ],
)
def test_what_is_no_flow_is_refused_in_a_sentence(bare):
    with pytest.raises(BadInput, match="flow"):
        parse(bare, "flow")


def test_a_comma_is_refused_since_it_parts_decimals_for_some_and_thousands_for_others():
    with pytest.raises(BadInput, match="has a comma"):
        parse("3,5 mPa*s", "viscosity")


def test_what_is_wrong_with_samples_is_told_and_not_that_they_are_no_name():
    wave = {"times_s": [0, 0.4, 0.8], "values": [0, 5, 0]}
    for changed, sentence in (
        ({"unit": "mmHg"}, r"inlets\.0\.waveform: 'mmHg' is not a unit of flow"),
        ({"times_s": [0, 0.8, 0.4]}, r"inlets\.0\.waveform: the times of a waveform must increase"),
        ({"values": [0, float("nan"), 0]}, r"inlets\.0\.waveform\.values\.1: NaN is not a number"),
    ):
        with pytest.raises(BadInput, match=sentence):
            validated(FlowCase, {"inlets": [{"cap": "a", "waveform": {**wave, **changed}}]}, "the case")


def test_a_bare_number_in_a_case_is_refused_for_its_missing_unit():
    with pytest.raises(BadInput, match=r"flow: '5' has no unit"):
        validated(Inlet, {"cap": "inlet", "flow": 5}, "the inlet")
    with pytest.raises(BadInput, match=r"young: '5000' has no unit"):
        validated(Material, {"young": 5000}, "the material")


def test_a_case_names_what_is_wrong_with_it():
    with pytest.raises(BadInput, match="needs an inlet"):
        validated(FlowCase, {"inlets": []}, "the case")
    with pytest.raises(BadInput, match="two conditions"):
        validated(FlowCase, {"inlets": [{"cap": "a", "flow": "1 mL/s"}], "outlets": [{"cap": "a"}]}, "the case")
    with pytest.raises(BadInput, match="a region is a boundary"):
        validated(Region, {"boundary": "wall", "toward": [0, 0, 1]}, "the region")
