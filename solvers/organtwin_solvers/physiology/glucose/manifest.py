"""What the model of glucose and insulin needs and gives."""

from __future__ import annotations

from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Drive, Parameter, Physiology, Reading

MEAL = "Dalla Man et al. 2007, IEEE Trans Biomed Eng 54:1740 (normal subject)"
PADOVA = "Kovatchev et al. 2009, J Diabetes Sci Technol 3:44 (S2008 simulator)"
WIDE = 0.3  # spread of the logarithm, about that among the adults of the simulator

PARAMETERS = (
    Parameter("body_weight", "Body weight", "kg", 78.0, 15.0, 250.0, 0.2, source=MEAL),
    Parameter("fasting_glucose", "Fasting glucose", "mg/dL", 91.8, 60.0, 350.0, 0.15, learned=True,
              about="with the usual basal insulin, if any", source=MEAL),
    Parameter("fasting_insulin", "Fasting insulin in plasma", "pmol/L", 25.5, 5.0, 250.0, 0.4,
              about="where basal insulin is injected: what it keeps up", source=MEAL),
    Parameter("sensitivity", "Sensitivity to insulin", "1", 1.0, 0.1, 5.0, 0.4, learned=True,
              about="multiplies both effects of insulin, on uptake and on production"),
    Parameter("uptake_by_insulin", "Effect of insulin on uptake (Vmx)", "mg.L/kg/min/pmol", 0.047, 0.005, 0.3, WIDE, source=MEAL),
    Parameter("production_by_insulin", "Effect of insulin on production (kp3)", "mg.L/kg/min/pmol", 0.009, 0.001, 0.08, WIDE, source=MEAL),
    Parameter("production_by_portal_insulin", "Effect of portal insulin on production (kp4)", "mg/min/pmol", 0.0618, 0.0, 0.2, 0.02,
              log=False, source=MEAL),
    Parameter("production_by_glucose", "Effect of glucose on production (kp2)", "/min", 0.0021, 0.0003, 0.03, WIDE, source=MEAL),
    Parameter("production", "Production of glucose, fasting (EGPb)", "mg/kg/min", 1.92, 1.3, 4.5, 0.15, source=MEAL),
    Parameter("uptake_half", "Half saturation of uptake (Km0)", "mg/kg", 225.6, 100.0, 600.0, 0.15, source=MEAL),
    Parameter("uptake_constant", "Uptake that does not depend on insulin (Fcns)", "mg/kg/min", 1.0, 0.5, 1.2, 0.05, log=False, source=MEAL),
    Parameter("k1", "Glucose, plasma to tissue (k1)", "/min", 0.065, 0.02, 0.2, WIDE, source=MEAL),
    Parameter("k2", "Glucose, tissue to plasma (k2)", "/min", 0.079, 0.03, 0.6, WIDE, source=MEAL),
    Parameter("glucose_volume", "Volume of distribution of glucose", "dL/kg", 1.88, 1.2, 2.5, 0.08, source=MEAL),
    Parameter("insulin_volume", "Volume of distribution of insulin", "L/kg", 0.05, 0.025, 0.1, 0.15, source=MEAL),
    Parameter("insulin_clearance", "Clearance of insulin", "L/min", 1.888, 0.2, 4.0, 0.25, source=MEAL),
    Parameter("hepatic_extraction", "Hepatic extraction of insulin, fasting", "1", 0.6, 0.3, 0.8, 0.05, log=False, source=MEAL),
    Parameter("m1", "Insulin, liver to plasma (m1)", "/min", 0.19, 0.08, 0.5, WIDE, source=MEAL),
    Parameter("m5", "Extraction against secretion (m5)", "min.kg/pmol", 0.0304, 0.0, 0.08, 0.01, log=False, source=MEAL),
    Parameter("action_delay", "Insulin's delay on uptake (p2U)", "/min", 0.0331, 0.008, 0.12, WIDE, source=MEAL),
    Parameter("production_delay", "Insulin's delay on production (ki)", "/min", 0.0079, 0.002, 0.05, WIDE, source=MEAL),
    Parameter("absorption", "Absorption from the gut (kabs)", "/min", 0.057, 0.01, 1.3, WIDE, learned=True, source=MEAL),
    Parameter("emptying_fast", "Emptying of the stomach, fastest (kmax)", "/min", 0.0558, 0.012, 0.15, WIDE, source=MEAL),
    Parameter("emptying_slow", "Emptying of the stomach, slowest (kmin)", "/min", 0.008, 0.002, 0.026, WIDE, source=MEAL),
    Parameter("emptying_b", "Part of the meal at which emptying slows (b)", "1", 0.82, 0.5, 0.99, 0.05, log=False, source=MEAL),
    Parameter("emptying_d", "Part of the meal at which emptying recovers (d)", "1", 0.01, 0.005, 0.4, 0.5, source=MEAL),
    Parameter("bioavailability", "Part of a meal that reaches the blood (f)", "1", 0.9, 0.5, 1.0, 0.03, log=False, source=MEAL),
    Parameter("renal_rate", "Excretion above the threshold (ke1)", "/min", 0.0005, 0.0, 0.003, 0.0002, log=False, source=MEAL),
    Parameter("renal_threshold", "Threshold of excretion (ke2)", "mg/kg", 339.0, 200.0, 500.0, 0.1, source=MEAL),
    Parameter("own_insulin", "Part of the basal insulin that is the body's own", "1", 1.0, 0.0, 1.0, 0.1, log=False,
              about="1 without injected basal insulin, 0 in type 1 diabetes", source=MEAL),
    Parameter("beta_static", "Secretion against glucose (beta)", "pmol.dL/kg/min/mg", 0.11, 0.0, 0.5, 0.04, log=False, learned=True,
              about="the standing answer of the beta cells", source=MEAL),
    Parameter("beta_dynamic", "Secretion against the rise of glucose (K)", "pmol.dL/kg/mg", 2.3, 0.0, 6.0, 0.6, log=False, source=MEAL),
    Parameter("beta_rate", "Rate of the standing answer (alpha)", "/min", 0.05, 0.005, 0.2, WIDE, source=MEAL),
    Parameter("portal_rate", "Rate of secretion into the portal vein (gamma)", "/min", 0.5, 0.2, 1.0, 0.1, source=MEAL),
    Parameter("depot_rate", "Injected insulin, first to second depot (kd)", "/min", 0.0164, 0.008, 0.03, 0.1, source=PADOVA),
    Parameter("depot_fast", "Injected insulin, first depot to plasma (ka1)", "/min", 0.0034, 0.0005, 0.012, WIDE, source=PADOVA),
    Parameter("depot_slow", "Injected insulin, second depot to plasma (ka2)", "/min", 0.0157, 0.004, 0.04, WIDE, source=PADOVA),
    Parameter("sensor_rate", "Plasma to interstitial fluid (ksc)", "/min", 0.09, 0.03, 0.3, 0.2, source=PADOVA),
    Parameter("glycation_time", "Memory of HbA1c", "d", 36.0, 20.0, 60.0, 0.1,
              source="Tahara and Shima 1995, Diabetes Care 18:440 (half of it from the last 35 days)"),
)  # fmt: skip

READINGS = (
    Reading("plasma_glucose", "Glucose in plasma", "mg/dL", 5.0, "2345-7", measures="glucose"),
    Reading("blood_glucose", "Glucose in blood", "mg/dL", 7.0, "2339-0", "reported as plasma", "glucose"),
    Reading("capillary_glucose", "Glucose by meter", "mg/dL", 10.0, "41653-7", "ISO 15197 allows 15 mg/dL or 15 %", "glucose"),
    Reading("sensor_glucose", "Glucose by sensor", "mg/dL", 13.0, "99504-3", "interstitial: some 10 minutes later", "glucose"),
    Reading("mean_glucose", "Mean glucose of the last weeks", "mg/dL", 12.0),
    Reading("hba1c", "HbA1c", "%", 0.25, "4548-4", "of the mean glucose: (mean + 46.7) / 28.7"),
    Reading("insulin", "Insulin in plasma", "pmol/L", 10.0),
    Reading("insulin_on_board", "Injected insulin still in its depot", "[iU]", 0.5),
)  # fmt: skip

DRIVES = (
    Drive("carbohydrates", "Carbohydrates eaten", "g/min", about="the mean of the day where times are days apart"),
    Drive("insulin", "Insulin injected beside the usual basal", "[iU]/min", about="bolus"),
    Drive("basal_change", "Change of the basal insulin", "1", about="-1: none"),
    Drive("exercise", "Exercise", "1", about="part of the maximal oxygen uptake, 0 to 1"),
    Drive("sensitivity_change", "Change of sensitivity to insulin", "1", about="training +, weight lost +, infection -, short sleep -"),
    Drive("production_change", "Change of the liver's production", "1", about="metformin -"),
    Drive("absorption_change", "Change of the speed of absorption", "1", about="slow carbohydrates, GLP-1 agonist -"),
    Drive("secretion_change", "Change of the answer of the beta cells", "1", about="sulfonylurea, GLP-1 agonist +"),
    Drive("excretion", "Added clearance of glucose by the kidney", "dL/min", about="SGLT2 inhibitor: about 0.3"),
    Drive("weight_change", "Change of body weight", "kg"),
)  # fmt: skip

# Dalla Man 2007, table 1
TYPE_2 = {
    "body_weight": 91.0, "fasting_glucose": 164.2, "fasting_insulin": 54.8, "uptake_by_insulin": 0.034, "production_by_insulin": 0.005,
    "production_by_portal_insulin": 0.0786, "production_by_glucose": 0.0007, "production": 2.01, "uptake_half": 466.2, "k1": 0.042,
    "k2": 0.071, "glucose_volume": 1.49, "insulin_volume": 0.04, "insulin_clearance": 2.45, "m1": 0.379, "m5": 0.0526,
    "action_delay": 0.084, "production_delay": 0.0066, "absorption": 0.023, "emptying_fast": 0.0465, "emptying_slow": 0.0076,
    "emptying_b": 0.68, "emptying_d": 0.09, "renal_rate": 0.0007, "renal_threshold": 269.0, "beta_static": 0.05, "beta_dynamic": 0.99,
    "beta_rate": 0.013,
}  # fmt: skip
# mean of the ten adults of the S2008 simulator
TYPE_1 = {
    "body_weight": 86.1, "fasting_glucose": 142.8, "fasting_insulin": 108.5, "uptake_by_insulin": 0.0537, "production_by_insulin": 0.00951,
    "production_by_portal_insulin": 0.0, "production_by_glucose": 0.00419, "production": 2.51, "uptake_half": 236.7, "k1": 0.0625,
    "k2": 0.129, "glucose_volume": 1.85, "insulin_volume": 0.0525, "insulin_clearance": 1.16, "m1": 0.2, "action_delay": 0.0339,
    "production_delay": 0.00843, "absorption": 0.21, "emptying_fast": 0.0387, "emptying_slow": 0.00739, "emptying_b": 0.785,
    "emptying_d": 0.179, "depot_rate": 0.0159, "depot_fast": 0.00337, "depot_slow": 0.0159, "sensor_rate": 0.0954, "own_insulin": 0.0,
    "beta_static": 0.0,
}  # fmt: skip

MODEL = Physiology(
    name="glucose",
    title="Glucose and insulin",
    about="Meals, insulin of the body's own and injected, the liver, the tissues, activity: minute by minute.",
    pace="minute",
    parameters=PARAMETERS,
    readings=READINGS,
    drives=DRIVES,
    function="organtwin_solvers.physiology.glucose.simulator:Glucose",
    cycle="a day",
    persons={"type 1 diabetes": TYPE_1, "type 2 diabetes": TYPE_2},
    conditions={"type 1 diabetes": ("E10", "type 1 diabetes", "type i diabetes", "diabetes mellitus type 1", "diabetes mellitus, type 1", "diabetes type 1")},
    sheet=DataSheet(
        purpose="Glucose after meals, insulin and activity in health and in diabetes of type 1 and 2, and the HbA1c that follows.",
        sources=(
            PADOVA + ", as in simglucose 0.2 (Xie 2018)",
            "Dalla Man et al. 2007, IEEE Trans Biomed Eng 54:1740 (meal, secretion, liver's extraction)",
            "Dalla Man et al. 2009, J Diabetes Sci Technol 3:56 (form of the effect of activity)",
            "Nathan et al. 2008, Diabetes Care 31:1473 (HbA1c from mean glucose)",
            "Tahara and Shima 1995, Diabetes Care 18:440 (memory of HbA1c)",
        ),
        validity="Adults and, with parameters of their own, children; hours to weeks. Not: ketoacidosis, pregnancy, critical illness, "
        "counter-regulation by glucagon in deep hypoglycaemia (values under about 50 mg/dL are too low).",
        bias="Uptake cannot turn negative, as it does in S2008 for some children without insulin. No circadian change of sensitivity unless given (dawn is missed). Protein and fat do not count. The size of the effect of "
        "activity on sensitivity is fitted to one study's mean and uncertain by half. HbA1c differs from (mean + 46.7) / 28.7 by 0.5 % "
        "(one sd) between persons of the same mean glucose.",
        verified_by=("glucose",),
    ),
)  # fmt: skip
