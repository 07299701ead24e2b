"""Every prediction leads to a data sheet."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from organtwin.document.sheets import BY_HAND, _sheets, sheet_of
from organtwin.model import Recipe
from organtwin.physiology.model import names
from organtwin.segment import engine
from organtwin.store import Entry


def entry(kind: str, operation: str = "", parameters: dict | None = None, **facts) -> Entry:
    recipe = Recipe(operation=operation, parameters=parameters or {}) if operation else None
    return Entry("u", kind, "x", "2026", recipe=recipe, facts=facts)


@pytest.mark.parametrize("physics", ["flow", "tissue", "lumped"])
def test_every_kind_of_solve_has_a_sheet(physics):
    name, sheet = sheet_of(entry("result", physics, physics=physics))
    assert name == physics
    assert sheet.bias
    assert sheet.verified_by


def test_every_segmentation_engine_has_a_sheet():
    for found in entry_points(group=engine.GROUP):
        told = sheet_of(entry("segmentation", "segment", {"engine": found.name}))
        assert told is not None, found.name
        assert told[0] == ("by-hand" if found.name in BY_HAND else found.name)


def test_every_model_of_physiology_has_a_sheet_that_its_states_and_forecasts_lead_to():
    assert names()
    for model in names():
        for kind in ("twin-state", "forecast"):
            name, sheet = sheet_of(entry(kind, model=model))
            assert name == model
            assert sheet.sources


def test_what_an_image_shows_over_time_has_a_sheet():
    told = sheet_of(entry("forecast", model="progression", subject="abdominal aortic diameter"))
    assert told is not None
    assert told[1].sources


def test_a_scan_has_none():
    assert sheet_of(entry("volume")) is None


def test_what_a_sheet_is_verified_by_exists():
    cases = {e.name for e in entry_points(group="organtwin.validation")}
    assert {case for sheet in _sheets().values() for case in sheet.verified_by} <= cases
