"""Respiration against published steady values; each row accepts the spread that its source gives between persons."""

from __future__ import annotations

import numpy as np

from organtwin.monitor import Monitor
from organtwin.physiology.model import Floats
from organtwin.validation import Case, Row
from organtwin_solvers.physiology.respiration.blood import acidity, contents, saturation
from organtwin_solvers.physiology.respiration.manifest import MODEL
from organtwin_solvers.physiology.respiration.simulator import Respiration, gas_constants

CRAPO = "Crapo et al. 1999, Am J Respir Crit Care Med 160:1525 (45 years, sea level)"
SEVERINGHAUS = "Severinghaus 1979, J Appl Physiol 46:599"
ECSC = "Quanjer et al. 1993, Eur Respir J 6 Suppl 16:5 (man, 175 cm, 45 years)"
RAHN = "Rahn and Otis 1949, J Appl Physiol 1:717 (acclimatised)"
PREDICTED_FEV1_L = 0.0430 * 175.0 - 0.029 * 45.0 - 2.49
PREDICTED_FVC_L = 0.0576 * 175.0 - 0.026 * 45.0 - 4.34
PREDICTED_PEF_L_PER_MIN = 60.0 * (0.0614 * 175.0 - 0.043 * 45.0 + 0.15)


def settled(person: Floats | None = None, **drives: float) -> dict[str, float]:
    """Readings by key."""
    acting = MODEL.at_rest()
    for key, value in drives.items():
        acting[0, MODEL.drive(key)] = value
    found = Respiration().run(MODEL.defaults() if person is None else person[None], acting, np.zeros(1)).readings[0, 0]
    return {reading.key: float(found[k]) for k, reading in enumerate(MODEL.readings)}


def run(quick: bool, monitor: Monitor) -> list[Row]:
    rows = [
        Row("saturation at 27 mmHg", 0.50, saturation(27.0, 40.0, 7.4), "", 2.0, SEVERINGHAUS),
        Row("saturation at 40 mmHg", 0.7494, saturation(40.0, 40.0, 7.4), "", 0.5, SEVERINGHAUS),
        Row("saturation at 60 mmHg", 0.9058, saturation(60.0, 40.0, 7.4), "", 0.5, SEVERINGHAUS),
        Row("carbon dioxide of arterial blood", 48.0, contents(95.0, 40.0, 0.0, 14.5)[1], "mL/dL", 4.0,
            "West, Respiratory Physiology (48 mL/dL)"),
        Row("pH of blood of 80 mmHg at the same base excess", 7.17, acidity(80.0, 0.0, 14.5), "", 0.5,
            "Siggaard-Andersen 1977 (Van Slyke equation)"),
    ]  # fmt: skip
    rest = settled()
    rows += [
        Row("oxygen pressure at rest", 92.0, rest["pao2"], "mmHg", 8.0, CRAPO),
        Row("carbon dioxide pressure at rest", 39.5, rest["paco2"], "mmHg", 8.0, CRAPO),
        Row("pH at rest", 7.41, rest["ph"], "", 0.3, CRAPO),
        Row("saturation at rest", 96.5, rest["sao2"], "%", 1.2, CRAPO),
        Row(
            "mixed venous saturation",
            73.0,
            rest["venous_saturation"],
            "%",
            7.0,
            "West, Respiratory Physiology (65 to 75)",
        ),
        Row(
            "ventilation at rest",
            7.0,
            rest["minute_ventilation"],
            "L/min",
            25.0,
            "West, Respiratory Physiology (about 7)",
        ),
        Row(
            "respiratory rate at rest",
            14.0,
            rest["respiratory_rate"],
            "/min",
            25.0,
            "Respiratory rate 12 to 20 (RCP, NEWS2)",
        ),
    ]
    monitor.progress(0.3, "respiration: altitude")
    everest = gas_constants(MODEL.defaults(), _with("altitude", 8848.0))[0, 0]
    rows.append(
        Row(
            "barometric pressure on Everest",
            253.0,
            float(everest),
            "mmHg",
            1.0,
            "West et al. 1983, J Appl Physiol 54:1188",
        )
    )
    high, sudden = settled(altitude=4300.0), settled(altitude=4300.0, acute=1.0)
    rows += [
        Row("carbon dioxide at 4300 m, acclimatised", 27.5, high["paco2"], "mmHg", 12.0, RAHN),
        Row("oxygen at 4300 m, acclimatised", 51.0, high["pao2"], "mmHg", 10.0, RAHN),
        Row(
            "saturation at 4300 m, first hours",
            78.0,
            sudden["sao2"],
            "%",
            6.0,
            "Wolfel et al. 1991, J Appl Physiol 70:1129",
        ),
        Row(
            "saturation at 4300 m, after three weeks",
            86.0,
            high["sao2"],
            "%",
            5.0,
            "Wolfel et al. 1991, J Appl Physiol 70:1129",
        ),
    ]
    acid = MODEL.defaults()[0]
    acid[MODEL.parameter("base_excess")] = -8.0
    sour = settled(acid)
    rows.append(Row("carbon dioxide in metabolic acidosis, of its bicarbonate", 1.5 * sour["bicarbonate"] + 8.0, sour["paco2"], "mmHg",
                    10.0, "Albert, Dell and Winters 1967, Ann Intern Med 66:312 (within 2 mmHg)"))  # fmt: skip
    monitor.progress(0.5, "respiration: carbon dioxide, exercise, spirometry")
    low, more = (settled(inspired_carbon_dioxide=p, inspired_oxygen=0.4, acute=1.0) for p in (35.0, 50.0))
    slope = (more["minute_ventilation"] - low["minute_ventilation"]) / (more["paco2"] - low["paco2"])
    rows.append(Row("ventilation against carbon dioxide, first minutes", 2.6, slope, "L/min/mmHg", 60.0,
                    "Rebuck and Slutsky 1981, Regulation of Breathing (mean 2.6, range 0.5 to 8)"))  # fmt: skip
    easy, hard = settled(exercise=0.3), settled(exercise=0.6)
    given = [float(gas_constants(MODEL.defaults(), _with("exercise", x))[0, 4]) for x in (0.3, 0.6)]
    rows.append(Row("ventilation against carbon dioxide given off, exercise", 26.0,
                    (hard["minute_ventilation"] - easy["minute_ventilation"]) / (given[1] - given[0]), "", 15.0,
                    "Sun et al. 2002, Am J Respir Crit Care Med 166:1443"))  # fmt: skip
    rows += [
        Row("FEV1", PREDICTED_FEV1_L, rest["fev1"], "L", 5.0, ECSC),
        Row("FVC", PREDICTED_FVC_L, rest["fvc"], "L", 5.0, ECSC),
        Row("peak flow", PREDICTED_PEF_L_PER_MIN, rest["peak_flow"], "L/min", 10.0, ECSC),
    ]
    # FEV1: middle of the stage; gases: means of small groups, with sds of 8 to 10 mmHg of oxygen
    stages = (("COPD, GOLD 1", 85.0, 81.0, 39.0), ("COPD, GOLD 2", 65.0, 73.0, 40.0), ("COPD, GOLD 3", 40.0, 66.0, 43.0),
              ("COPD, GOLD 4", 25.0, 58.0, 46.0))  # fmt: skip
    for name, part, oxygen, dioxide in stages:
        found = settled(MODEL.person(name))
        gases = "typical of the stage (sd 8 mmHg; compare Rodriguez-Roisin et al. 2009, J Appl Physiol 106:1902)"
        rows += [
            Row(
                f"{name}: FEV1", part, 100.0 * found["fev1"] / PREDICTED_FEV1_L, "% predicted", 12.0, "GOLD report 2024"
            ),
            Row(f"{name}: FEV1/FVC below 70", 0.0, max(found["fev1_fvc"] - 70.0, 0.0), "%", 0.0, "GOLD report 2024"),
            Row(f"{name}: oxygen", oxygen, found["pao2"], "mmHg", 12.0, gases),
            Row(f"{name}: carbon dioxide", dioxide, found["paco2"], "mmHg", 12.0, gases),
        ]
    return rows


def _with(key: str, value: float) -> Floats:
    acting = MODEL.at_rest()
    acting[0, MODEL.drive(key)] = value
    return acting


CASE = Case("respiration", "Blood gases, ventilation and spirometry", run)
