"""A pipe that ends in a three-element windkessel, against the exact solution of its equation.

A flow mean + amplitude * sin(2 pi f t) goes through a rigid pipe into a proximal resistance, a compliance and a distal
resistance. What flows in flows out at once, so the pressure at the outlet follows from an ordinary equation by itself: its
impedance is R_p + R_d / (1 + i omega C R_d). The pipe adds Womersley's impedance in front. The order in time is observed
on a windkessel with a store that takes a good part of a period to fill.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from organtwin.model import FlowCase, OrganMesh
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.units import convert
from organtwin.validation import Case, Row
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.measures import observed_order, order_row
from organtwin_solvers.validation.pipes import pipe, toward_wall
from organtwin_solvers.validation.womersley import Womersley

Array = NDArray[np.float64]
SOURCE = "exact solution of the windkessel's equation"
SAMPLES = 400  # of the flow over a period


@dataclass(frozen=True)
class Circuit:
    """Everything in CGS: cm, g, s, dyn/cm^2."""

    proximal: float = 121.0
    compliance: float = 1.5e-5
    distal: float = 1212.0
    frequency: float = 1.0
    mean: float = 60.0
    amplitude: float = 40.0
    radius: float = 2.0
    length: float = 30.0
    density: float = 1.06
    viscosity: float = 0.04

    @property
    def omega(self) -> float:
        return 2.0 * np.pi * self.frequency

    @property
    def impedance(self) -> complex:
        """Of the windkessel, dyn s/cm^5."""
        return self.proximal + self.distal / (1.0 + 1j * self.omega * self.compliance * self.distal)

    @property
    def pipe_impedance(self) -> complex:
        """Of the rigid pipe, after Womersley, dyn s/cm^5."""
        exact = Womersley(self.radius, self.viscosity / self.density, self.density, 1.0 / self.frequency, 1.0)
        return self.length / (exact.flow(0.0) - 1j * exact.flow(exact.period / 4.0))

    def flow(self, t: Array) -> Array:
        """cm^3/s."""
        return self.mean + self.amplitude * np.sin(self.omega * t)

    def pressure(self, t: Array) -> Array:
        """At the outlet in the periodic state, dyn/cm^2."""
        phasor = -1j * self.amplitude * self.impedance
        return self.mean * (self.proximal + self.distal) + np.real(phasor * np.exp(1j * self.omega * t))


PUBLISHED = Circuit()
SLOW = Circuit(compliance=2e-4)  # a store of 0.24 s


@dataclass(frozen=True)
class Computed:
    """Over the last period: times s, flow cm^3/s and pressures dyn/cm^2 by cap."""

    organ: OrganMesh
    times: Array
    flow: Array
    inlet: Array
    outlet: Array
    seconds: float

    def impedance(self, circuit: Circuit, pressure: Array) -> complex:
        """First harmonic of a pressure over that of the flow."""
        turn = np.exp(-1j * circuit.omega * self.times)
        return complex(np.sum(pressure * turn) / np.sum(self.flow * turn))


def compute(circuit: Circuit, rings: int, steps: int, *, cycles: int = 2, monitor: Monitor | None = None) -> Computed:
    """Solve the pipe with its windkessel through the same door as any other flow."""
    alpha = circuit.radius * np.sqrt(circuit.omega * circuit.density / circuit.viscosity)
    radius = 10.0 * circuit.radius
    organ = pipe(radius, 10.0 * circuit.length, rings, 2 * rings, shape=toward_wall(radius, alpha / 3.0))
    times = np.linspace(0.0, 1.0 / circuit.frequency, SAMPLES + 1)
    case = FlowCase.model_validate(
        {
            "blood": {"density": f"{circuit.density} g/cm^3", "viscosity": f"{circuit.viscosity} g/(cm*s)"},
            "inlets": [
                {
                    "cap": "inlet",
                    "profile": "womersley",
                    "waveform": {"times_s": times.tolist(), "values": circuit.flow(times).tolist(), "unit": "cm^3/s"},
                }
            ],
            "outlets": [
                {
                    "cap": "outlet",
                    "windkessel": {
                        "proximal": f"{circuit.proximal} g/(cm^4*s)",
                        "compliance": f"{circuit.compliance} cm^4*s^2/g",
                        "distal": f"{circuit.distal} g/(cm^4*s)",
                    },
                }
            ],
            "numerics": {
                "mode": "pulsatile",
                "period": f"{1.0 / circuit.frequency!r} s",
                "cycles": cycles,
                "steps_per_cycle": steps,
                "frames_per_cycle": 1,
            },
        }
    )
    started = time.perf_counter()
    histories = solve(organ, case, monitor or NullMonitor()).histories
    seconds = time.perf_counter() - started

    def column(name: str, dimension: str, unit: str, wanted: str) -> Array:
        return np.array(histories[name][-steps:]) / convert(1.0, dimension, unit) * convert(1.0, dimension, wanted)

    return Computed(
        organ,
        (np.arange(steps) + 1.0) / steps / circuit.frequency,
        column("flow outlet (mL/s)", "flow", "mL/s", "cm^3/s"),
        column("pressure inlet (mmHg)", "pressure", "mmHg", "dyn/cm^2"),
        column("pressure outlet (mmHg)", "pressure", "mmHg", "dyn/cm^2"),
        seconds,
    )


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Rows of the published circuit at one and two beats a second, and the order in time."""
    rings, steps = (4, 100) if quick else (8, 200)
    rows = []
    for k, frequency in enumerate((1.0, 2.0)):
        part = PartMonitor(monitor, 0.4 * k, 0.4 * (k + 1))
        rows += compared(replace(PUBLISHED, frequency=frequency), rings, steps, part)
    return [*rows, order_in_time(SLOW, PartMonitor(monitor, 0.8, 1.0))]


def compared(circuit: Circuit, rings: int, steps: int, monitor: Monitor) -> list[Row]:
    """Impedance, phase and the pressure itself at one frequency."""
    done = compute(circuit, rings, steps, monitor=monitor)
    at_outlet = done.impedance(circuit, done.outlet)
    of_pipe = done.impedance(circuit, done.inlet - done.outlet)
    exact = circuit.pressure(done.times)
    worst = float(np.abs(done.outlet - exact).max() / np.ptp(exact))
    label = f"{len(done.organ.tets)} tetrahedra, {steps} steps a period"

    def row(quantity: str, reference: float, computed: float, unit: str, accepted: float, source: str = SOURCE) -> Row:
        return Row(
            f"{quantity}, {circuit.frequency:g} Hz", reference, computed, unit, accepted, source, label, done.seconds
        )

    return [
        row("impedance", abs(circuit.impedance), abs(at_outlet), "dyn s/cm^5", 0.5),
        row("phase of the impedance", float(np.angle(circuit.impedance)), float(np.angle(at_outlet)), "rad", 3.0),
        row("mean pressure at the outlet", float(exact.mean()), float(done.outlet.mean()), "dyn/cm^2", 0.5),
        row("greatest deviation from the exact pressure, of its swing", 0.0, worst, "", 1.0),
        row("impedance of the pipe", abs(circuit.pipe_impedance), abs(of_pipe), "dyn s/cm^5", 5.0, "Womersley 1955"),
    ]


def order_in_time(circuit: Circuit, monitor: Monitor) -> Row:
    """Of the pressure at the outlet, from two steps on a coarse mesh: the exact pressure does not depend on the mesh."""
    counts, errors, seconds = (20, 40), [], 0.0
    for k, steps in enumerate(counts):
        done = compute(circuit, 3, steps, cycles=3, monitor=PartMonitor(monitor, k / 2.0, (k + 1) / 2.0))
        errors.append(float(np.sqrt(np.mean((done.outlet - circuit.pressure(done.times)) ** 2))))
        seconds += done.seconds
    return order_row(
        "pressure at the outlet, in time", observed_order(errors[0], errors[1], 2.0),
        f"{len(done.organ.tets)} tetrahedra, {counts[0]} and {counts[1]} steps a period", seconds,
    )  # fmt: skip


CASE = Case("windkessel", "A pipe that ends in a windkessel", run)
