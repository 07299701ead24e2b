"""A procedure told on the command line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from organtwin.cli.procedure import described
from organtwin.errors import BadInput

CAPS = [{"name": "inlet", "role": "inlet"}, {"name": "left", "role": "outlet"}, {"name": "right", "role": "outlet"}]
NOTHING = dict.fromkeys(("toward", "start_mm", "stop_mm", "at_mm", "stop_toward", "diameter"))


def told(action, caps=CAPS, **options):
    return described(action, SimpleNamespace(facts={"caps": caps}), **{**NOTHING, **options})


def test_the_only_outlet_need_not_be_named():
    made = told("stent", CAPS[:2], start_mm=10.0, stop_mm=30.0, diameter="8 mm")
    assert made == {"action": "stent", "toward": "left", "start_mm": 10.0, "stop_mm": 30.0, "diameter": "8 mm"}


def test_a_bypass_ends_on_the_way_that_it_starts_on_unless_told():
    made = told("bypass", toward="left", start_mm=10.0, stop_mm=60.0, diameter="6 mm")
    assert made["start_toward"] == made["stop_toward"] == "left"
    made = told("bypass", toward="left", stop_toward="right", start_mm=10.0, stop_mm=60.0, diameter="6 mm")
    assert made["stop_toward"] == "right"


@pytest.mark.parametrize(
    ("action", "options", "said"),
    [
        (
            "stent",
            {"start_mm": 1.0, "stop_mm": 2.0, "diameter": "8 mm"},
            "needs --toward. The outlets are: left, right",
        ),
        ("clamp", {"toward": "left"}, "A clamp needs --at-mm"),
        ("clamp", {"toward": "left", "at_mm": 1.0, "diameter": "8 mm"}, "A clamp has no --diameter"),
        ("wash", {}, "There is no procedure 'wash'"),
    ],
)
def test_what_is_missing_or_too_much_is_named(action, options, said):
    with pytest.raises(BadInput, match=said):
        told(action, **options)
