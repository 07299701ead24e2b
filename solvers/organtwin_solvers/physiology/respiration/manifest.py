"""What the model of respiration needs and gives."""

from __future__ import annotations

from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Drive, Parameter, Physiology, Reading

GLI = "Quanjer et al. 1993, Eur Respir J 6 Suppl 16:5 (man of 175 cm, 45 years)"
WAGNER = "Wagner et al. 1974, J Clin Invest 54:54"
LLOYD = "Lloyd and Cunningham 1963, in The Regulation of Human Respiration"
JUDGED = "judged so that resting values are normal; not measured"

PARAMETERS = (
    Parameter("total_lung_capacity", "Total lung capacity", "L", 6.9, 3.5, 11.0, 0.12, learned=True, source=GLI),
    Parameter("residual_volume", "Residual volume", "L", 2.0, 0.6, 6.0, 0.2, about="grows with trapped air", source=GLI),
    Parameter("airway_resistance", "Upstream resistance of the airways", "cm[H2O].s", 1.9, 0.5, 25.0, 0.35, learned=True,
              about="times the volume above the residual one: conductance grows with it", source=JUDGED),
    Parameter("recoil", "Shape of the lung's recoil (k)", "/cm[H2O]", 0.13, 0.05, 0.5, 0.2, about="large in emphysema",
              source="Colebatch et al. 1979, J Appl Physiol 46:683"),
    Parameter("peak_effort", "Greatest flow of effort", "L/s", 14.0, 4.0, 25.0, 0.15, source=JUDGED),
    Parameter("ventilation_perfusion_spread", "Spread of ventilation to perfusion", "1", 0.36, 0.05, 1.6, 0.25, learned=True,
              about="sd of its logarithm over the blood flow; 0.3 to 0.6 in health, about 1 in obstruction", source=WAGNER),
    Parameter("shunt", "Shunt", "1", 0.01, 0.0, 0.3, 0.01, log=False, about="part of the blood that meets no air", source=WAGNER),
    Parameter("dead_space", "Dead space of the airways", "L", 0.15, 0.05, 0.3, 0.1, source="Fowler 1948, Am J Physiol 154:405"),
    Parameter("alveolar_dead_space", "Part of the alveolar air that meets no blood", "1", 0.05, 0.0, 0.5, 0.03, log=False, source=JUDGED),
    Parameter("oxygen_uptake", "Oxygen uptake at rest", "L/min", 0.25, 0.15, 0.5, 0.1, source="3.5 mL/kg/min"),
    Parameter("respiratory_quotient", "Respiratory quotient at rest", "1", 0.82, 0.7, 1.0, 0.03, log=False, source=JUDGED),
    Parameter("maximal_oxygen_uptake", "Maximal oxygen uptake", "L/min", 2.7, 0.6, 6.0, 0.2,
              source="Kaminsky et al. 2015, Mayo Clin Proc 90:1515"),
    Parameter("cardiac_output", "Cardiac output at rest", "L/min", 5.2, 2.0, 12.0, 0.15, about="of the circulation where there is one"),
    Parameter("haemoglobin", "Haemoglobin", "g/dL", 14.5, 6.0, 21.0, 0.07, source="WHO 2011"),
    Parameter("base_excess", "Base excess", "mmol/L", 0.0, -10.0, 8.0, 1.5, log=False, about="without that which answers carbon dioxide"),
    Parameter("acid_gain", "Ventilation against acidity", "L/min/(nmol/L)", 2.0, 0.3, 6.0, 0.35,
              about="at plenty of oxygen; small in those who hold carbon dioxide back", source="Rebuck and Slutsky 1981"),
    Parameter("acid_threshold", "Acidity at which the drive begins", "nmol/L", 37.67, 34.5, 41.0, 0.6, log=False, learned=True,
              about="sets carbon dioxide at rest", source=LLOYD),
    Parameter("hypoxic_gain", "Strengthening by want of oxygen", "mm[Hg]", 30.0, 0.0, 70.0, 8.0, log=False, source=LLOYD),
    Parameter("breath_offset", "Size of the breath at rest", "1", 1.0, 0.3, 2.5, 0.2, learned=True,
              about="times the 0.3 L of Hey; sets the respiratory rate", source="Hey et al. 1966, Respir Physiol 1:193"),
    Parameter("exercise_gain", "Ventilation against carbon dioxide in exercise", "1", 25.0, 15.0, 45.0, 0.1,
              source="Sun et al. 2002, Am J Respir Crit Care Med 166:1443"),
)  # fmt: skip

READINGS = (
    Reading("spo2", "Oxygen saturation by pulse oximetry", "%", 1.5, "59408-5", measures="saturation"),
    Reading("sao2", "Arterial oxygen saturation", "%", 0.7, "2708-6", measures="saturation"),
    Reading("pao2", "Arterial oxygen pressure", "mm[Hg]", 4.0, "2703-7"),
    Reading("paco2", "Arterial carbon dioxide pressure", "mm[Hg]", 2.0, "2019-8"),
    Reading("ph", "Arterial pH", "[pH]", 0.015, "2744-1"),
    Reading("respiratory_rate", "Respiratory rate", "/min", 2.0, "9279-1"),
    Reading("minute_ventilation", "Minute ventilation", "L/min", 0.8),
    Reading("tidal_volume", "Tidal volume", "L", 0.06),
    Reading("fev1", "Forced expiratory volume in one second", "L", 0.1, "20150-9"),
    Reading("fvc", "Forced vital capacity", "L", 0.1, "19868-9"),
    Reading("fev1_fvc", "FEV1/FVC", "%", 2.0, "19926-5"),
    Reading("peak_flow", "Peak expiratory flow", "L/min", 35.0, "33452-4"),
    Reading("bicarbonate", "Arterial bicarbonate", "mmol/L", 1.0),
    Reading("venous_saturation", "Mixed venous saturation", "%", 2.0),
    Reading("oxygen_gradient", "Alveolar-arterial difference of oxygen", "mm[Hg]", 4.0),
)  # fmt: skip

DRIVES = (
    Drive("inspired_oxygen", "Inspired oxygen", "1", 0.2093, about="part of the dry air"),
    Drive("inspired_carbon_dioxide", "Inspired carbon dioxide", "mm[Hg]"),
    Drive("altitude", "Altitude", "m"),
    Drive("exercise", "Exercise", "1", about="part of the maximal oxygen uptake, 0 to 1"),
    Drive("metabolic_change", "Change of the oxygen uptake at rest", "1", about="fever +"),
    Drive("bronchodilation", "Fall of the airways' resistance", "1", about="0.2: a fifth less; negative: narrowing"),
    Drive("deflation", "Fall of the residual volume", "L", about="air no longer trapped"),
    Drive("drive_change", "Change of the drive to breathe", "1", about="opioids -"),
    Drive("cardiac_output_change", "Change of cardiac output", "L/min"),
    Drive("acute", "Part that the kidney has not yet compensated", "1", about="1: the first hour; 0: after days"),
)  # fmt: skip


# FEV1 of 85, 65, 40 and 25 % of the predicted (GOLD report 2024); spread of ventilation to perfusion rising as in Rodriguez-Roisin et
# al. 2009, J Appl Physiol 106:1902; trapped air and drive judged. Patients of one stage differ widely.
def _copd(
    resistance: float,
    total: float,
    residual: float,
    recoil: float,
    spread: float,
    gain: float,
    dead: float,
    threshold: float,
) -> dict[str, float]:
    keys = ("airway_resistance", "total_lung_capacity", "residual_volume", "recoil", "ventilation_perfusion_spread", "acid_gain",
            "alveolar_dead_space", "acid_threshold")  # fmt: skip
    return dict(zip(keys, (resistance, total, residual, recoil, spread, gain, dead, threshold), strict=True))


PERSONS = {
    "COPD, GOLD 1": _copd(3.85, 7.4, 2.4, 0.15, 0.60, 2.0, 0.08, 37.67),
    "COPD, GOLD 2": _copd(4.78, 7.3, 3.1, 0.17, 0.75, 1.8, 0.12, 37.6),
    "COPD, GOLD 3": _copd(9.49, 7.6, 4.0, 0.20, 0.85, 1.5, 0.16, 37.4),
    "COPD, GOLD 4": _copd(13.83, 7.9, 5.0, 0.22, 0.95, 1.2, 0.20, 37.2),
}

MODEL = Physiology(
    name="respiration",
    title="Respiration",
    about="Gas exchange, the control of breathing and spirometry, settled under what is breathed and done.",
    pace="day",
    parameters=PARAMETERS,
    readings=READINGS,
    drives=DRIVES,
    function="organtwin_solvers.physiology.respiration.simulator:Respiration",
    cycle="a forced expiration",
    persons=PERSONS,
    conditions={"COPD, GOLD 2": ("J43", "J44", "chronic obstructive", "copd", "emphysema", "pulmonary emphysema")},  # the most frequent stage
    sheet=DataSheet(
        purpose="Blood gases, ventilation and spirometry of a resting or exercising adult, in health and with obstructed airways.",
        sources=(
            "West 1969, Respir Physiol 7:88; " + WAGNER + " (exchange)",
            "Severinghaus 1979, Kelman 1966, Douglas 1988, J Appl Physiol 46:599, 21:1375, 65:473 (blood)",
            LLOYD + " (drive), on acidity",
            "Hey et al. 1966, Respir Physiol 1:193 (breaths)",
            "Mead et al. 1967, J Appl Physiol 22:95; Salazar and Knowles 1964, 19:97 (forced expiration)",
            "West 1996, J Appl Physiol 81:1850 (pressure at altitude)",
        ),
        validity="Adults in a steady state, awake. Not: asleep, ventilated, minutes of change; diffusion does not limit (it does at heavy "
        "exercise at altitude and in fibrosis).",
        bias="The pulse oximeter is taken as true; it reads 1 to 3 % high in dark skin (Sjoding 2020). Obstruction, trapped air and spread of "
        "ventilation to perfusion are separate parameters: a patient with one usually has the others, which the prior does not know. "
        "The drive's gains differ threefold between healthy persons. Lactic acid of hard exercise is left out: ventilation is a fifth too "
        "low, and carbon dioxide some mmHg too high, near the maximal oxygen uptake.",
        verified_by=("respiration",),
    ),
)  # fmt: skip
