"""A pump that helps the left ventricle: its head against flow and speed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When

FULL_HEAD_MMHG = 105.0  # what the circulation takes for a pump at full speed (its drive "pump_speed" of 1)


@dataclass(frozen=True)
class Pump:
    """Head (mmHg) = ``head`` (speed / 1000 rpm)^2 - ``resistance`` flow (mL/s), and the speeds that it is run at."""

    head: float
    resistance: float
    speeds: tuple[float, float]
    usual: float
    error_mmhg: float
    source: str

    def head_mmhg(self, speed_rpm: float, flow_l_per_min: float) -> float:
        """What it lifts."""
        return self.head * (speed_rpm / 1000.0) ** 2 - self.resistance * flow_l_per_min * 1000.0 / 60.0


# straight lines through the makers' curves between 1.2 and 7 L/min, by least squares
PUMPS = {
    "heartmate-2": Pump(1.16, 0.485, (6000.0, 15000.0), 9000.0, 2.8,
                        "maker's curves at 8000 to 10 000 rpm, as in Bonnemain et al., Med Eng Phys 35:1465, 2013"),
    "heartmate-3": Pump(4.03, 0.688, (3000.0, 9000.0), 5400.0, 5.3,
                        "maker's curves at 5000 to 6000 rpm, as digitised in the model VAD-0D-DNN (Bonnemain, Zeller, Deparis)"),
}  # fmt: skip


class Options(Frozen):
    """``speed`` in turns a minute; the usual one unless given."""

    device: Literal["heartmate-2", "heartmate-3"] = "heartmate-3"
    speed: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _within(self) -> Options:
        low, high = PUMPS[self.device].speeds
        if self.speed is not None and not low <= self.speed <= high:
            raise ValueError(f"a {self.device} runs at {low:g} to {high:g} turns a minute, not {self.speed:g}")
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The pump draws from the ventricle and gives to the aorta."""
    pump = PUMPS[options.device]
    speed = options.speed or pump.usual
    shut = pump.head_mmhg(speed, 0.0)
    drives[:, when.on, model.drive("pump_speed")] = math.sqrt(shut / FULL_HEAD_MMHG)
    drives[:, when.on, model.drive("pump_resistance")] = pump.resistance
    return (
        parameters,
        drives,
        (
            f"{options.device} at {speed:.0f} rpm: {shut:.0f} mmHg against a shut outlet, {pump.head_mmhg(speed, 4.0):.0f} mmHg at "
            f"4 L/min (straight line through {pump.source}; off by {pump.error_mmhg:.0f} mmHg rms).",
            "The cannulas are part of the curve; the pump lets nothing back; the right ventricle is as it was.",
        ),
    )


KIND = Kind(
    name="pump",
    title="Assist pump",
    group="device",
    about="A rotary pump from the left ventricle to the aorta.",
    options=Options,
    function="organtwin.twin.interventions.pump:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What an assist pump does to output, pressure and the ventricle, against its speed.",
        sources=tuple(pump.source for pump in PUMPS.values()),
        validity="Steady speed, 1 to 7 L/min. Not: the artificial pulse, suction, a failing right ventricle.",
        bias="A straight line stands for a curve: at flows below 1 L/min the head is up to 14 mmHg off. Suction of an empty ventricle "
        "is not seen.",
    ),
)  # fmt: skip
