"""The arterial baroreflex: the published static curves, and what they do to a person who loses blood or is given a vasodilator."""

from __future__ import annotations

import time

import numpy as np

from organtwin.monitor import Monitor
from organtwin.physiology.model import Floats
from organtwin.validation import Case, Row
from organtwin_solvers.physiology.circulation.manifest import MODEL
from organtwin_solvers.physiology.circulation.reflex import firing
from organtwin_solvers.physiology.circulation.simulator import Circulation

URSINO = "Ursino 1998, Am J Physiol 275:H1733, table 1 (basal values; gains and curves of table 2)"


def run(quick: bool, monitor: Monitor) -> list[Row]:
    started = time.perf_counter()
    sympathetic, vagal = firing(0.0)
    rows = [
        Row(name, reference, base + gain * sympathetic + other, unit, 5.0, URSINO)
        for name, reference, base, gain, other, unit in (
            ("left ventricular elastance at the setpoint", 2.95, 2.392, 0.475, 0.0, "mmHg/mL"),
            ("right ventricular elastance at the setpoint", 1.75, 1.412, 0.282, 0.0, "mmHg/mL"),
            ("splanchnic resistance at the setpoint", 3.307, 2.49, 0.695, 0.0, "mmHg s/mL"),
            ("other resistance at the setpoint", 1.407, 0.78, 0.53, 0.0, "mmHg s/mL"),
            ("heart period at the setpoint", 0.833, 0.58, -0.13, 0.09 * vagal, "s"),
        )
    ]
    monitor.progress(0.3, "baroreflex: loss of blood")
    open_loop, closed = ({"reflex_gain": 0.0, "reflex_reset": 0.0}, {"reflex_gain": 1.0, "reflex_reset": 0.0})
    rest, without = lose(0.0, closed), lose(500.0, open_loop)
    bled = lose(500.0, closed)
    mean, rate = MODEL.reading("mean_pressure"), MODEL.reading("heart_rate")
    fall, bare = rest[mean] - bled[mean], lose(0.0, open_loop)[mean] - without[mean]
    seconds = time.perf_counter() - started
    # where a heart period follows pressure: about 15 ms/mmHg in healthy young adults, with an sd of half of that
    step = 1.0
    (s1, v1), (s0, v0) = firing(step), firing(-step)
    sensitivity = 1e3 * (-0.13 * (s1 - s0) + 0.09 * (v1 - v0)) / (2.0 * step)
    rows += [
        Row("sensitivity of the heart period", 15.0, sensitivity, "ms/mmHg", 50.0,
            "Smyth et al. 1969, Circ Res 24:109 (healthy young adults; they differ manyfold)"),
        Row("mean pressure kept after a loss of 500 mL, of that before", 1.0, float(bled[mean] / rest[mean]), "", 12.0,
            "Guyton and Hall, Textbook of Medical Physiology: a tenth of the blood is lost with almost no effect on pressure", "", seconds),
        Row("open-loop gain of pressure, from that loss", 2.5, float(bare / fall - 1.0), "", 60.0,
            "Sagawa 1983, Handbook of Physiology: 1 to 4 in animals", "", seconds),
        Row("heart beats faster after that loss, at least", 5.0, float(bled[rate] - rest[rate]), "/min", 0.0,
            "class I to II haemorrhage: up to 100/min (ATLS 2018)", "", seconds, at_least=True),
    ]  # fmt: skip
    dilated = settled({**closed, "reflex_reset": 1.0}, resistance_change=-0.2)
    kept = settled({**closed, "reflex_reset": 1.0})
    rows.append(
        Row("heart rate under a lasting vasodilator, the setpoint reset, to that before", 1.0, float(dilated[rate] / kept[rate]), "", 1.0,
            "full resetting leaves the rate as it was (by definition)")
    )  # fmt: skip
    return rows


def settled(parameters: dict[str, float], **drives: float) -> Floats:
    """Readings (r) of the default person with some parameters and drives changed."""
    person, acting = MODEL.defaults(), MODEL.at_rest()
    for key, value in parameters.items():
        person[0, MODEL.parameter(key)] = value
    for key, value in drives.items():
        acting[0, MODEL.drive(key)] = value
    readings: Floats = Circulation().run(person, acting, np.zeros(1)).readings[0, 0]
    return readings


def lose(volume_ml: float, parameters: dict[str, float]) -> Floats:
    return settled(parameters, volume_change=-volume_ml)


CASE = Case("baroreflex", "The baroreflex and the loss of blood", run)
