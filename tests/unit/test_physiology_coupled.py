"""Heart and lungs of one person, each told what the other does."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.physiology.circulation.manifest import MODEL as CIRCULATION
from organtwin_solvers.physiology.coupled import settled
from organtwin_solvers.physiology.respiration.manifest import MODEL as RESPIRATION


def both(**given: object) -> dict[str, float]:
    found = settled(CIRCULATION.defaults(), RESPIRATION.defaults(), **given)  # type: ignore[arg-type]
    return {
        **{r.key: float(found.circulation[0, k]) for k, r in enumerate(CIRCULATION.readings)},
        **{r.key: float(found.respiration[0, k]) for k, r in enumerate(RESPIRATION.readings)},
    }


def test_at_sea_level_neither_disturbs_the_other() -> None:
    rest = both()
    assert rest["heart_rate"] == pytest.approx(70.0, abs=1.0)
    assert rest["spo2"] == pytest.approx(97.1, abs=0.5)


def test_height_makes_the_heart_faster_and_raises_pressure_in_the_lung() -> None:
    rest, high = both(), both(drives={"respiration": {"altitude": 4500.0}})
    assert high["heart_rate"] > rest["heart_rate"] + 4.0
    assert 18.0 < high["pulmonary_mean"] < 32.0


def test_a_failing_heart_lowers_the_oxygen_that_comes_back() -> None:
    failing = CIRCULATION.defaults()
    failing[0, CIRCULATION.parameter("contractility")] = 0.7
    found = settled(failing, RESPIRATION.defaults())
    assert found.respiration[0, RESPIRATION.reading("venous_saturation")] < both()["venous_saturation"] - 3.0


def test_exercise_drives_heart_and_lungs_alike() -> None:
    hard = both(exercise=0.7)
    assert hard["cardiac_output"] > 11.0
    assert hard["minute_ventilation"] > 35.0
    assert np.isfinite(list(hard.values())).all()
