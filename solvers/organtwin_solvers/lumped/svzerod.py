"""Circuits in the input format of svZeroDSolver (github.com/SimVascular/svZeroDSolver), given as the dictionary of its JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin_solvers.lumped import activation, blocks, heart
from organtwin_solvers.lumped.circuit import Block, Circuit, Waveform, initial
from organtwin_solvers.lumped.march import Stepper, Track

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A circuit, and how it is to be run."""

    circuit: Circuit
    period: float
    cycles: int
    points_per_cycle: int
    rho: float
    tolerance: float
    steady_start: bool
    every_cycle: bool
    change: float  # march on until means change by less from beat to beat; 0: only the given cycles
    start: Mapping[str, float]


@dataclass(frozen=True)
class Solution:
    """Unknowns by name ("pressure:A:B", "flow:A:B", "own:block") over time."""

    names: tuple[str, ...]
    track: Track

    def of(self, name: str, rate: bool = False) -> np.ndarray:
        """One unknown over time, or its time derivative."""
        return (self.track.dy if rate else self.track.y)[:, self.names.index(name)]

    def vessel(self, name: str, end: str, what: str, rate: bool = False) -> np.ndarray:
        """``what`` ("pressure" or "flow") at an end ("in" or "out") of a vessel."""
        part = 1 if end == "out" else 2
        found = [n for n in self.names if n.startswith(f"{what}:") and n.split(":")[part] == name]
        if len(found) != 1:
            raise BadInput(f"There is no one node at the {end} end of '{name}'")
        return self.of(found[0], rate)


def read(data: Values) -> Model:
    """Make the circuit that a dictionary describes.

    Raises
    ------
    BadInput
        When it has a part that is not known here, or lacks one.
    """
    try:
        return _read(data)
    except KeyError as error:
        raise BadInput(f"The circuit lacks {error}") from error


def simulate(model: Model) -> Solution:
    """Run as the reference program does: a steady start (31 long steps with mean values), then cycle after cycle."""
    system = model.circuit.system()
    y = initial(system, model.start)
    dy = np.zeros_like(y)
    if model.steady_start:
        stepper = Stepper(model.circuit.system(steady=True), model.period / 10.0, model.rho, absolute=model.tolerance)
        settled = stepper.march(y, dy, 31)
        y, dy = settled.y[-1], settled.dy[-1]
    for begin in system.starts:
        begin(y, dy)
    steps = model.points_per_cycle - 1
    stepper = Stepper(system, model.period / steps, model.rho, absolute=model.tolerance)
    track = stepper.march(y, dy, steps * model.cycles)
    while model.change and _change(system.names, track, steps) > model.change:
        more = stepper.march(track.y[-1], track.dy[-1], steps, float(track.times[-1]))
        track = Track(*(np.concatenate([a, b[1:]]) for a, b in zip(_parts(track), _parts(more), strict=True)))
    if not model.every_cycle:
        track = Track(track.times[: steps + 1], track.y[-steps - 1 :], track.dy[-steps - 1 :])
    return Solution(system.names, track)


def _parts(track: Track) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return track.times, track.y, track.dy


def _change(names: tuple[str, ...], track: Track, steps: int) -> float:
    """Greatest relative change of a mean pressure or flow from the last beat but one to the last."""
    nodes = [i for i, name in enumerate(names) if name.startswith(("pressure:", "flow:"))]
    before, last = (track.y[-k * steps - 1 : len(track.y) - (k - 1) * steps, nodes].mean(axis=0) for k in (2, 1))
    return float(np.max(np.abs(last - before) / np.where(before, np.abs(before), 1.0)))


def _read(data: Values) -> Model:
    settings = data["simulation_parameters"]
    circuit = Circuit()
    hearts = data.get("closed_loop_blocks", [])
    conditions = data.get("boundary_conditions", [])
    couplings = data.get("external_solver_coupling_blocks", [])
    period = _period(settings, hearts, [*(c["bc_values"] for c in conditions), *(c["values"] for c in couplings)])

    slowest = 0.0
    returning = []  # blocks whose far end is the heart
    for condition in conditions:
        name, kind, values = condition["bc_name"], condition["bc_type"], condition["bc_values"]
        circuit.add(name, _condition(kind, values, hearts, period))
        if kind == "RCR":
            slowest = max(slowest, values["Rd"] * values["C"])
        if kind.startswith("ClosedLoopCoronary") or values.get("closed_loop_outlet"):
            returning.append(name)
    vessels: dict[int, str] = {}
    for vessel in data.get("vessels", []):
        name = vessel["vessel_name"]
        vessels[vessel["vessel_id"]] = name
        circuit.add(name, _vessel(vessel["zero_d_element_type"], vessel["zero_d_element_values"]))
    for coupling in couplings:
        circuit.add(coupling["name"], _condition(coupling["type"], coupling["values"], hearts, period))
    for junction in data.get("junctions", []):
        circuit.add(junction["junction_name"], _junction(junction))
    for valve in data.get("valves", []):
        circuit.add(valve["name"], _valve(valve["type"], valve["params"]))
    for chamber in data.get("chambers", []):
        circuit.add(chamber["name"], _chamber(chamber, period))
    for loop in hearts:
        circuit.add("CLH", heart.HeartAndLungs(period, loop["parameters"]))
        circuit.add("J_heart_inlet", blocks.Junction())
        circuit.add("J_heart_outlet", blocks.Junction())

    for vessel in data.get("vessels", []):
        ends = vessel.get("boundary_conditions", {})
        if "inlet" in ends:
            circuit.link(ends["inlet"], vessel["vessel_name"])
        if "outlet" in ends:
            circuit.link(vessel["vessel_name"], ends["outlet"])
    for coupling in couplings:
        if coupling["location"] == "inlet":
            circuit.link(coupling["name"], coupling["connected_block"])
    for junction in data.get("junctions", []):
        name = junction["junction_name"]
        for block in junction.get("inlet_blocks") or [vessels[i] for i in junction["inlet_vessels"]]:
            circuit.link(block, name)
        for block in junction.get("outlet_blocks") or [vessels[i] for i in junction["outlet_vessels"]]:
            circuit.link(name, block)
    for valve in data.get("valves", []):
        circuit.link(valve["params"]["upstream_block"], valve["name"])
        circuit.link(valve["name"], valve["params"]["downstream_block"])
    for loop in hearts:
        for block in returning:
            circuit.link(block, "J_heart_inlet")
        circuit.link("J_heart_inlet", "CLH")
        circuit.link("CLH", "J_heart_outlet")
        for block in loop["outlet_blocks"]:
            circuit.link("J_heart_outlet", block)

    cycles = int(settings["number_of_cardiac_cycles"])
    error = settings.get("sim_cycle_to_cycle_percent_error", 1.0) / 100.0
    settle = bool(settings.get("use_cycle_to_cycle_error"))
    if settle and slowest:  # as many as the slowest windkessel needs: Pfaller et al., 2021, equation 21
        cycles = math.ceil(-slowest / period * math.log(error))
    return Model(
        circuit=circuit,
        period=period,
        cycles=cycles,
        points_per_cycle=int(settings["number_of_time_pts_per_cardiac_cycle"]),
        rho=float(settings.get("rho_infty", 0.5)),
        tolerance=float(settings.get("absolute_tolerance", 1e-8)),
        steady_start=bool(settings.get("steady_initial", True)),
        every_cycle=bool(settings.get("output_all_cycles", False)),
        change=error if settle and not slowest else 0.0,
        start=data.get("initial_condition", {}),
    )


def _period(settings: Values, hearts: list[Any], over_time: list[Values]) -> float:
    periods = [settings["cardiac_period"]] if "cardiac_period" in settings else []
    periods += [h["cardiac_cycle_period"] for h in hearts]
    periods += [v["t"][-1] - v["t"][0] for v in over_time if isinstance(v.get("t"), list) and len(v["t"]) > 1]
    if any(abs(period - periods[0]) > 1e-7 * periods[0] for period in periods):
        raise BadInput(f"The circuit has parts of different periods: {sorted(set(periods))} s")
    return float(periods[0]) if periods else 1.0


def _over_time(values: Values, name: str) -> float | Waveform:
    value = values[name]
    return Waveform(values["t"], value) if isinstance(value, list) else float(value)


def _condition(kind: str, values: Values, hearts: list[Any], period: float) -> Block:
    if kind == "FLOW":
        return blocks.GivenFlow(_over_time(values, "Q"))
    if kind == "PRESSURE":
        return blocks.GivenPressure(_over_time(values, "P"))
    if kind == "RESISTANCE":
        return blocks.Resistance(values["R"], _over_time(values, "Pd"))
    if kind == "RCR":
        return blocks.Windkessel(values["Rp"], values["C"], values["Rd"], _over_time(values, "Pd"))
    if kind in ("CORONARY", "CORONARY_VAR_RES"):
        return blocks.Coronary(
            arterial=values["Ra1"],
            micro=values["Ra2"] if kind == "CORONARY" else _squeezed(values, period),
            venous=values["Rv1"],
            arterial_compliance=values["Ca"],
            muscle_compliance=values["Cc"],
            muscle_pressure=Waveform(values["t"], values["Pim"]),
            venous_pressure=values["P_v"],
        )
    if kind == "ClosedLoopRCR":
        return heart.ThroughWindkessel(values["Rp"], values["C"], values["Rd"])
    if kind in ("ClosedLoopCoronaryLeft", "ClosedLoopCoronaryRight"):
        left = kind.endswith("Left")
        share = hearts[0]["parameters"]["iml" if left else "imr"] if hearts else 0.0
        return heart.ThroughCoronary(
            arterial=values["Ra"],
            micro=values["Ram"],
            venous=values["Rv"],
            arterial_compliance=values["Ca"],
            muscle_compliance=values["Cim"],
            ventricle="P_LV:CLH" if left else "P_RV:CLH",
            share=share,
        )
    raise BadInput(f"A boundary condition '{kind}' is not known")


def _squeezed(values: Values, period: float) -> Callable[[float], float]:
    """A resistance whose root goes from one value to another as the muscle contracts, and back."""
    least, most = math.sqrt(values["Ra2_min"]), math.sqrt(values["Ra2_max"])
    rise, fall = values["T_vc"], values["T_vr"]
    beat = activation.piecewise_cosine(period, 0.0, rise, rise, fall)
    return lambda time: (least + (most - least) * beat(time)) ** 2


def _vessel(kind: str, values: Values) -> Block:
    if kind == "BloodVesselRC":
        return blocks.StoringResistance(values["Rpd"], values["Cp"])
    known = (
        values["R_poiseuille"],
        values.get("C", 0.0),
        values.get("L", 0.0),
        values.get("stenosis_coefficient", 0.0),
    )
    if kind == "BloodVessel":
        return blocks.Vessel(*known)
    if kind == "BloodVesselCRL":
        return blocks.CapacityFirstVessel(*known)
    raise BadInput(f"A vessel '{kind}' is not known")


def _junction(junction: Values) -> Block:
    if junction["junction_type"] in ("NORMAL_JUNCTION", "internal_junction"):
        return blocks.Junction()
    if junction["junction_type"] == "BloodVesselJunction":
        values = junction["junction_values"]
        return blocks.LossyJunction(values["R_poiseuille"], values["L"], values["stenosis_coefficient"])
    raise BadInput(f"A junction '{junction['junction_type']}' is not known")


def _valve(kind: str, values: Values) -> Block:
    if kind == "ValveTanh":
        return heart.Valve(values["Rmax"], values["Rmin"], values["Steepness"])
    if kind == "PiecewiseValve":
        return heart.SuddenValve(values["Rmax"], values["Rmin"])
    raise BadInput(f"A valve '{kind}' is not known")


def _chamber(chamber: Values, period: float) -> Block:
    kind, values, beat = chamber["type"], chamber["values"], _activation(chamber["activation_function"], period)
    if kind == "ChamberElastanceInductor":
        return heart.Chamber(
            greatest=values["Emax"],
            least=values["Emin"],
            rest_relaxed=values["Vrd"],
            rest_contracted=values["Vrs"],
            inertance=values["Impedance"],
            activation=beat,
        )
    if kind == "LinearElastanceChamber":
        passive, rest = values["Epass"], values["Vrest"]
        return heart.Chamber(passive + values["Emax"], passive, rest, rest, 0.0, beat)
    if kind == "ChamberElastanceInductorExponential":
        return heart.PassiveChamber(
            greatest=values["Emax"],
            pressure=values["Kxp"],
            stiffness=values["Kxv"],
            rest=values["Vaso"],
            inertance=values["Impedance"],
            activation=beat,
        )
    raise BadInput(f"A chamber '{kind}' is not known")


def _activation(values: Values, period: float) -> activation.Activation:
    kind, rest = values["type"], {name: value for name, value in values.items() if name != "type"}
    if kind == "half_cosine":
        return activation.half_cosine(period, **rest)
    if kind == "piecewise_cosine":
        return activation.piecewise_cosine(period, **rest)
    if kind == "two_hill":
        return activation.two_hill(period, **rest)
    if kind == "wrapping_cosine":
        return activation.wrapping_cosine(period, rest["Tsa"], rest["tpwave"])
    if kind == "fourier":
        return activation.fourier(period)
    raise BadInput(f"An activation '{kind}' is not known")
