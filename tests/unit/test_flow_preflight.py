"""The check before a flow solve: each finding where it is due, and silence where all is well."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.flow.preflight_operation import OPERATION
from organtwin_solvers.flow.setup.conditions import resolve
from organtwin_solvers.flow.setup.explicit import explicit
from organtwin_solvers.flow.setup.preflight import check, check_conditions, checked
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.model.centerline import Branch, Centerline
from organtwin.monitor import NullMonitor


@pytest.fixture(scope="module")
def fork():
    return tee(6.0, 6.0, 6.0, cells=8)


def case(flow="3 mL/s", **parts) -> FlowCase:
    return FlowCase.model_validate({"inlets": [{"cap": "inlet", "flow": flow}], "targets": {}, **parts})


def beating(flow="3 mL/s", waveform="common-carotid", **numerics) -> FlowCase:
    return case(
        inlets=[{"cap": "inlet", "flow": flow, "waveform": waveform}],
        numerics={"mode": "pulsatile", "period": "0.8 s", "steps_per_cycle": 2000, **numerics},
    )


def said(case, organ, level=None):
    return [str(finding) for finding in check(case, organ) if level in (None, finding.level)]


def test_a_sound_case_has_no_warning_and_its_pressure_is_foretold(fork):
    assert said(case(), fork, "error") == said(case(), fork, "warning") == []
    assert any("about 93 mmHg" in text for text in said(case(), fork, "note"))
    assert any("120/80" in text for text in said(beating(), fork, "note"))


@pytest.mark.parametrize(
    ("changed", "level", "sentence"),
    [
        (case(inlets=[{"cap": "wall", "flow": "1 mL/s"}]), "error", "'wall' is not an opening"),
        (case(inlets=[{"cap": "left", "flow": "1 mL/s"}], outlets=[]), "error", "neither an inflow nor an outlet"),
        (case(targets={"systolic": "60 mmHg"}), "error", "do not fall in that order"),
        (case("3 L/s"), "warning", "Check the flow and its unit"),
        (case("60 mL/s"), "warning", "Reynolds number at 'inlet'"),
        (case(targets=None), "note", "only the resistance of the meshed vessel divides the flow"),
        (
            case(targets=None, outlets=[{"cap": "left", "pressure": "80 mmHg"}, {"cap": "right", "pressure": "90 mmHg"}]),
            "warning",
            "10 mmHg apart, which alone drive about",
        ),
        (case(targets=None, outlets=[{"cap": "*", "resistance": "900 mmHg*s/mL"}]), "warning", "Check the resistances"),
        (
            case(outlets=[{"cap": "left", "pressure": "150 mmHg", "resistance": "10 mmHg*s/mL"}, {"cap": "*"}]),
            "warning",
            "Blood would enter through the outlet 'left'",
        ),
        (case("-3 mL/s", targets=None), "note", "its flow is negative"),
        (beating(steps_per_cycle=20, frames_per_cycle=20), "warning", "steps_per_cycle, or give a cfl"),
        (beating(steps_per_cycle=100, frames_per_cycle=200), "error", "200 frames cannot be kept of 100 steps"),
        (beating(waveform="constant"), "note", "nothing pulsates"),
        (case("0 mL/s", targets=None), "error", "Nothing flows in"),
        (beating(period="0.8 ms"), "warning", "heart beats a minute"),
        (beating(cfl=0.001), "warning", "steps a beat"),
        (case(blood={"density": "1.06 kg/m^3"}), "warning", "density of 0.00106 g/cm^3 is not that of blood"),
        (case(blood={"viscosity": "3.5 Pa*s"}), "warning", "is not that of blood"),
        (case(blood={"law": "carreau-yasuda", "viscosity_at_rest": "1 mPa*s"}), "warning", "swapped"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(fork, changed, level, sentence):
    assert any(sentence in text for text in said(changed, fork, level)), said(changed, fork)


def test_a_coarse_opening_and_a_coarse_wall_are_told_with_the_edge_to_mesh_with():
    coarse = pipe(8.0, 20.0, rings=3, layers=6)
    found = said(beating("40 mL/s"), coarse, "warning")
    assert any("'inlet' is" in text and "cells across" in text and "or less" in text for text in found)
    assert any("wall shear will be too low" in text for text in said(beating("40 mL/s"), coarse, "note"))


def test_a_narrow_place_on_the_middle_line_is_looked_at():
    tube = pipe(5.0, 40.0, rings=6, layers=12)
    along = np.linspace(0.0, 40.0, 21)
    radius = np.where(abs(along - 20.0) < 3.0, 1.5, 5.0)
    line = Centerline(
        name="line", mesh=tube.uuid, inlet="inlet",
        branches=(Branch(name="tube", parent=-1, cap="outlet", first=0, last=20),),
        points_mm=np.column_stack([0 * along, 0 * along, along]),
        distance_mm=along, radius_mm=radius, area_mm2=np.pi * radius**2,
    )  # fmt: skip
    calm = case("20 mL/s")
    conditions = resolve(calm, tube)
    without = [f.sentence for f in check_conditions(calm, tube, conditions) if f.level == "warning"]
    found = [f.sentence for f in check_conditions(calm, tube, conditions, line) if f.level == "warning"]
    assert not any("Reynolds" in text for text in without)
    assert any("Reynolds number at the narrowest place on the way to outlet is about 2571" in text for text in found)


def test_a_surface_that_is_open_inside_out_crossed_or_in_pieces_is_an_error(fork):
    few = np.asarray(fork.boundary_triangles)
    open_ = fork.with_(boundary_triangles=few[3:], boundary_tags=np.asarray(fork.boundary_tags)[3:])
    assert any("open" in text for text in said(case(), open_, "error"))
    turned = np.array(fork.tets)
    turned[7] = turned[7][[1, 0, 2, 3]]
    assert any("1 of " in text and "inside out" in text for text in said(case(), fork.with_(tets=turned), "error"))
    again = fork.with_(
        points_mm=np.vstack([fork.points_mm, fork.points_mm + 2.1]),
        tets=np.vstack([fork.tets, fork.tets + len(fork.points_mm)]),
        boundary_triangles=np.vstack([few, few + len(fork.points_mm)]),
        boundary_tags=np.concatenate([fork.boundary_tags] * 2),
    )
    found = [finding for finding in check(case(), again) if finding.level == "error"]
    assert any("cuts through itself" in f.sentence and f.places_mm for f in found)
    assert any("2 separate pieces" in f.sentence for f in found)


def test_an_error_stops_a_solve_and_warnings_go_to_the_log(fork):
    lines = []

    class Listening(NullMonitor):
        def log(self, text):
            lines.append(text)

    conditions = checked(case("60 mL/s"), fork, Listening())
    assert [outflow.cap for outflow in conditions.outflows] == ["left", "right"]
    assert any(line.startswith("warning: The Reynolds number") for line in lines)
    with pytest.raises(BadInput, match="frames cannot be kept"):
        checked(beating(steps_per_cycle=100, frames_per_cycle=200), fork, Listening())


@pytest.mark.parametrize("given", [case(), beating(), case(targets=None)])
def test_the_explicit_case_does_the_same_as_the_one_it_is_from(fork, given):
    plain = explicit(given, fork)
    assert plain.targets is None
    assert {outlet.cap for outlet in plain.outlets} == {"left", "right"}
    for a, b in zip(resolve(given, fork).loop.terminals, resolve(plain, fork).loop.terminals, strict=True):
        assert (a.resistance, a.compliance, a.stored_pa) == pytest.approx((b.resistance, b.compliance, b.stored_pa))


def test_the_operation_gives_the_case_as_it_would_be_run_with_the_findings(fork):
    (made,) = OPERATION({"mesh": fork}, {"case": case("60 mL/s").model_dump(mode="json")})
    assert isinstance(made, FlowCase)
    assert any("Reynolds" in note for note in made.notes)
    with pytest.raises(BadInput, match="There is no opening"):
        OPERATION({"mesh": fork}, {"case": {"inlets": [{"cap": "root", "flow": "1 mL/s"}]}})
