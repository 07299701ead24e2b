"""More sleep, and treated sleep apnoea."""

from __future__ import annotations

import math

from pydantic import model_validator

from organtwin.model import Frozen
from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Floats, Physiology
from organtwin.twin.intervention import Draw, Kind, When
from organtwin.twin.interventions.dose import Span, Taken, minutes_of
from organtwin.twin.interventions.glycaemia import SENSITIVITY
from organtwin.twin.interventions.pressure import Fall, bring_about, responses, said

FAVA = "Fava et al., Chest 145:762, 2014"
BUXTON = "Buxton et al., Diabetes 59:2126, 2010"
CPAP = (2.6, 2.0)  # mmHg
LOST_PER_HOUR = 0.067  # of the sensitivity to insulin, for each hour short of 8: a week of 5 h took 20 %
SD = 0.6  # between people, of the loss


class Options(Frozen):
    """Sleep a night ``now`` and then; ``cpap``: a sleep apnoea is treated."""

    now: Span | None = None
    hours: Span | None = None
    cpap: bool = False
    taken: Taken = 1.0

    @model_validator(mode="after")
    def _something(self) -> Options:
        if (self.now is None) != (self.hours is None):
            raise ValueError('give both now="5 h" and hours="7 h"')
        if self.now is None and not self.cpap:
            raise ValueError('give now="5 h" hours="7 h", or cpap=true')
        for span in (self.now, self.hours):
            if span is not None and not 3.0 <= minutes_of(span) / 60.0 <= 12.0:
                raise ValueError(f"'{span}' of sleep a night is not between 3 and 12 hours")
        return self


def effect(
    options: Options, model: Physiology, parameters: Floats, drives: Floats, when: When, draw: Draw
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Treated apnoea lowers pressure; enough sleep restores the sensitivity to insulin."""
    if model.name == "glucose":
        if options.now is None or options.hours is None:
            return parameters, drives, ("Treated sleep apnoea is taken to leave glucose as it is: trials disagree.",)
        before, then = (min(minutes_of(span) / 60.0, 8.0) for span in (options.now, options.hours))
        ratio = (1.0 - LOST_PER_HOUR * (8.0 - then)) / (1.0 - LOST_PER_HOUR * (8.0 - before))
        strength = math.log(ratio) * responses(draw("response"), SD, 1.0)
        share = options.taken * when.share(3.0)
        SENSITIVITY.pull(model, parameters, drives, strength[:, None] * share[None])
        said_ = f"Sensitivity to insulin {100 * (ratio - 1):+.0f} %: 20 % lower after a week of 5 h a night ({BUXTON}), in proportion."
        return parameters, drives, (said_, "People differ by 60 % of it (the same study: 20 +- 24 %, noise included).")
    if not options.cpap:
        return (
            parameters,
            drives,
            ("Longer sleep alone is taken to leave pressure as it is: trials are small and disagree.",),
        )
    fall = Fall(-CPAP[0], -CPAP[1], sd_mmhg=1.3)
    found = bring_about(fall, model, parameters, drives, when, draw, options.taken * when.share(14.0))
    return (
        parameters,
        drives,
        (*said(found, "Treated sleep apnoea"), f"2.6/2.0 mmHg ({FAVA}); comes within weeks (assumed)."),
    )


KIND = Kind(
    name="sleep",
    title="Sleep",
    group="lifestyle",
    about="Longer nights, or a treated sleep apnoea.",
    options=Options,
    function="organtwin.twin.interventions.sleep:effect",
    models=("circulation", "glucose"),
    sheet=DataSheet(
        purpose="What sleep does to the sensitivity to insulin, and treated apnoea to pressure.",
        sources=(FAVA, BUXTON),
        validity="Healthy men with 5 to 8 h of sleep (glucose); people with obstructive sleep apnoea who use their mask (pressure).",
        bias="One week in 20 healthy men stands for months in a patient.",
    ),
)  # fmt: skip
