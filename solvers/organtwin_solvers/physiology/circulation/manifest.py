"""What the model of the circulation needs and gives."""

from __future__ import annotations

from organtwin.physiology.datasheet import DataSheet
from organtwin.physiology.model import Drive, Parameter, Physiology, Reading

REGAZZONI = "Regazzoni et al. 2022, J Comput Phys 457:111083"
URSINO = "Ursino 1998, Am J Physiol 275:H1733"
HELDT = "Heldt et al. 2002, J Appl Physiol 92:1239"
CHEN = "Chen et al. 1998, J Am Coll Cardiol 32:1221 (end-systolic elastance about 2 to 3 mmHg/mL)"
JUDGED = "judged so that resting values are normal; not measured"

PARAMETERS = (
    Parameter("heart_rate", "Heart rate at rest", "/min", 70.0, 35.0, 180.0, 0.15, learned=True,
              about="with the reflex at its setpoint", source="Ostchega et al. 2011, NHSR 41"),
    Parameter("systemic_resistance", "Systemic resistance", "mm[Hg].s/mL", 1.0, 0.25, 4.0, 0.25, learned=True,
              about="arteries to veins", source=URSINO),
    Parameter("arterial_compliance", "Arterial compliance", "mL/mm[Hg]", 1.35, 0.25, 5.0, 0.3, learned=True,
              about="falls with age", source="Segers et al. 2007, Hypertension 49:1248"),
    Parameter("stressed_volume", "Stressed blood volume", "mL", 1500.0, 500.0, 4500.0, 0.12, learned=True,
              about="blood in the chambers and that which stretches the vessels", source=JUDGED),
    Parameter("contractility", "Left ventricular contractility", "mm[Hg]/mL", 2.6, 0.3, 8.0, 0.3, learned=True,
              about="end-systolic elastance above the passive one", source=CHEN),
    Parameter("stiffness", "Left ventricular stiffness", "mm[Hg]/mL", 0.075, 0.02, 0.5, 0.25,
              about="passive elastance", source=JUDGED),
    Parameter("unloaded_volume", "Left ventricular unloaded volume", "mL", 12.0, 0.0, 120.0, 8.0, log=False,
              about="at zero pressure; large in dilated hearts", source=CHEN),
    Parameter("right_contractility", "Right ventricular contractility", "mm[Hg]/mL", 0.55, 0.1, 2.5, 0.25, source=HELDT),
    Parameter("right_stiffness", "Right ventricular stiffness", "mm[Hg]/mL", 0.042, 0.01, 0.3, 0.25, source=HELDT),
    Parameter("atrial_stiffness", "Atrial stiffness", "mm[Hg]/mL", 0.16, 0.05, 0.8, 0.25,
              about="of the left; the right has half of it", source=REGAZZONI),
    Parameter("systole", "Time to peak elastance", "s", 0.33, 0.2, 0.42, 0.08,
              about="at one beat a second; goes with the root of the period", source=HELDT),
    Parameter("aortic_impedance", "Characteristic impedance of the aorta", "mm[Hg].s/mL", 0.04, 0.005, 0.25, 0.25,
              source="Segers et al. 2007, Hypertension 49:1248"),
    Parameter("venous_resistance", "Venous resistance", "mm[Hg].s/mL", 0.05, 0.01, 0.3, 0.2, source=URSINO),
    Parameter("venous_compliance", "Venous compliance", "mL/mm[Hg]", 105.0, 30.0, 250.0, 0.15, source=URSINO),
    Parameter("pulmonary_resistance", "Pulmonary resistance", "mm[Hg].s/mL", 0.06, 0.01, 0.9, 0.25,
              source="Kovacs et al. 2009, Eur Respir J 34:888 (mean pulmonary pressure 14 +- 3.3 mmHg)"),
    Parameter("pulmonary_compliance", "Pulmonary arterial compliance", "mL/mm[Hg]", 4.0, 0.6, 12.0, 0.25,
              source="Lankhaar et al. 2008, Eur Heart J 29:1688"),
    Parameter("aortic_valve_area", "Aortic valve area", "cm2", 4.0, 0.3, 6.0, 0.1,
              about="effective; stenosis below 1.5, severe below 1", source="Baumgartner et al. 2017, J Am Soc Echocardiogr 30:372"),
    Parameter("mitral_valve_area", "Mitral valve area", "cm2", 5.0, 0.4, 8.0, 0.1,
              source="Baumgartner et al. 2009, J Am Soc Echocardiogr 22:1"),
    Parameter("aortic_leak", "Aortic regurgitant orifice", "cm2", 0.0, 0.0, 1.0, 0.01, log=False,
              about="severe from 0.3", source="Zoghbi et al. 2017, J Am Soc Echocardiogr 30:303"),
    Parameter("mitral_leak", "Mitral regurgitant orifice", "cm2", 0.0, 0.0, 1.0, 0.01, log=False,
              about="severe from 0.4", source="Zoghbi et al. 2017, J Am Soc Echocardiogr 30:303"),
    Parameter("reflex_gain", "Gain of the baroreflex", "1", 1.0, 0.0, 3.0, 0.2, log=False,
              about="times Ursino's; 0 is off", source=URSINO),
    Parameter("reflex_setpoint", "Setpoint of the baroreflex", "mm[Hg]", 93.0, 60.0, 160.0, 8.0, log=False,
              about="mean arterial pressure", source=URSINO),
    Parameter("reflex_reset", "Resetting of the baroreflex", "1", 0.7, 0.0, 1.0, 0.1, log=False,
              about="part of a lasting change of pressure that the setpoint follows; 0 is the first minutes",
              source="Krieger 1970, Am J Physiol 218:486 (rats; the value in man is uncertain)"),
    Parameter("maximal_heart_rate", "Maximal heart rate", "/min", 180.0, 90.0, 220.0, 0.06,
              about="208 - 0.7 age", source="Tanaka et al. 2001, J Am Coll Cardiol 37:153"),
)  # fmt: skip

READINGS = (
    Reading("systolic", "Systolic pressure", "mm[Hg]", 6.0, "8480-6", "at the root of the aorta"),
    Reading("diastolic", "Diastolic pressure", "mm[Hg]", 5.0, "8462-4"),
    Reading("mean_pressure", "Mean arterial pressure", "mm[Hg]", 5.0, "8478-0"),
    Reading("heart_rate", "Heart rate", "/min", 3.0, "8867-4"),
    Reading("stroke_volume", "Stroke volume", "mL", 8.0, "20562-5", "end-diastolic less end-systolic volume"),
    Reading("cardiac_output", "Cardiac output", "L/min", 0.5, "8741-1", "what flows forward through the aorta"),
    Reading("ejection_fraction", "Left ventricular ejection fraction", "%", 5.0, "10230-1"),
    Reading("end_diastolic_volume", "Left ventricular end-diastolic volume", "mL", 12.0, "18026-5"),
    Reading("end_systolic_volume", "Left ventricular end-systolic volume", "mL", 8.0, "18148-7"),
    Reading("central_venous_pressure", "Central venous pressure", "mm[Hg]", 1.5, "60985-9", "mean right atrial pressure"),
    Reading("wedge_pressure", "Mean left atrial pressure", "mm[Hg]", 2.0),
    Reading("pulmonary_systolic", "Pulmonary systolic pressure", "mm[Hg]", 4.0, "8440-0"),
    Reading("pulmonary_diastolic", "Pulmonary diastolic pressure", "mm[Hg]", 3.0, "8385-7"),
    Reading("pulmonary_mean", "Pulmonary mean pressure", "mm[Hg]", 3.0, "8414-5"),
    Reading("peak_ventricular_pressure", "Peak left ventricular pressure", "mm[Hg]", 5.0),
    Reading("valve_gradient", "Peak gradient of the aortic valve", "mm[Hg]", 4.0),
    Reading("pump_flow", "Flow of the assist pump", "L/min", 0.3),
)  # fmt: skip

DRIVES = (
    Drive("resistance_change", "Change of systemic resistance", "1", about="-0.2: a fifth less (vasodilator)"),
    Drive("venous_capacity", "Added venous capacity", "mL", about="blood that no longer stretches the veins (nitrate)"),
    Drive("contractility_change", "Change of contractility", "1", about="of both ventricles"),
    Drive("heart_rate_change", "Change of heart rate", "/min", about="before the reflex answers"),
    Drive("pacing_rate", "Pacing rate", "/min", about="0: not paced"),
    Drive("volume_change", "Change of blood volume", "mL", about="salt +, diuretic or bleeding -"),
    Drive("compliance_change", "Change of arterial compliance", "1", about="a stiff graft -, age -"),
    Drive("pulmonary_resistance_change", "Change of pulmonary resistance", "1", about="hypoxia +, vasodilator -"),
    Drive("setpoint_shift", "Shift of the reflex's setpoint", "mm[Hg]"),
    Drive("exercise", "Exercise", "1", about="part of the maximal oxygen uptake, 0 to 1"),
    Drive("pump_speed", "Speed of the assist pump", "1", about="part of its full speed; 0: none (then it lets nothing back)"),
    Drive("pump_resistance", "Resistance of the assist pump", "mm[Hg].s/mL", about="fall of its head with flow; 0: the usual 0.5"),
    Drive("aortic_resistance", "Added resistance of the aorta", "mm[Hg].s/mL", about="coarctation, narrow stent or graft"),
)  # fmt: skip

PERSONS = {  # judged so that readings are typical of the state
    "hypertension": {"systemic_resistance": 1.3, "arterial_compliance": 0.95, "contractility": 3.2, "reflex_setpoint": 112.0},
    "heart failure, reduced ejection fraction": {
        "contractility": 0.8, "unloaded_volume": 45.0, "stressed_volume": 1850.0, "stiffness": 0.08, "systemic_resistance": 1.1,
        "heart_rate": 78.0, "reflex_setpoint": 88.0,
    },
    "heart failure, preserved ejection fraction": {
        "stiffness": 0.17, "contractility": 3.4, "stressed_volume": 1850.0, "systemic_resistance": 1.2, "arterial_compliance": 0.9,
        "reflex_setpoint": 105.0,
    },
    "severe aortic stenosis": {"aortic_valve_area": 0.8, "contractility": 3.4, "stiffness": 0.11, "stressed_volume": 1650.0},
}  # fmt: skip

MODEL = Physiology(
    name="circulation",
    title="Circulation",
    about="Heart, systemic and pulmonary vessels in a closed loop, with the baroreflex: a beat in its steady state.",
    pace="day",
    parameters=PARAMETERS,
    readings=READINGS,
    drives=DRIVES,
    function="organtwin_solvers.physiology.circulation.simulator:Circulation",
    cycle="a heart beat",
    persons=PERSONS,
    sheet=DataSheet(
        purpose="Pressures, flows and volumes of a resting or exercising adult, and how they change with drugs, volume and devices.",
        sources=(
            REGAZZONI + " (circuit)",
            "Blanco and Feijoo 2010, Mecanica Computacional 29:5887 (elastance)",
            URSINO + " (baroreflex)",
            HELDT + " (durations against heart rate)",
            "Garcia et al. 2000, Circulation 101:765 and the simplified Bernoulli equation (valves)",
            "Higginbotham et al. 1986, Circ Res 58:281 (exercise, fitted)",
        ),
        validity="Adults in sinus or paced rhythm in a steady state. Not: arrhythmia, tamponade, shunts, children, pregnancy, minutes of "
        "change (each time is settled anew).",
        bias="Pressure is that of the aortic root: a cuff at the arm reads about 5 to 10 mmHg more systolic in the young. The passive "
        "ventricle is linear, so filling pressures of stiff, overfilled hearts come out low. Hormones and the kidney's control of volume "
        "are not in it: a lasting change of volume must be given. Resetting of the reflex is uncertain in man. Exercise acts as in health: a failing heart "
        "answers too well (its output and ejection fraction rise less in patients).",
        verified_by=("circulation", "baroreflex"),
    ),
)  # fmt: skip
