"""The readings that the twin knows: LOINC code, name, the one unit it is kept in, what can be and what is usual.

A reading whose code is not here, whose unit cannot be turned into the one here, or whose value cannot be is set aside with
a reason, never guessed at. To add one is to add a line to the table.

Codes and names are those of LOINC (loinc.org); those of the ventricle are as in DICOM PS3.16 CID 12202. The limits of what
can be lie outside everything ever reported of a living person: they catch slips of the keyboard and of units, not illness.
What is usual is for adults at rest and is a help to the eye in a plot, not a diagnosis; each has its source.
Codes that LOINC has since replaced, or has for other methods of the same measurement, are taken for the one named first.
No LOINC code for a dose of insulin could be verified, so the two here are this program's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.timeline.ucum import conversion, ucum

LOINC = "http://loinc.org"
OWN = "urn:organtwin:reading"

Group = Literal["circulation", "breathing", "glucose", "body", "activity", "laboratory"]


@dataclass(frozen=True)
class Code:
    """A kind of reading. ``unit`` is a UCUM name; ``possible`` and ``usual`` are in it.

    ``adds``: values are amounts over a time (steps, grams) that may be summed, not levels. ``same`` are codes of LOINC that are
    taken for this one (other methods, or amounts in place of masses); ``names`` what other programs call it.
    ``molar_mass`` is in g/mol; ``more`` has conversions that only this reading has, unit to (a, b) of a * value + b.
    """

    loinc: str
    title: str
    unit: str
    group: Group
    possible: tuple[float, float]
    usual: tuple[float, float] | None = None
    source: str = ""
    adds: bool = False
    same: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    molar_mass: float | None = None
    more: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    short: str = ""

    @property
    def system(self) -> str:
        return OWN if self.loinc.startswith("insulin-") else LOINC

    @property
    def label(self) -> str:
        """A few letters for an axis."""
        return self.short or self.title

    def turned(self, unit: str) -> tuple[float, float] | None:
        """``(a, b)`` so that ``a * value + b`` is in this reading's unit; None where ``unit`` is unknown or of something else."""
        name = ucum(unit)
        if name is None:
            return None
        if name in self.more:
            return self.more[name]
        return conversion(name, self.unit, self.molar_mass)


# HbA1c: the master equation NGSP % = 0.09148 IFCC + 2.152 (Hoelzel et al., Clin Chem 2004)
_IFCC = {"mmol/mol": (0.09148, 2.152)}
_VALENCE_1 = {"meq/L": (1.0, 0.0)}
_HK = "HKQuantityTypeIdentifier"

_ACC = "Whelton et al., J Am Coll Cardiol 2018"
_NEWS = "Royal College of Physicians, NEWS2, 2017"
_LANG = "Lang et al., J Am Soc Echocardiogr 2015, women and men together"
_ADA = "American Diabetes Association, Standards of Care, Diabetes Care 2024"
_TIR = "Battelino et al., Diabetes Care 2019, time in range"
_KRATZ = "Kratz et al., N Engl J Med 2004"
_ATP = "NCEP ATP III, JAMA 2001"

TABLE: tuple[Code, ...] = (
    # -- circulation
    Code("8480-6", "Systolic blood pressure", "mm[Hg]", "circulation", (20, 400), (90, 120), _ACC, short="Systolic",
         names=(f"{_HK}BloodPressureSystolic", "systolic", "sys", "sbp", "systolic_pressure", "blood_pressure_systolic", "systolic bp", "bp sys", "bp systolic", "systolisch", "systole", "blutdruck systolisch", "systolique", "sistólica"),
         same=("76534-7", "8459-0", "8460-8", "8461-6", "75997-7")),
    Code("8462-4", "Diastolic blood pressure", "mm[Hg]", "circulation", (5, 300), (60, 80), _ACC, short="Diastolic",
         names=(f"{_HK}BloodPressureDiastolic", "diastolic", "dia", "dbp", "diastolic_pressure", "blood_pressure_diastolic", "diastolic bp", "bp dia", "bp diastolic", "diastolisch", "diastole", "blutdruck diastolisch", "diastolique", "diastólica"),
         same=("76535-4", "8453-3", "8454-1", "8455-8", "75995-1")),
    Code("8478-0", "Mean arterial pressure", "mm[Hg]", "circulation", (10, 330), (70, 100), _KRATZ, short="Mean pressure",
         names=("map", "mean_arterial_pressure", "mean arterial pressure"), same=("76536-2",)),
    Code("8867-4", "Heart rate", "/min", "circulation", (15, 350), (51, 90), _NEWS,
         names=(f"{_HK}HeartRate", "heart_rate", "heartrate", "hr", "bpm", "pulse", "pulse_rate", "heart rate", "puls", "herzfrequenz", "pouls", "pulso"),
         same=("8889-8", "8893-0", "76282-3")),
    Code("40443-4", "Resting heart rate", "/min", "circulation", (15, 250), (51, 90), _NEWS, short="Resting rate",
         names=(f"{_HK}RestingHeartRate", "resting_heart_rate", "restingheartrate", "rhr", "resting heart rate")),
    Code("80404-7", "Heart rate variability (SDNN)", "ms", "circulation", (0, 600), short="SDNN",
         names=(f"{_HK}HeartRateVariabilitySDNN", "hrv", "sdnn", "hrv_sdnn")),
    Code("20562-5", "Stroke volume", "mL", "circulation", (5, 300), (60, 100), _KRATZ,
         names=("stroke_volume", "stroke volume", "sv")),
    Code("8741-1", "Cardiac output", "L/min", "circulation", (0.4, 45), (4, 8), _KRATZ,
         names=("cardiac_output", "cardiac output", "co"), same=("8737-9",)),
    Code("10230-1", "Left ventricular ejection fraction", "%", "circulation", (2, 95), (52, 74), _LANG, short="LVEF",
         names=("lvef", "ejection_fraction", "ejection fraction", "ef"), same=("18043-0", "8806-2", "77889-4")),
    Code("18026-5", "Left ventricular end-diastolic volume", "mL", "circulation", (10, 800), (46, 150), _LANG, short="LV EDV",
         names=("lvedv", "edv", "end_diastolic_volume"), same=("8821-1",)),
    Code("18148-7", "Left ventricular end-systolic volume", "mL", "circulation", (2, 700), (14, 61), _LANG, short="LV ESV",
         names=("lvesv", "esv", "end_systolic_volume"), same=("8823-7",)),
    Code("8440-0", "Pulmonary artery systolic pressure", "mm[Hg]", "circulation", (3, 200), (15, 30), _KRATZ, short="PA systolic"),
    Code("8385-7", "Pulmonary artery diastolic pressure", "mm[Hg]", "circulation", (0, 150), (4, 12), _KRATZ, short="PA diastolic"),
    Code("8414-5", "Pulmonary artery mean pressure", "mm[Hg]", "circulation", (1, 160), (9, 20), _KRATZ, short="PA mean"),
    Code("60985-9", "Central venous pressure", "mm[Hg]", "circulation", (-10, 60), (0, 8), _KRATZ, short="CVP", same=("8591-0",)),
    Code("94122-9", "Maximal oxygen uptake", "mL/kg/min", "circulation", (4, 100), short="VO2max",
         names=(f"{_HK}VO2Max", "vo2max", "vo2_max", "vo2 max")),
    # -- breathing
    Code("9279-1", "Respiratory rate", "/min", "breathing", (2, 120), (12, 20), _NEWS,
         names=(f"{_HK}RespiratoryRate", "respiratory_rate", "respiration", "breathing_rate", "respiratory rate", "rr", "atemfrequenz")),
    Code("59408-5", "Oxygen saturation by pulse oximetry", "%", "breathing", (20, 100), (96, 100), _NEWS, short="SpO2",
         names=(f"{_HK}OxygenSaturation", "spo2", "oxygen_saturation", "blood oxygen", "oxygen saturation", "sp02", "sauerstoffsättigung")),
    Code("2708-6", "Oxygen saturation in arterial blood", "%", "breathing", (20, 100), (95, 100), _KRATZ, short="SaO2",
         names=("sao2",), same=("20564-1",)),
    Code("2703-7", "Arterial oxygen pressure", "mm[Hg]", "breathing", (10, 760), (80, 100), _KRATZ, short="PaO2",
         names=("pao2", "po2")),
    Code("2019-8", "Arterial carbon dioxide pressure", "mm[Hg]", "breathing", (5, 300), (35, 45), _KRATZ, short="PaCO2",
         names=("paco2", "pco2")),
    Code("2744-1", "Arterial pH", "[pH]", "breathing", (6.3, 8.0), (7.35, 7.45), _KRATZ, short="pH", more={"1": (1.0, 0.0)}),
    Code("20150-9", "Forced expiratory volume in one second", "L", "breathing", (0.1, 9), short="FEV1",
         names=(f"{_HK}ForcedExpiratoryVolume1", "fev1")),
    Code("19868-9", "Forced vital capacity", "L", "breathing", (0.1, 11), short="FVC",
         names=(f"{_HK}ForcedVitalCapacity", "fvc"), same=("19870-5",)),
    Code("19926-5", "FEV1/FVC", "%", "breathing", (5, 100), (70, 100), "GOLD report 2024", names=("fev1_fvc", "fev1/fvc")),
    Code("33452-4", "Peak expiratory flow", "L/min", "breathing", (20, 1200), short="Peak flow",
         names=(f"{_HK}PeakExpiratoryFlowRate", "pef", "peak_flow", "peak flow"), same=("19935-6",)),
    Code("3151-8", "Inhaled oxygen flow", "L/min", "breathing", (0, 100), short="Oxygen"),
    Code("3150-0", "Inhaled oxygen concentration", "%", "breathing", (15, 100), short="FiO2"),
    Code("1960-4", "Bicarbonate in arterial blood", "mmol/L", "breathing", (1, 80), (22, 26), _KRATZ, short="HCO3",
         more={"meq/L": (1.0, 0.0)}),
    # -- glucose
    Code("2339-0", "Glucose in blood", "mg/dL", "glucose", (5, 3000), (70, 180), _TIR, short="Glucose", molar_mass=180.156,
         names=("glucose", "blood_glucose", "blood glucose", "blutzucker", "glukose", "glycémie", "glucosa"), same=("15074-8",)),
    Code("2345-7", "Glucose in serum or plasma", "mg/dL", "glucose", (5, 3000), (70, 140), _ADA, short="Glucose, plasma",
         molar_mass=180.156, same=("14749-6", "1558-6", "14771-0")),
    Code("99504-3", "Glucose in interstitial fluid", "mg/dL", "glucose", (10, 700), (70, 180), _TIR, short="Glucose, sensor",
         molar_mass=180.156, names=("cgm", "sgv", "interstitial glucose"), same=("105272-9",)),
    Code("41653-7", "Glucose in capillary blood by glucometer", "mg/dL", "glucose", (5, 3000), (70, 180), _TIR,
         short="Glucose, meter", molar_mass=180.156, names=(f"{_HK}BloodGlucose", "bgm", "smbg", "capillary glucose"),
         same=("14743-9", "32016-8")),
    Code("4548-4", "Haemoglobin A1c", "%", "glucose", (2, 25), (4, 5.6), _ADA, short="HbA1c", more=_IFCC,
         names=("hba1c", "a1c"), same=("17856-6", "59261-8", "4549-2", "71875-9")),
    Code("insulin-rapid", "Rapid-acting insulin given", "[iU]", "glucose", (0, 300), adds=True, short="Insulin, rapid",
         names=("rapid insulin", "bolus", "rapid-acting insulin")),
    Code("insulin-long", "Long-acting insulin given", "[iU]", "glucose", (0, 400), adds=True, short="Insulin, long",
         names=("long insulin", "basal", "long-acting insulin")),
    Code("9059-7", "Carbohydrate intake", "g", "glucose", (0, 1500), adds=True, short="Carbohydrates",
         names=(f"{_HK}DietaryCarbohydrates", "carbs", "carbohydrates", "carb")),
    # -- body
    Code("29463-7", "Body weight", "kg", "body", (0.3, 650), short="Weight",
         names=(f"{_HK}BodyMass", "weight", "body_weight", "body weight", "body_mass", "gewicht", "körpergewicht", "poids", "peso"), same=("3141-9", "3142-7", "8335-2")),
    Code("8302-2", "Body height", "cm", "body", (20, 275), short="Height",
         names=(f"{_HK}Height", "height", "body_height", "größe", "körpergröße", "taille", "altura"), same=("3137-7", "3138-5", "8306-3", "8308-9")),
    Code("39156-5", "Body mass index", "kg/m2", "body", (5, 210), (18.5, 25), "WHO Technical Report 894, 2000", short="BMI",
         names=(f"{_HK}BodyMassIndex", "bmi")),
    Code("41982-0", "Body fat", "%", "body", (1, 85), names=(f"{_HK}BodyFatPercentage", "body_fat", "fat")),
    Code("8310-5", "Body temperature", "Cel", "body", (11, 47), (36.1, 38.0), _NEWS, short="Temperature",
         names=(f"{_HK}BodyTemperature", "temperature", "body_temperature", "temperatur", "körpertemperatur", "température", "temperatura"), same=("8331-1", "8328-7", "8332-9", "8333-7")),
    Code("8280-0", "Waist circumference", "cm", "body", (20, 400), short="Waist", names=(f"{_HK}WaistCircumference", "waist")),
    # -- activity and sleep
    Code("55423-8", "Steps", "{steps}", "activity", (0, 300_000), adds=True,
         names=(f"{_HK}StepCount", "steps", "step_count", "stepcount", "schritte"), same=("41950-7",)),
    Code("55411-3", "Exercise", "min", "activity", (0, 1440), adds=True, short="Exercise",
         names=(f"{_HK}AppleExerciseTime", "exercise_minutes", "active minutes", "active_minutes", "exercise")),
    Code("41981-2", "Energy burned in activity", "kcal", "activity", (0, 30_000), adds=True, short="Energy",
         names=(f"{_HK}ActiveEnergyBurned", "active_calories", "active calories", "activity calories")),
    Code("55430-3", "Distance walked", "m", "activity", (0, 500_000), adds=True, short="Distance",
         names=(f"{_HK}DistanceWalkingRunning", "distance")),
    Code("100304-5", "Flights of stairs climbed", "{count}", "activity", (0, 5000), adds=True, short="Flights",
         names=(f"{_HK}FlightsClimbed", "floors", "flights_climbed")),
    Code("93832-4", "Sleep duration", "h", "activity", (0, 48), (7, 9), "Watson et al., Sleep 2015", adds=True, short="Sleep",
         names=("sleep", "sleep_duration", "minutes asleep", "sleep duration")),
    Code("64098-7", "Six-minute walk distance", "m", "activity", (1, 1500), short="Six-minute walk", names=("6mwd", "six minute walk")),
    Code("72514-3", "Pain severity", "{score}", "body", (0, 10), short="Pain", more={"1": (1.0, 0.0), "{count}": (1.0, 0.0)},
         names=("pain",)),
    # -- laboratory
    Code("2160-0", "Creatinine in serum or plasma", "mg/dL", "laboratory", (0.05, 75), (0.5, 1.3), _KRATZ, short="Creatinine",
         molar_mass=113.12, names=("creatinine",), same=("14682-9", "38483-4")),
    Code("33914-3", "Estimated glomerular filtration rate", "mL/min/{1.73_m2}", "laboratory", (0, 250), (60, 150),
         "KDIGO 2012, category G3a begins below 60", short="eGFR", names=("egfr",),
         same=("62238-1", "98979-8", "48642-3", "48643-1", "69405-9", "77147-7")),
    Code("33762-6", "NT-proBNP in serum or plasma", "pg/mL", "laboratory", (0.5, 300_000), (0, 125),
         "McDonagh et al., Eur Heart J 2021", short="NT-proBNP", molar_mass=8457.0, names=("nt-probnp", "ntprobnp"),
         same=("33763-4", "83107-3")),
    Code("42637-9", "BNP in serum or plasma", "pg/mL", "laboratory", (0.5, 50_000), (0, 35), "McDonagh et al., Eur Heart J 2021",
         short="BNP", molar_mass=3464.0, names=("bnp",), same=("30934-4",)),
    Code("2093-3", "Total cholesterol in serum or plasma", "mg/dL", "laboratory", (10, 3000), (0, 200), _ATP,
         short="Cholesterol", molar_mass=386.65, names=("cholesterol", "total cholesterol"), same=("14647-2",)),
    Code("13457-7", "LDL cholesterol in serum or plasma", "mg/dL", "laboratory", (1, 2500), (0, 130), _ATP, short="LDL",
         molar_mass=386.65, names=("ldl",), same=("18262-6", "2089-1", "22748-8", "39469-2")),
    Code("2085-9", "HDL cholesterol in serum or plasma", "mg/dL", "laboratory", (1, 300), (40, 100), _ATP, short="HDL",
         molar_mass=386.65, names=("hdl",), same=("14646-4",)),
    Code("2571-8", "Triglycerides in serum or plasma", "mg/dL", "laboratory", (5, 30_000), (0, 150), _ATP,
         short="Triglycerides", molar_mass=885.4, names=("triglycerides",), same=("14927-8",)),
    Code("2823-3", "Potassium in serum or plasma", "mmol/L", "laboratory", (0.8, 15), (3.5, 5.0), _KRATZ, short="Potassium",
         more=_VALENCE_1, names=("potassium",), same=("6298-4",)),
    Code("2951-2", "Sodium in serum or plasma", "mmol/L", "laboratory", (85, 210), (136, 145), _KRATZ, short="Sodium",
         more=_VALENCE_1, names=("sodium",), same=("2947-0",)),
    Code("2075-0", "Chloride in serum or plasma", "mmol/L", "laboratory", (50, 180), (98, 107), _KRATZ, short="Chloride",
         more=_VALENCE_1, names=("chloride",), same=("2069-3",)),
    Code("2028-9", "Carbon dioxide, total, in serum or plasma", "mmol/L", "laboratory", (1, 80), (22, 30), _KRATZ, short="CO2",
         more=_VALENCE_1, names=("bicarbonate",), same=("20565-8", "1963-8")),
    Code("17861-6", "Calcium in serum or plasma", "mg/dL", "laboratory", (2, 30), (8.5, 10.5), _KRATZ, short="Calcium",
         molar_mass=40.078, names=("calcium",), same=("49765-1", "2000-8")),
    Code("19123-9", "Magnesium in serum or plasma", "mg/dL", "laboratory", (0.2, 20), (1.5, 2.5), _KRATZ, short="Magnesium",
         molar_mass=24.305, names=("magnesium",), same=("2601-3",)),
    Code("2777-1", "Phosphate in serum or plasma", "mg/dL", "laboratory", (0.2, 40), (2.6, 4.5), _KRATZ, short="Phosphate",
         molar_mass=30.974, names=("phosphate",), same=("14879-1",)),
    Code("3094-0", "Urea nitrogen in serum or plasma", "mg/dL", "laboratory", (0.5, 400), (8, 20), _KRATZ, short="Urea nitrogen",
         molar_mass=28.014, names=("bun", "urea nitrogen"), same=("6299-2", "22664-7", "14937-7")),
    Code("3084-1", "Uric acid in serum or plasma", "mg/dL", "laboratory", (0.1, 60), (2.5, 8), _KRATZ, short="Uric acid",
         molar_mass=168.11, names=("uric acid",), same=("14933-6",)),
    Code("1751-7", "Albumin in serum or plasma", "g/dL", "laboratory", (0.5, 9), (3.5, 5.5), _KRATZ, short="Albumin",
         names=("albumin",)),
    Code("2885-2", "Protein in serum or plasma", "g/dL", "laboratory", (1, 20), (5.5, 8), _KRATZ, short="Protein"),
    Code("1975-2", "Bilirubin in serum or plasma", "mg/dL", "laboratory", (0, 90), (0.3, 1.0), _KRATZ, short="Bilirubin",
         molar_mass=584.66, names=("bilirubin",), same=("14631-6",)),
    Code("1742-6", "Alanine aminotransferase", "U/L", "laboratory", (0, 40_000), (0, 35), _KRATZ, short="ALT", names=("alt",)),
    Code("1920-8", "Aspartate aminotransferase", "U/L", "laboratory", (0, 40_000), (0, 35), _KRATZ, short="AST", names=("ast",)),
    Code("6768-6", "Alkaline phosphatase", "U/L", "laboratory", (0, 10_000), (30, 120), _KRATZ, short="ALP", names=("alp",)),
    Code("6690-2", "Leukocytes in blood", "10*3/uL", "laboratory", (0, 1500), (4.5, 11), _KRATZ, short="Leukocytes",
         names=("wbc", "leukocytes"), same=("26464-8", "804-5")),
    Code("789-8", "Erythrocytes in blood", "10*6/uL", "laboratory", (0.2, 15), (4, 6), _KRATZ, short="Erythrocytes",
         names=("rbc",), same=("26453-1",)),
    Code("777-3", "Platelets in blood", "10*3/uL", "laboratory", (0, 5000), (150, 350), _KRATZ, short="Platelets",
         names=("platelets",), same=("26515-7",)),
    Code("4544-3", "Haematocrit", "%", "laboratory", (3, 80), (36, 51), _KRATZ, names=("hematocrit",), same=("20570-8", "71833-8")),
    Code("787-2", "Mean corpuscular volume", "fL", "laboratory", (30, 180), (80, 100), _KRATZ, short="MCV", same=("30428-7",)),
    Code("6301-6", "INR", "{INR}", "laboratory", (0.3, 30), more={"1": (1.0, 0.0)}, same=("34714-6",)),
    Code("3016-3", "Thyrotropin in serum or plasma", "m[iU]/L", "laboratory", (0, 1000), (0.5, 5), _KRATZ, short="TSH",
         names=("tsh",), same=("11580-8",)),
    Code("2276-4", "Ferritin in serum or plasma", "ng/mL", "laboratory", (0, 200_000), short="Ferritin", names=("ferritin",)),
    Code("2524-7", "Lactate in serum or plasma", "mmol/L", "laboratory", (0.05, 60), (0.5, 2.2), _KRATZ, short="Lactate",
         molar_mass=90.08, names=("lactate",), same=("32693-4",)),
    Code("9318-7", "Albumin to creatinine in urine", "mg/g", "laboratory", (0, 50_000), (0, 30), "KDIGO 2012, category A1",
         short="Urine ACR", more={"mg/mmol": (8.84, 0.0)}, names=("uacr", "acr"), same=("14959-1", "32294-1")),
    Code("718-7", "Haemoglobin in blood", "g/dL", "laboratory", (1, 27), (12, 17.5), _KRATZ, short="Haemoglobin",
         molar_mass=16114.5,
         names=("hemoglobin", "haemoglobin")),
    Code("1988-5", "C-reactive protein in serum or plasma", "mg/L", "laboratory", (0, 1200), (0, 10), _KRATZ, short="CRP",
         names=("crp",), same=("30522-7",)),
)  # fmt: skip

CODES: dict[str, Code] = {code.loinc: code for code in TABLE}

# a panel has no value of its own; these are the codes of its parts
PANELS: dict[str, tuple[str, ...]] = {
    "85354-9": ("8480-6", "8462-4", "8478-0"),  # blood pressure
    "55284-4": ("8480-6", "8462-4"),  # the same, deprecated
    "34552-0": ("8480-6", "8462-4"),
}
BLOOD_PRESSURE = "85354-9"


@cache
def _by_name() -> dict[str, Code]:
    found: dict[str, Code] = {}
    for code in TABLE:
        for name in (code.loinc, code.title, *code.same, *code.names):
            found.setdefault(name.lower(), code)
    return found


def find(name: str) -> Code | None:
    """The reading that a LOINC code, an identifier of HealthKit or a column's name stands for."""
    return _by_name().get(name.strip().lower())


def code(loinc: str) -> Code:
    """The reading of that LOINC code (or another name of it).

    Raises
    ------
    BadInput
        When it is not in the table.
    """
    found = find(loinc)
    if found is None:
        raise BadInput(f"'{loinc}' is no reading that is known here", remedy="'organtwin readings codes' lists them.")
    return found


@overload
def in_unit(loinc: str, values: float, unit: str) -> float: ...
@overload
def in_unit(loinc: str, values: NDArray[np.float64] | Sequence[float], unit: str) -> NDArray[np.float64]: ...


def in_unit(
    loinc: str, values: float | NDArray[np.float64] | Sequence[float], unit: str
) -> float | NDArray[np.float64]:
    """Values in ``unit`` as values in the reading's own unit.

    Raises
    ------
    BadInput
        When the reading is unknown, or cannot be told in that unit.
    """
    known = code(loinc)
    turn = known.turned(unit)
    if turn is None:
        raise BadInput(f"{known.title} cannot be in '{unit}'", remedy=f"It is kept in {known.unit}.")
    if isinstance(values, int | float):
        return turn[0] * values + turn[1]
    return turn[0] * np.asarray(values, np.float64) + turn[1]
