"""Less salt, and the DASH diet."""

from __future__ import annotations

from pydantic import model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import PerDay, Taken, grams_per_day
from organtwin.twin.interventions.pressure import RESISTANCE, SETPOINT, VOLUME, Fall, bring_about, said

HE = "He, Li and MacGregor, BMJ 346:f1325, 2013"
SACKS = "Sacks et al., N Engl J Med 344:3, 2001"
APPEL = "Appel et al., N Engl J Med 336:1117, 1997"
TRIED_G = 4.4  # less salt a day in the trials (75 mmol of sodium)
HIGH, NORMAL = (5.39, 2.82), (2.42, 1.00)  # mmHg, in those with high and with normal pressure
PRESSURES = (148.0, 93.0), (127.0, 77.0)  # mmHg, about those of the two groups
DASH_HIGH, DASH_NORMAL = (11.4, 5.5), (3.5, 2.1)
BESIDE_SALT = 2.2 / 5.9  # what DASH adds to little salt, of what it does alone (Sacks 2001)
ONSET_DAYS = 10.0


class Options(Frozen):
    """``less``: how much less salt (sodium chloride) a day than now. ``dash``: fruit, vegetables, low-fat dairy."""

    less: PerDay | None = None
    dash: bool = False
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _something(self) -> Options:
        if self.less is None and not self.dash:
            raise ValueError('give less="4 g/day" or dash=true')
        if self.less is not None and grams_per_day(self.less) > 15.0:
            raise ValueError("15 g a day less is more than almost anybody eats")
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Volume and resistance fall as pulse and mean pressure do in trials."""
    part = grams_per_day(options.less) / TRIED_G if options.less else 0.0
    dash = (1.0 if not options.less else BESIDE_SALT) if options.dash else 0.0
    high = [part * HIGH[k] + dash * DASH_HIGH[k] for k in (0, 1)]
    normal = [part * NORMAL[k] + dash * DASH_NORMAL[k] for k in (0, 1)]
    slope = [(high[k] - normal[k]) / (PRESSURES[0][k] - PRESSURES[1][k]) for k in (0, 1)]
    fall = Fall(
        -high[0], -high[1], 0.0, PRESSURES[0], (slope[0], slope[1]), most=(-1.2 * high[0], -1.2 * high[1]),
        sd_mmhg=0.5 * high[0], levers=(RESISTANCE, VOLUME, SETPOINT),
    )  # fmt: skip
    found = bring_about(fall, model, parameters, drives, when, draw, options.taken * when.share(ONSET_DAYS))
    told = list(
        said(
            found,
            " and ".join([*([f"{options.less} less salt"] if options.less else []), *(["DASH diet"] if dash else [])]),
        )
    )
    if options.less:
        told.append(
            f"4.4 g/day less salt: 5.4/2.8 mmHg in those with high pressure, 2.4/1.0 in those without ({HE}); in proportion to the "
            "salt, and straight between the two."
        )
    if options.dash:
        beside = f"; beside little salt it adds 37 % of that ({SACKS})" if options.less else ""
        told.append(f"DASH: 11.4/5.5 mmHg in those with high pressure, 3.5/2.1 in those without ({APPEL}){beside}.")
    told.append("People differ by half of the effect (assumed: salt sensitivity); it comes within weeks.")
    return parameters, drives, tuple(told)


KIND = Kind(
    name="salt",
    title="Less salt",
    group="lifestyle",
    about="Less salt a day, the DASH diet, or both.",
    options=Options,
    function="organtwin.twin.interventions.salt:effect",
    models=("circulation",),
    sheet=DataSheet(
        purpose="What a modest lasting reduction of salt, or the DASH diet, does to pressure.",
        sources=(HE, SACKS, APPEL),
        validity="Adults, for at least four weeks, about 2 to 6 g/day less. Not: kidney or heart failure.",
        bias="The pressures before of the two groups, and the spread between people, are rounded and assumed. The elderly and "
        "people of African descent gain more than is said here.",
    ),
)  # fmt: skip
