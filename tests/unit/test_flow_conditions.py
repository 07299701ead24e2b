"""Caps, profiles, waveforms and the sentences that refuse an ill-posed case."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.flow.presets import PRESETS, preset
from organtwin_solvers.flow.setup.conditions import resolve
from organtwin_solvers.flow.setup.inflow import Section, flux_vector, rim
from organtwin_solvers.flow.setup.waveforms import template
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.operations import find
from organtwin.vessel.waveforms import suggest_for


@pytest.fixture(scope="module")
def tube():
    return pipe(2.0, 10.0, rings=4, layers=6)


@pytest.fixture(scope="module")
def fork():
    return tee(6.0, 6.0, 6.0, cells=4)


def case(**parts) -> FlowCase:
    return FlowCase.model_validate({"inlets": [{"cap": "inlet", "flow": "5 mL/s"}], **parts})


@pytest.mark.parametrize("profile", ["parabolic", "flat"])
@pytest.mark.parametrize("mesh", ["tube", "fork"])
def test_a_profile_carries_exactly_its_flow_inwards_and_vanishes_on_the_rim(mesh, profile, request):
    organ = request.getfixturevalue(mesh)
    section = Section(organ, "inlet")
    velocity = np.zeros((len(organ.points_mm), 3))
    velocity[section.points] = np.outer(getattr(section, profile)(), section.inward)
    assert np.sum(flux_vector(organ, "inlet") * velocity) == pytest.approx(-1.0, rel=1e-12)
    assert not velocity[rim(organ.boundary("inlet"))].any()
    assert velocity[:, 2].max() > 0.0
    assert np.abs(velocity[:, :2]).max() < 1e-12 * velocity[:, 2].max()


def test_a_parabolic_profile_on_a_disc_is_the_parabola():
    organ = pipe(2.0, 4.0, rings=12, layers=2)
    section = Section(organ, "inlet")
    radius = np.linalg.norm(organ.points_mm[section.points, :2], axis=1)
    parabola = 2.0 / (np.pi * 2.0**2) * (1.0 - (radius / 2.0) ** 2)
    np.testing.assert_allclose(section.parabolic(), parabola, atol=0.01 * parabola.max())


def test_a_systolic_waveform_has_mean_one_and_rests_for_two_thirds():
    times = (np.arange(3000) + 0.5) / 3000 * 0.8
    wave = template("systolic", 1.0, 0.8)
    values = np.array([wave(t) for t in times])
    assert values.mean() == pytest.approx(1.0, rel=1e-5)
    assert values[times > 0.8 / 3].max() == 0.0
    assert wave(0.1) == pytest.approx(wave(8.9), rel=1e-9)


def test_the_star_stands_for_every_cap_that_nothing_else_names(fork):
    resolved = resolve(
        case(outlets=[{"cap": "left", "pressure": "80 mmHg"}, {"cap": "*", "pressure": "90 mmHg"}]), fork
    )
    pressures = {outflow.cap: outflow.distal_pressure_pa + resolved.reference_pa for outflow in resolved.outflows}
    assert pressures == pytest.approx({"left": 80 * 133.322, "right": 90 * 133.322}, rel=1e-5)


def test_the_word_inlet_stands_for_the_inlet_caps_whatever_their_names(tube):
    renamed = tube.with_(
        caps=tuple(
            cap.model_copy(update={"name": {"inlet": "aortic root"}.get(cap.name, cap.name)}) for cap in tube.caps
        ),
        boundaries={{"inlet": "aortic root"}.get(name, name): tag for name, tag in tube.boundaries.items()},
    )
    assert [inflow.cap for inflow in resolve(case(), renamed).inflows] == ["aortic root"]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"inlets": [{"cap": "root", "flow": "5 mL/s"}]},
            "There is no opening 'root'. The openings are: inlet (inlet), outlet (outlet).",
        ),
        ({"inlets": [{"cap": "wall", "flow": "5 mL/s"}]}, "'wall' is not an opening"),
        ({"inlets": [{"cap": "inlet", "flow": "5 mL/s"}, {"cap": "outlet", "flow": "5 mL/s"}]}, "no outlet"),
        ({"outlets": []}, "The opening 'outlet' has neither an inflow nor an outlet"),
        ({"outlets": [{"cap": "*", "resistance": "-1 mmHg*s/mL"}]}, "is negative"),
        ({"blood": {"viscosity": "0 mPa*s"}}, "above zero"),
    ],
)
def test_an_ill_posed_case_is_refused_in_one_sentence(tube, parts, sentence):
    with pytest.raises(BadInput) as refused:
        resolve(case(**parts), tube)
    assert sentence in refused.value.sentence


def test_an_opening_of_two_cells_is_too_small():
    with pytest.raises(BadInput, match="fewer than 3 cells across"):
        resolve(case(), pipe(2.0, 10.0, rings=1, layers=6))


def test_an_organ_without_openings_is_refused(tube):
    with pytest.raises(BadInput, match="no openings"):
        resolve(case(), tube.with_(caps=()))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"case": {"inlets": [{"cap": "inlet", "flow": "5 mL/s"}], "colour": 1}}, "Unknown key 'colour'"),
        ({"case": {"inlets": [{"cap": "inlet", "flow": 5}]}}, "inlets.0.flow"),
        ({"case": {"inlets": [{"cap": "inlet", "flow": "5 mmHg"}]}}, "is not a flow"),
        ({"preset": "left foot"}, "There are: aorta-steady"),
        ({}, "either a case or a preset"),
        ({"preset": "aorta-steady", "mesh": "fine"}, "Unknown key 'mesh'"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_solved(tube, parameters, sentence):
    with pytest.raises(BadInput) as refused:
        find("flow")({"mesh": tube}, parameters)
    assert sentence in refused.value.sentence


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_case_that_fits_a_vessel(name, fork):
    conditions = resolve(preset(name), fork)
    assert {o.cap for o in conditions.outflows} == {"left", "right"}
    assert all(o.distal > 0.0 or o.proximal > 0.0 for o in conditions.outflows)


def test_an_aorta_is_offered_the_waveform_of_the_part_that_blood_enters(tube):
    def offered(structure, *, inlet_faces):
        caps = tuple(
            cap.model_copy(update={"normal": (0.0, 0.0, inlet_faces)} if cap.role == "inlet" else {})
            for cap in tube.caps
        )
        return suggest_for(tube.with_(structure=structure, caps=caps))

    assert offered("aorta", inlet_faces=-1.0) == "ascending-aorta"  # from the heart upwards
    assert offered("aorta", inlet_faces=1.0) == "descending-aorta"
    assert offered("carotid_artery", inlet_faces=-1.0) == "common-carotid"


def test_an_override_changes_part_of_a_preset():
    changed = preset("aorta-pulsatile", {"numerics": {"cycles": 3}})
    assert (changed.numerics.cycles, changed.numerics.mode) == (3, "pulsatile")
