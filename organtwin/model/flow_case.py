"""Blood flow in a vessel mesh as plain data, in the units of the clinic, checked when read."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from organtwin.errors import BadInput
from organtwin.model.base import Frozen, TwinObject
from organtwin.units import (
    Compliance,
    Density,
    Flow,
    LiquidVolume,
    Pressure,
    Resistance,
    Time,
    Viscosity,
    parse,
)


class Blood(Frozen):
    """Newtonian, or thinner where it is sheared: Carreau-Yasuda, where ``viscosity`` is that at infinite shear rate.

    mu = viscosity + (viscosity_at_rest - viscosity) (1 + (relaxation g)^transition)^((exponent - 1) / transition), g the
    shear rate; constants of Cho and Kensey, Biorheology 28, 1991.
    """

    density: Density = "1.06 g/cm^3"
    viscosity: Viscosity = "3.5 mPa*s"
    law: Literal["newtonian", "carreau-yasuda"] = "newtonian"
    viscosity_at_rest: Viscosity = "56 mPa*s"
    relaxation: Time = "3.313 s"
    exponent: Annotated[float, Field(gt=0, le=1)] = 0.3568
    transition: Annotated[float, Field(gt=0, le=10)] = 2.0


class Samples(Frozen):
    """A measured flow over one period: ``values`` in ``unit`` at ``times_s``, from 0 to the period."""

    times_s: tuple[float, ...]
    values: tuple[float, ...]
    unit: str = "mL/s"

    @model_validator(mode="after")
    def _ordered(self) -> Samples:
        if len(self.times_s) != len(self.values) or len(self.times_s) < 3:
            raise ValueError("a waveform needs at least three times, and a value for each")
        if any(b <= a for a, b in pairwise(self.times_s)):
            raise ValueError("the times of a waveform must increase")
        if not all(isfinite(number) for number in (*self.times_s, *self.values)):
            raise ValueError("a waveform must be of finite numbers")
        try:
            parse(f"1 {self.unit}", "flow")
        except BadInput as error:
            raise ValueError(f"'{self.unit}' is not a unit of flow such as mL/s") from error
        return self


class Inlet(Frozen):
    """Flow into the vessel through a named cap; positive is inwards.

    ``flow`` is the mean over a period; or ``stroke_volume`` is what enters in one beat (of ``numerics.period``); measured
    samples need neither, and are scaled when one is given. ``waveform``: the name of a template ("constant",
    "ascending-aorta" ...) or samples.
    """

    cap: str
    flow: Flow | None = None
    stroke_volume: LiquidVolume | None = None
    profile: Literal["parabolic", "flat", "womersley"] = "parabolic"
    waveform: str | Samples = "constant"

    @model_validator(mode="after")
    def _one_amount(self) -> Inlet:
        if self.flow is not None and self.stroke_volume is not None:
            raise ValueError(f"the inlet '{self.cap}' has both a flow and a stroke volume: give one")
        if self.flow is None and self.stroke_volume is None and not isinstance(self.waveform, Samples):
            raise ValueError(f"the inlet '{self.cap}' needs a flow or a stroke volume")
        return self


class Windkessel(Frozen):
    """The vessels beyond an outlet: ``proximal`` resistance, then ``compliance`` beside ``distal`` resistance."""

    proximal: Resistance
    compliance: Compliance
    distal: Resistance
    distal_pressure: Pressure = "0 mmHg"


class Outlet(Frozen):
    """A named cap, or "*" for every cap that nothing else names.

    Its pressure is ``pressure`` + ``resistance`` * outflow, or that of a ``windkessel``, beyond which stands the windkessel's
    own pressure.
    """

    cap: str = "*"
    pressure: Pressure = "0 mmHg"
    resistance: Resistance | None = None
    windkessel: Windkessel | None = None

    @model_validator(mode="after")
    def _one_model(self) -> Outlet:
        if self.windkessel is not None and self.resistance is not None:
            raise ValueError(f"the outlet '{self.cap}' has both a resistance and a windkessel: give one")
        if self.windkessel is not None and self.pressure != "0 mmHg":
            raise ValueError(f"the outlet '{self.cap}' has both a pressure and a windkessel: give its distal_pressure")
        return self


class Targets(Frozen):
    """What the outlets shall bring about: pressures at the inlet over a beat, and how the flow divides.

    Outlets with a resistance or a windkessel of their own keep it; every other gets one from here, a resistance for a
    steady flow, a windkessel for a pulsatile one (one with a pressure of its own is refused). ``split`` among those: "murray"
    (flow ~ radius^``exponent``), or percent by cap.
    """

    systolic: Pressure = "120 mmHg"
    diastolic: Pressure = "80 mmHg"
    split: Literal["murray"] | dict[str, float] = "murray"
    exponent: Annotated[float, Field(gt=0, le=4)] = 3.0
    distal_pressure: Pressure = "5 mmHg"


class FlowNumerics(Frozen):
    """``steady`` marches to a steady state; ``pulsatile`` runs up to ``cycles`` beats of ``period``.

    Steps are ``period / steps_per_cycle``, or as long as ``cfl`` allows where that is given. Beats end early when two of
    them differ by less than ``periodic_tolerance``. The linear system of each step is solved until velocity is right to
    about ``linear_tolerance`` of itself. ``start`` "lumped" begins from the periodic state of the 0D model.
    """

    mode: Literal["steady", "pulsatile"] = "steady"
    scheme: Literal["fast", "taylor-hood"] = "fast"
    period: Time = "0.8 s"
    cycles: Annotated[int, Field(ge=1, le=100)] = 3
    steps_per_cycle: Annotated[int, Field(ge=20, le=100000)] = 400
    cfl: Annotated[float, Field(gt=0, le=50)] | None = None
    frames_per_cycle: Annotated[int, Field(ge=1, le=500)] = 20
    periodic_tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    start: Literal["lumped", "rest"] = "lumped"
    tolerance: Annotated[float, Field(gt=0, lt=0.1)] = 1e-3
    linear_tolerance: Annotated[float, Field(gt=0, le=1e-3)] = 1e-5
    max_steps: Annotated[int, Field(ge=10, le=100000)] = 400


class FlowCase(TwinObject):
    """Blood flow in a vessel mesh."""

    kind: ClassVar[str] = "flow_case"

    name: str = "flow"
    blood: Blood = Blood()
    inlets: tuple[Inlet, ...]
    outlets: tuple[Outlet, ...] = (Outlet(),)
    targets: Targets | None = None
    numerics: FlowNumerics = FlowNumerics()

    @model_validator(mode="after")
    def _one_condition_per_cap(self) -> FlowCase:
        names = [i.cap for i in self.inlets] + [o.cap for o in self.outlets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the cap '{name}' has two conditions")
        if not self.inlets:
            raise ValueError("a flow case needs an inlet")
        return self
