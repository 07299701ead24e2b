"""Waveforms and the Womersley profile: what they must keep whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.flow.setup.conditions import resolve
from organtwin_solvers.flow.setup.inflow import Section, flux_vector, rim
from organtwin_solvers.flow.setup.waveforms import sampled, template
from organtwin_solvers.flow.setup.womersley_profile import womersley_profile
from organtwin_solvers.validation.pipes import pipe, tee
from scipy.special import jv

from organtwin.errors import BadInput
from organtwin.model import FlowCase
from organtwin.model.flow_case import Samples
from organtwin.vessel.waveforms import TEMPLATES, names, suggest

PERIOD = 0.9


def case(inlet: dict, mode: str = "pulsatile") -> FlowCase:
    return FlowCase.model_validate(
        {"inlets": [{"cap": "inlet", **inlet}], "numerics": {"mode": mode, "period": f"{PERIOD} s"}}
    )


@pytest.fixture(scope="module")
def tube():
    return pipe(2.0, 4.0, rings=4, layers=2)


@pytest.mark.parametrize("name", names())
def test_a_template_has_mean_one_repeats_and_jumps_nowhere(name):
    wave = template(name, 1000.0, PERIOD)
    values = np.array([wave(t) for t in np.linspace(0.0, 2.0 * PERIOD, 4001)])
    assert values[:2000].mean() == pytest.approx(1000.0, rel=1e-4)
    np.testing.assert_allclose(values[:2000], values[2000:4000], atol=1e-6 * np.abs(values).max())
    assert np.abs(np.diff(values)).max() < 0.02 * max(np.ptp(values), 1.0)


def test_templates_look_like_their_vessels():
    below = {name: template(name, 1.0, 1.0).over_period().min() for name in TEMPLATES}
    assert below["abdominal-aorta"] < -1.0  # backflow
    assert below["iliac"] < -1.0
    assert below["common-carotid"] > 0.5  # never rests
    coronary = template("left-coronary", 1.0, 1.0).over_period(1000)
    assert coronary[400:].sum() > 0.6 * coronary.sum()  # in diastole
    assert all(t.source for t in TEMPLATES.values())


@pytest.mark.parametrize(
    ("structure", "caps", "name"),
    [
        ("aorta", ["inlet", "brachiocephalic", "carotid_left", "subclavian_left", "descending"], "ascending-aorta"),
        ("aorta", ["inlet", "celiac", "renal_left", "iliac_left", "iliac_right"], "descending-aorta"),
        ("aorta", ["inlet", "iliac_left", "iliac_right"], "abdominal-aorta"),
        ("descending_aorta", ["inlet", "outlet"], "descending-aorta"),
        ("ascending_aorta", ["inlet", "outlet"], "ascending-aorta"),
        ("common_carotid_artery_left", ["inlet"], "common-carotid"),
        ("pulmonary_artery", [], "pulmonary-artery"),
        ("portal_vein", [], "constant"),
    ],
)
def test_a_vessel_gets_the_template_of_its_kind(structure, caps, name):
    assert suggest(structure, caps) == name


def test_samples_are_met_and_never_overshot():
    times = (0.0, 0.1, 0.25, 0.4, 0.9)
    wave = sampled(Samples(times_s=times, values=(0.0, 10.0, 10.0, -1.0, 0.0), unit="mL/s"), PERIOD)
    assert [wave(t) for t in times] == pytest.approx([0.0, 1e4, 1e4, -1e3, 0.0], abs=1e-9)
    dense = wave.over_period()
    assert dense.max() == pytest.approx(1e4)
    assert dense.min() == pytest.approx(-1e3)


def test_samples_that_end_one_step_before_the_period_are_the_same_waveform():
    t = np.linspace(0.0, PERIOD, 31)
    values = 5.0 + np.cos(2 * np.pi * t / PERIOD)
    closed = sampled(Samples(times_s=tuple(t), values=tuple(values)), PERIOD)
    open_ = sampled(Samples(times_s=tuple(t[:-1]), values=tuple(values[:-1])), PERIOD)
    assert [closed(x) for x in (0.01, 0.3, 0.895)] == pytest.approx([open_(x) for x in (0.01, 0.3, 0.895)])


@pytest.mark.parametrize("span", [0.8, 1.0, 900.0])
def test_samples_of_another_period_are_refused_with_both_periods(span):
    samples = Samples(times_s=tuple(np.linspace(0, span, 21)), values=(1.0,) * 21)
    with pytest.raises(BadInput, match="another period") as refused:
        sampled(samples, PERIOD)
    assert f"{span:.4g} s" in refused.value.sentence
    assert "0.9 s" in refused.value.sentence


def test_the_amount_is_a_mean_flow_a_stroke_volume_or_the_samples_own(tube):
    samples = {"times_s": [0.0, 0.3, 0.6, 0.9], "values": [0.0, 6.0, 3.0, 0.0], "unit": "L/min"}
    mean = {
        "flow": resolve(case({"flow": "9 mL/s", "waveform": "iliac"}), tube).inflows[0].flow_mm3_per_s,
        "stroke": resolve(case({"stroke_volume": "9 mL", "waveform": samples}), tube).inflows[0].flow_mm3_per_s,
        "own": resolve(case({"waveform": samples}), tube).inflows[0].waveform(0.3),
        "steady": resolve(case({"stroke_volume": "9 mL", "waveform": samples}, "steady"), tube).inflows[0].at(0.123),
    }
    assert mean == pytest.approx({"flow": 9e3, "stroke": 1e4, "own": 1e5, "steady": 1e4}, rel=1e-6)


def test_a_steady_flow_takes_the_mean_of_samples_of_any_period(tube):
    samples = {"times_s": [0.0, 0.5, 1.0, 1.5, 2.0], "values": [1.0, 3.0, 5.0, 3.0, 1.0]}
    assert resolve(case({"waveform": samples}, "steady"), tube).inflows[0].at(0.0) == pytest.approx(3e3, rel=1e-3)


def test_a_waveform_of_mean_zero_is_taken_as_it_is_and_cannot_be_scaled(tube):
    sine = {"times_s": [0.0, 0.225, 0.45, 0.675, 0.9], "values": [0.0, 1.0, 0.0, -1.0, 0.0]}
    inflow = resolve(case({"waveform": sine, "profile": "womersley"}), tube).inflows[0]
    assert inflow.flow_mm3_per_s == pytest.approx(0.0, abs=1e-9)
    assert inflow.at(0.225) == pytest.approx(1e3)
    assert np.isfinite(inflow.velocity_at_points(0.1)).all()
    with pytest.raises(BadInput, match="mean of zero"):
        resolve(case({"waveform": sine, "flow": "1 mL/s"}), tube)


def test_the_womersley_profile_approaches_the_analytic_one_with_second_order():
    radius, nu = 2.0, 3.3
    errors = []
    for rings in (8, 16):
        organ = pipe(radius, 1.0, rings=rings, layers=1)
        section = Section(organ, "inlet")
        profile = womersley_profile(section, template("common-carotid", 5e3, PERIOD), nu)
        r = np.linalg.norm(organ.points_mm[section.points, :2], axis=1)
        row = []
        for k in (1, 4, 9):
            z = 1j**1.5 * radius * np.sqrt(2 * np.pi * k / PERIOD / nu)
            exact = (1 - jv(0, z * r / radius) / jv(0, z)) / (np.pi * radius**2 * (1 - 2 * jv(1, z) / (z * jv(0, z))))
            mode = profile.modes[list(profile.orders).index(k)]
            row.append(np.sqrt(section.load @ abs(mode - exact) ** 2 / (section.load @ abs(exact) ** 2)))
        errors.append(row)
    coarse, fine = np.array(errors)
    assert (np.log2(coarse / fine) > 1.9).all()
    assert (fine < 0.01).all()


def test_a_womersley_inflow_carries_its_flow_at_every_moment_on_any_cap():
    organ = tee(6.0, 6.0, 6.0, cells=5)
    inflow = resolve(case({"flow": "5 mL/s", "waveform": "ascending-aorta", "profile": "womersley"}), organ).inflows[0]
    out = flux_vector(organ, "inlet")
    for time in np.linspace(0.0, PERIOD, 17):
        velocity = inflow.velocity(time)
        assert -np.sum(out * velocity) == pytest.approx(inflow.at(time), rel=1e-9, abs=1e-6)
        assert not velocity[rim(organ.boundary("inlet"))].any()
        assert np.abs(velocity).max() <= inflow.peak_speed * 1.05
