"""Rehabilitation after a heart attack: the load of a session, and what weeks of it do to fitness."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Power, Taken, Weight, kilograms
from organtwin.units import convert, parse

ACSM = "ACSM's Guidelines for Exercise Testing and Prescription (cycling: 7 + 10.8 W/kg mL/kg/min)"
SANDERCOCK = "Sandercock, Hurtado and Cardoso, Int J Cardiol 167:894, 2013"
AT_REST = 3.5  # mL/kg/min
GAINED, ERROR, SD = 1.55 * AT_REST, 0.17 * AT_REST, 3.0  # 1.55 MET (1.21 to 1.89); sd between people assumed
SESSIONS = 36.0  # of the programmes, about
ONSET_DAYS = 30.0


class Options(Frozen):
    """Cycling at a ``load`` of somebody of a ``weight`` whose maximal oxygen uptake is ``vo2max`` (mL/kg/min); ``training``:
    whether it is done regularly, so that fitness grows. What is shown is during the load."""

    load: Power = "50 W"
    weight: Weight = "80 kg"
    vo2max: Annotated[float, Field(ge=8, le=80)] = 20.0
    training: bool = True
    taken: Taken = 1.0


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """The load takes a part of the maximal uptake, which grows with training, so that the same load becomes lighter."""
    weight = kilograms(options.weight)
    watts = convert(parse(options.load, "power"), "power", "W")
    uptake = 2.0 * AT_REST + 10.8 * watts / weight
    gained = GAINED * options.taken if options.training else 0.0
    each = (
        np.maximum(gained + np.hypot(ERROR, SD) * draw("fitness"), 0.0)
        if options.training
        else np.zeros(len(parameters))
    )
    most = options.vo2max + each[:, None] * when.share(ONSET_DAYS)[None]
    effort = np.clip((uptake - AT_REST) / (most - AT_REST), 0.0, 1.0)
    place = model.drive("exercise")
    drives[:, :, place] = np.where(when.on, np.maximum(drives[:, :, place], effort), drives[:, :, place])
    then = options.vo2max + gained
    told = [
        f"All readings are those during {options.load}: {uptake:.1f} mL/kg/min ({ACSM}), "
        f"{100 * min(1.0, (uptake - AT_REST) / (options.vo2max - AT_REST)):.0f} % of the reserve before training"
        + (f", {100 * min(1.0, (uptake - AT_REST) / (then - AT_REST)):.0f} % after." if options.training else "."),
    ]
    if options.training:
        told.append(
            f"Peak uptake {gained:+.1f} mL/kg/min after about {SESSIONS:.0f} sessions ({SANDERCOCK}: 1.55 MET, without controls); "
            "people differ by an sd of 3 mL/kg/min (assumed)."
        )
    if uptake > options.vo2max:
        told.append("The load is beyond the maximal uptake before training.")
    return parameters, drives, tuple(told)


KIND = Kind(
    name="rehabilitation",
    title="Rehabilitation",
    group="rehabilitation",
    about="The circulation during a load on a bicycle, and how it becomes lighter with training.",
    options=Options,
    function="organtwin.twin.interventions.rehabilitation:effect",
    models=("circulation",),
    during="while cycling",
    sheet=DataSheet(
        purpose="Heart rate, pressure and output at a load of cardiac rehabilitation, before and after weeks of it.",
        sources=(ACSM, SANDERCOCK),
        validity="Cycling, steady, between 25 and 150 W, adults with stable heart disease.",
        bias="The gain is that of those who finished, without a control group. Beta-blockers' limit on the heart rate in exercise is "
        "in it only as far as the maximal heart rate is learned.",
    ),
)  # fmt: skip
