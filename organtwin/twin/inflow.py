"""A flow case whose boundary conditions are those of the patient: from the calibrated circulation at its date.

What enters a vessel is a published part of the cardiac output at rest; the outlets are found by the flow solver from the
calibrated pressures (Murray's split, windkessels). At the root of the aorta the beat is the circulation's own; farther on its
shape is a measured template, because a circulation of compartments has no waves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from organtwin.errors import BadInput
from organtwin.model import FlowCase, OrganMesh, TwinState
from organtwin.physiology.model import Physiology
from organtwin.timeline.days import day_of
from organtwin.timeline.words import with_unit

ICRP = "ICRP Publication 89, 2002 (adult man at rest)"
SAMPLES = 100  # of a beat
# The valve of a model of chambers opens at once; measured flow in the ascending aorta takes about a tenth of a second to its
# peak. Without this a rigid vessel answers the jump with a spike of pressure that nobody has.
ROUNDED_S = 0.04
BEAT_STEPS = 400


@dataclass(frozen=True)
class Site:
    """Where an inlet lies: the part of the cardiac output that enters there, where that is from, and the beat's shape."""

    share: float
    source: str
    waveform: str  # a template; empty: the circulation's own
    lungs: bool = False


# Blood flow of the organs, % of the cardiac output (ICRP 89): brain 12, heart 4, kidneys 19, liver and gut 25.5, muscle 17, fat 5,
# skin 5, bone 5, others 7.5. That four tenths of muscle, skin, fat and bone lie above the diaphragm is our estimate.
SITES = {
    "ascending-aorta": Site(0.96, f"all but the heart's own 4 %: {ICRP}", ""),
    "descending-aorta": Site(0.70, f"less brain, heart and four tenths of muscle, skin, fat and bone: {ICRP}; ± 0.05", "descending-aorta"),
    "supraceliac-aorta": Site(0.67, f"less the chest's wall, too: {ICRP}; ± 0.05", "descending-aorta"),
    "infrarenal-aorta": Site(0.23, f"less liver, gut and kidneys, too: {ICRP}; ± 0.05", "abdominal-aorta"),
    "iliac": Site(0.11, f"half of what flows below the kidneys: {ICRP}; ± 0.03", "iliac"),
    "carotid": Site(0.07, "6.5 mL/s of 5.5 L/min: Boileau et al. 2015, Int. J. Numer. Methods Biomed. Eng. 31; ± 0.015", "common-carotid"),
    "left-coronary": Site(0.027, f"two thirds of the heart's 4 %: {ICRP}; ± 0.01", "left-coronary"),
    "pulmonary-artery": Site(1.0, "the whole output of the right ventricle", "pulmonary-artery", lungs=True),
}  # fmt: skip
VISCERAL = ("celiac", "sma", "renal", "visceral")


def site_of(organ: OrganMesh) -> str:
    """Where the inlet of a mesh lies, from its structure, its caps' names and how they face.

    Raises
    ------
    BadInput
        When the mesh does not tell.
    """
    inlet = inlet_of(organ)
    outlets = [c.name for c in organ.caps if c.role == "outlet"]
    structure = organ.structure
    if structure.startswith("aort") or structure == "blood_pool":
        normal = organ.cap(inlet).normal[2]  # out of the vessel: down at the root, up where the aorta comes from above
        if structure == "aortic_root" or normal < -0.3:
            return "ascending-aorta"
        if normal > 0.3 and any(name.startswith(VISCERAL) for name in outlets):
            return "supraceliac-aorta"
        if normal > 0.3 and any(name.startswith("iliac") for name in outlets):
            return "infrarenal-aorta"
        if normal > 0.3 and any(name.startswith("descending") for name in outlets):
            return "descending-aorta"
    known = {
        "pulmonary_artery": "pulmonary-artery",
        "carotid": "carotid",
        "iliac": "iliac",
        "coronary_left": "left-coronary",
    }
    for start, site in known.items():
        if structure.startswith(start):
            return site
    raise BadInput(
        f"Where the inlet of '{organ.name}' lies in the circulation is not clear",
        remedy=f"Say it (--site): {', '.join(SITES)}.",
    )


def inlet_of(organ: OrganMesh) -> str:
    """The name of the one cap through which blood enters.

    Raises
    ------
    BadInput
        When there is none, or several.
    """
    inlets = [c.name for c in organ.caps if c.role == "inlet"]
    if len(inlets) != 1:
        what = "no inlet" if not inlets else f"{len(inlets)} inlets"
        raise BadInput(
            f"'{organ.name}' has {what}; a case from the circulation needs one",
            remedy="Mesh a vessel with named openings.",
        )
    return inlets[0]


def flow_case(
    model: Physiology, state: TwinState, organ: OrganMesh, *, site: str = "", share: float | None = None,
    mode: Literal["steady", "pulsatile"] = "pulsatile",
) -> FlowCase:  # fmt: skip
    """The case of that patient at the twin's date.

    Parameters
    ----------
    site : str
        One of :data:`SITES`; found from the mesh where empty.
    share : float, optional
        Part of the cardiac output that enters, in place of the site's.

    Raises
    ------
    BadInput
        For an unknown site, a mesh without one inlet, or a twin without pressures and cardiac output.
    """
    inlet = inlet_of(organ)
    site = site.strip().lower().replace(" ", "-") or site_of(organ)
    if site not in SITES:
        raise BadInput(f"There is no site '{site}'", remedy=f"There are: {', '.join(SITES)}.")
    place = SITES[site]
    part = place.share if share is None else share
    said = {r.key: next((q for q in state.quantities if q.name == r.title), None) for r in model.readings}

    def value(key: str) -> float:
        found = said.get(key)
        if found is None or not np.isfinite(found.value) or found.value <= 0.0:
            raise BadInput(
                f"The twin '{state.name}' says nothing of '{key}'", remedy="Calibrate the model 'circulation'."
            )
        return float(found.value)

    rate, output = value("heart_rate"), value("cardiac_output")
    high, low = ("pulmonary_systolic", "pulmonary_diastolic") if place.lungs else ("systolic", "diastolic")
    beyond = value("wedge_pressure" if place.lungs else "central_venous_pressure")
    systolic, diastolic = value(high), value(low)
    flow, period = part * output, 60.0 / rate
    waveform: object = place.waveform
    if not place.waveform:
        waveform = _own_beat(state, period)
    pulsatile = mode == "pulsatile"
    case = {
        "name": f"{organ.name}, {flow:.2f} L/min" + (f" at {rate:.0f} beats/min" if pulsatile else ", steady") + ", from the twin",
        "inlets": [
            {
                "cap": inlet, "flow": f"{flow!r} L/min", "profile": "womersley" if pulsatile else "parabolic",
                "waveform": waveform if pulsatile else "constant",
            }
        ],
        "targets": {
            "systolic": f"{systolic!r} mmHg", "diastolic": f"{diastolic!r} mmHg", "distal_pressure": f"{beyond!r} mmHg",
        },
        "numerics": {"mode": mode, "period": f"{period!r} s", "cycles": 3, "steps_per_cycle": BEAT_STEPS}
        if pulsatile else {"mode": mode},
        "notes": _notes(model, state, site, part, share is None, place, pulsatile),
    }  # fmt: skip
    return FlowCase.model_validate(case)


def _own_beat(state: TwinState, period_s: float) -> dict[str, object]:
    """Flow through the aortic valve over a beat, as samples from 0 to the period."""
    if "aortic_flow_mL_per_s" not in state.curves:
        raise BadInput(f"The twin '{state.name}' keeps no beat", remedy="Calibrate the model 'circulation' again.")
    flow = np.asarray(state.curves["aortic_flow_mL_per_s"])[1]
    flow = gaussian_filter1d(flow, ROUNDED_S / period_s * len(flow), mode="wrap")
    phase = np.arange(len(flow)) / len(flow)
    fine = np.linspace(0.0, 1.0, SAMPLES + 1)
    values = np.interp(fine, np.append(phase, 1.0), np.append(flow, flow[0]))
    return {"times_s": (fine * period_s).tolist(), "values": values.tolist(), "unit": "mL/s"}


def _notes(
    model: Physiology, state: TwinState, site: str, part: float, published: bool, place: Site, pulsatile: bool
) -> list[str]:
    wanted = ("systolic", "diastolic", "heart_rate", "cardiac_output")
    titles = {r.key: r.title for r in model.readings}
    spread = "; ".join(
        f"{q.name} {with_unit(q.value, q.unit)} ({q.why})"
        for key in wanted
        for q in state.quantities
        if q.name == titles.get(key)
    )
    notes = [
        f"From the twin '{state.name}' of {day_of(state.at_s)} ({state.uuid[:8]}): {spread}.",
        f"{part:.0%} of the cardiac output enters ({site}: {place.source if published else 'as given'}).",
    ]
    if pulsatile:
        shape = (
            f"the template '{place.waveform}', stretched to this heart rate"
            if place.waveform
            else f"the calibrated circulation's own, rounded over {ROUNDED_S * 1000:.0f} ms"
        )
        notes.append(f"The beat is {shape}.")
    if site != "ascending-aorta" and not place.lungs:
        notes.append(
            "Pressures are those at the root of the aorta; farther on systolic pressure is some mmHg higher than given."
        )
    return notes
