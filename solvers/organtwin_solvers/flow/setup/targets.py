"""What hangs at the outlets, found from what a clinician knows: pressures at the cuff, and how the flow divides.

The vessel itself is taken as one node: all outlets see the pressure of the inlet (its own drop is small beside theirs).
Every outlet is then a resistance, or a resistance before a compliance beside a second resistance, and the loop is a linear
periodic circuit, solved exactly harmonic by harmonic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from organtwin.errors import BadInput
from organtwin.model.flow_case import Outlet, Targets
from organtwin.units import convert, parse, show

Array = NDArray[np.float64]

PULSE_OF_PROXIMAL = 0.6  # of the pulse pressure at most comes from the proximal resistances: compliance makes the rest
PROXIMAL_SHARE = 0.2  # of an outlet's resistance at most is proximal


@dataclass(frozen=True)
class Terminal:
    """What one outlet does: see ``Outflow``. Pa s/mm^3, mm^3/Pa, Pa, mm^3/s; ``origin`` says who chose it."""

    cap: str
    proximal: float
    compliance: float
    distal: float
    distal_pressure_pa: float
    origin: str
    stored_pa: float = 0.0
    mean_flow: float = 0.0

    @property
    def resistance(self) -> float:
        return self.proximal + self.distal

    def impedance(self, omega: Array) -> NDArray[np.complex128]:
        """Pressure over flow at angular frequencies (1/s)."""
        return self.proximal + self.distal / (1.0 + 1j * omega * self.distal * self.compliance)

    def row(self) -> dict[str, str]:
        """For a table."""
        pulsatile = self.compliance > 0.0
        return {
            "outlet": self.cap,
            "mean flow": show(self.mean_flow, "flow", "mL/s"),
            "proximal": show(self.proximal, "resistance", "mmHg*s/mL"),
            "compliance": show(self.compliance, "compliance", "mL/mmHg") if pulsatile else "",
            "distal": show(self.distal, "resistance", "mmHg*s/mL") if pulsatile else "",
            "beyond": show(self.distal_pressure_pa, "pressure", "mmHg"),
            "from": self.origin,
        }


@dataclass(frozen=True)
class Loop:
    """The periodic state of the circuit at even times of one beat: pressure (n,) Pa, and the outlets with theirs."""

    pressure_pa: Array
    terminals: tuple[Terminal, ...]

    @property
    def mean_pa(self) -> float:
        return float(self.pressure_pa.mean())

    @property
    def systolic_pa(self) -> float:
        return float(self.pressure_pa.max())

    @property
    def diastolic_pa(self) -> float:
        return float(self.pressure_pa.min())


def terminals(
    outlets: Mapping[str, Outlet],
    targets: Targets | None,
    radii_mm: Mapping[str, float],
    inflow: Array,
    period_s: float,
    density: float,
) -> tuple[Terminal, ...]:
    """What hangs at every outlet, started at its periodic state.

    Parameters
    ----------
    outlets : mapping of str to Outlet
        By cap.
    targets : Targets, optional
        For the outlets that have neither a resistance nor a windkessel.
    inflow : ndarray (n,)
        Total flow in at even times of one beat, mm^3/s; of one value for a steady flow.

    Raises
    ------
    BadInput
        For values that cannot be, and targets that cannot be met.
    """
    own = {name: _own(name, outlet) for name, outlet in outlets.items()}
    open_ = [name for name, o in outlets.items() if o.resistance is None and o.windkessel is None]
    if targets is None or not open_:
        return solve_loop(list(own.values()), inflow, period_s).terminals
    for name in open_:
        if own[name].distal_pressure_pa:
            raise BadInput(
                f"The outlet '{name}' has a fixed pressure of {outlets[name].pressure}, which leaves no room for target pressures",
                remedy="Take the pressure out so that it follows the targets, or give it a resistance.",
            )
    fixed = [terminal for name, terminal in own.items() if name not in open_]
    chosen = _from_targets(targets, open_, fixed, radii_mm, inflow, period_s, density)
    by_cap = {terminal.cap: terminal for terminal in chosen.terminals}
    return tuple(by_cap[name] for name in outlets)


def _own(name: str, outlet: Outlet) -> Terminal:
    """The outlet as the case has it."""
    if outlet.windkessel is None:
        resistance = 0.0 if outlet.resistance is None else parse(outlet.resistance, "resistance")
        if resistance < 0.0:
            raise BadInput(f"The resistance of the outlet '{name}' is negative", remedy="Give zero or more.")
        return Terminal(name, resistance, 0.0, 0.0, parse(outlet.pressure, "pressure"), "case")
    kind = outlet.windkessel
    proximal, distal = parse(kind.proximal, "resistance"), parse(kind.distal, "resistance")
    compliance, pressure = parse(kind.compliance, "compliance"), parse(kind.distal_pressure, "pressure")
    for what, value in (("proximal resistance", proximal), ("compliance", compliance), ("distal resistance", distal)):
        if value <= 0.0:
            raise BadInput(
                f"The {what} of the windkessel at '{name}' is not above zero", remedy="Give a value above zero."
            )
    return Terminal(name, proximal, compliance, distal, pressure, "case")


def solve_loop(ends: Sequence[Terminal], inflow: Array, period_s: float) -> Loop:
    """The periodic state when all of ``inflow`` (n,) goes through these outlets, exactly.

    Where an outlet is a plain pressure, that is the pressure of the node (their mean, where several are).
    """
    count = len(inflow)
    flow = np.fft.rfft(inflow)
    omega = 2.0 * np.pi * np.arange(len(flow)) / period_s
    plain = [end for end in ends if end.resistance == 0.0]
    pressure = np.zeros(len(flow), complex)
    if plain:
        pressure[0] = count * np.mean([end.distal_pressure_pa for end in plain])
    else:
        beyond = sum(count * end.distal_pressure_pa / end.resistance for end in ends)
        flow = flow.copy()
        flow[0] += beyond
        pressure = flow / sum(1.0 / end.impedance(omega) for end in ends)
    done = []
    through_plain = (inflow.mean() - sum(_mean_flow(e, pressure[0].real / count) for e in ends if e.resistance)) / max(
        len(plain), 1
    )
    for end in ends:
        if not end.resistance:
            done.append(replace(end, stored_pa=end.distal_pressure_pa, mean_flow=float(through_plain)))
            continue
        above = pressure.copy()
        above[0] -= count * end.distal_pressure_pa
        out = above / end.impedance(omega)
        stored = np.fft.irfft(out * (end.impedance(omega) - end.proximal), count)[0] if count > 1 else (
            out[0].real * end.distal
        )  # fmt: skip
        done.append(
            replace(end, stored_pa=float(stored) + end.distal_pressure_pa, mean_flow=float(out[0].real) / count)
        )
    at_node = np.fft.irfft(pressure, count) if count > 1 else pressure.real
    return Loop(at_node, tuple(done))


def _mean_flow(end: Terminal, pressure_pa: float) -> float:
    return (pressure_pa - end.distal_pressure_pa) / end.resistance


def _from_targets(
    targets: Targets,
    names: list[str],
    fixed: list[Terminal],
    radii_mm: Mapping[str, float],
    inflow: Array,
    period_s: float,
    density: float,
) -> Loop:
    """Resistances from mean pressure and flow, one compliance for all from the pulse pressure, both iterated until the
    loop's systolic and diastolic pressures are the targets."""
    systolic, diastolic = parse(targets.systolic, "pressure"), parse(targets.diastolic, "pressure")
    beyond = parse(targets.distal_pressure, "pressure")
    if not systolic > diastolic > beyond:
        raise BadInput(
            f"The target pressures {targets.systolic} over {targets.diastolic} (beyond the outlets"
            f" {targets.distal_pressure}) do not fall in that order",
            remedy="Give systolic above diastolic above distal pressure.",
        )
    shares = _shares(targets, names, radii_mm, whole=not fixed)
    pulse = systolic - diastolic
    steady = np.ptp(inflow) <= 1e-6 * max(abs(float(inflow.mean())), 1e-300)
    mean = diastolic + pulse / 3.0
    for _ in range(50):
        rest = float(inflow.mean()) - sum(_mean_flow(end, mean) for end in fixed)
        if rest <= 0.0:
            raise BadInput(
                "Targets need a mean inflow above zero that is left for their outlets",
                remedy="Raise the inflow, or give the outlets their own pressures and resistances.",
            )
        total = (mean - beyond) / rest
        resistances = {name: total / shares[name] for name in names}
        if steady:
            ends = [Terminal(n, resistances[n], 0.0, 0.0, beyond, "targets") for n in names]
            return solve_loop([*fixed, *ends], inflow, period_s)
        proximal = _proximal(resistances, radii_mm, density, pulse, inflow)
        ends = [Terminal(n, proximal[n], shares[n], resistances[n] - proximal[n], beyond, "targets") for n in names]
        found = _with_pulse(pulse, period_s / total, ends, fixed, inflow, period_s)
        miss = diastolic - found.diastolic_pa
        if abs(miss) < 1e-6 * pulse:
            break
        mean += miss
    if max(abs(found.systolic_pa - systolic), abs(found.diastolic_pa - diastolic)) > 0.02 * pulse:
        raise BadInput(
            f"The targets {targets.systolic} over {targets.diastolic} cannot be met: the nearest is {describe(found)}",
            remedy="Let more outlets follow the targets, or change the inflow.",
        )
    return found


def _with_pulse(
    pulse: float, compliance: float, ends: list[Terminal], fixed: list[Terminal], inflow: Array, period_s: float
) -> Loop:
    """The loop with a pulse pressure, from a first guess of all ``compliance``, of which each end has its share."""

    def loop(logarithm: float) -> Loop:
        factor = compliance * math.exp(logarithm)
        return solve_loop([*fixed, *(replace(e, compliance=factor * e.compliance) for e in ends)], inflow, period_s)

    def excess(logarithm: float) -> float:
        return float(np.ptp(loop(logarithm).pressure_pa)) - pulse

    low, high = math.log(1e-3), math.log(1e3)  # a time constant from a thousandth to a thousand beats
    if excess(low) < 0.0:
        raise BadInput(
            f"This inflow is too even to make a pulse pressure of {show(pulse, 'pressure', 'mmHg')}",
            remedy="Choose a waveform that pulsates more, or lower the systolic target.",
        )
    return loop(brentq(excess, low, high, xtol=1e-10) if excess(high) < 0.0 else high)


def _shares(targets: Targets, names: list[str], radii_mm: Mapping[str, float], *, whole: bool) -> dict[str, float]:
    """Of the flow through these outlets, summing to one; ``whole`` where there are no others."""
    if targets.split == "murray":
        weights = {name: radii_mm[name] ** targets.exponent for name in names}
        return {name: weight / sum(weights.values()) for name, weight in weights.items()}
    percent = dict(targets.split)
    known = f"Outlets with a share: {', '.join(names)}."
    for name in percent:
        if name not in names:
            raise BadInput(f"The flow split names '{name}', which is no outlet that targets are for", remedy=known)
    for name in names:
        if not percent.get(name, 0.0) > 0.0:
            raise BadInput(f"The flow split gives '{name}' nothing", remedy=f"Give it percent above zero. {known}")
    if not sum(percent.values()) <= 100.5 or (whole and sum(percent.values()) < 99.5):
        raise BadInput(
            f"The flow split adds up to {sum(percent.values()):g} %", remedy="Give percentages that add up to 100."
        )
    return {name: percent[name] / sum(percent.values()) for name in names}


def _proximal(
    resistances: Mapping[str, float], radii_mm: Mapping[str, float], density: float, pulse: float, inflow: Array
) -> dict[str, float]:
    """The characteristic impedance of each outlet, rho c / A, so that little is reflected (Alastruey et al., J. Eng.
    Math. 64, 2009); wave speed c = 13.3 / d^0.3 m/s, d in mm (Reymond et al., Am. J. Physiol. 297, 2009, H208)."""
    matched = {}
    for name, resistance in resistances.items():
        radius = radii_mm[name]
        speed = 13.3e3 / (2.0 * radius) ** 0.3
        matched[name] = min(density * speed / (math.pi * radius**2), PROXIMAL_SHARE * resistance)
    together = 1.0 / sum(1.0 / value for value in matched.values())
    scale = min(1.0, PULSE_OF_PROXIMAL * pulse / (together * float(np.ptp(inflow))))
    return {name: scale * value for name, value in matched.items()}


def describe(loop: Loop) -> str:
    """The pressures in a few words, as in "120/80 (mean 98) mmHg"."""
    high, low, mean = (convert(p, "pressure", "mmHg") for p in (loop.systolic_pa, loop.diastolic_pa, loop.mean_pa))
    return f"{mean:.0f} mmHg" if high - low < 0.5 else f"{high:.0f}/{low:.0f} (mean {mean:.0f}) mmHg"


def summary(loop: Loop) -> str:
    """What hangs at the outlets, in one line of words."""
    parts = []
    for end in loop.terminals:
        row = end.row()
        if end.resistance == 0.0:
            parts.append(f"{end.cap} at {row['beyond']}")
        elif end.compliance > 0.0:
            parts.append(f"{end.cap} {row['proximal']}, {row['compliance']}, {row['distal']} over {row['beyond']}")
        else:
            parts.append(f"{end.cap} {show(end.resistance, 'resistance', 'mmHg*s/mL')} over {row['beyond']}")
    chosen = any(end.origin == "targets" for end in loop.terminals)
    return ("from the targets: " if chosen else "") + "; ".join(parts)
