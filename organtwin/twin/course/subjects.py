"""What imaging shows over years: how well each thing is measured, how it usually goes on, and where that is known from.

A rate is believed before any scan as a normal distribution over patients. Where no study gave one it is wide and centred on
no change, and its sheet says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from organtwin.physiology.datasheet import DataSheet

Law = Literal["linear", "exponential"]


@dataclass(frozen=True)
class Landmark:
    """A value that guidelines name. It is drawn and its date is forecast; it advises nothing."""

    value: float
    above: bool
    source: str


@dataclass(frozen=True)
class Subject:
    """One thing that is followed.

    ``prior`` gives mean and sd of the yearly rate of a patient with that value: in ``unit`` per year under the linear law, as a
    part of the value per year (of its logarithm) under the exponential one. ``wobble`` is the sd, in the same measure, by
    which a course leaves its law within one year. ``absolute_sd`` (in ``unit``) and ``relative_sd`` are those of measuring one scan,
    before the voxel size is added. ``least`` and ``most`` bound what is possible.
    """

    name: str
    unit: str
    law: Law
    prior: Callable[[float], tuple[float, float]]
    wobble: float
    absolute_sd: float
    relative_sd: float
    sheet: DataSheet
    landmark: Landmark | None = None
    least: float = 0.0
    most: float = math.inf
    growing: str = "grew"
    shrinking: str = "shrank"

    def sd(self, value: float) -> float:
        """Of measuring this value on one scan, but for the voxels."""
        return math.hypot(self.absolute_sd, self.relative_sd * abs(value))


def _even(sd: float) -> Callable[[float], tuple[float, float]]:
    return lambda value: (0.0, sd)


HEALTHY = (0.15, 0.4)  # mm a year of an aorta that is not wide: our estimate
_VERIFIED = ("progression",)
_UNKNOWN = "The usual rate is not known from a study: it is taken as none, with a wide spread."
_DIAMETER = "F. A. Lederle et al., J. Vasc. Surg. 21 (1995) 945: two readers of one CT differed by 2 mm or less in 65 %"
_HEART = "F. Grothues et al., Am. J. Cardiol. 90 (2002) 29: interstudy variability of cardiac MR, EDV 3-5 %, ESV 3-10 %, EF 2-7 %, mass 3-5 %"


def _abdominal(diameter_mm: float) -> tuple[float, float]:
    """1.28 mm a year at 30 mm, 0.59 more for every 5 mm above (RESCAN); sd between patients as in the UK trial. Below 30 mm,
    where there is no aneurysm yet, it goes down to that of a healthy one at 22 mm."""
    wide = min(max((diameter_mm - 22.0) / 8.0, 0.0), 1.0)
    mean = 1.28 + 0.59 * (min(max(diameter_mm, 30.0), 70.0) - 30.0) / 5.0
    return wide * mean + (1 - wide) * HEALTHY[0], wide * 1.8 + (1 - wide) * HEALTHY[1]


def _thoracic(diameter_mm: float) -> tuple[float, float]:
    wide = min(max((diameter_mm - 30.0) / 10.0, 0.0), 1.0)
    return wide * 1.0 + (1 - wide) * HEALTHY[0], wide * 1.2 + (1 - wide) * HEALTHY[1]


def _sheet(purpose: str, validity: str, bias: str, *sources: str) -> DataSheet:
    return DataSheet(purpose=purpose, sources=sources, validity=validity, bias=bias, verified_by=_VERIFIED)


AORTA = Subject(
    "abdominal aortic diameter", "mm", "linear", _abdominal, 0.5, 1.0, 0.0,
    _sheet(
        "How the greatest diameter of an abdominal aortic aneurysm goes on.",
        "Aneurysms of 30 to 55 mm that were not treated, without an infection, a dissection or a disease of connective tissue.",
        "Men and smokers lead the studies; women's grow about as fast. Most studies measured with ultrasound, mostly the outer wall; "
        "here it is the diameter of the circle of the same area. How much a course leaves its law within a year (0.5 mm) is our estimate, and so is the rate of an aorta that is not wide.",
        "RESCAN Collaborators, JAMA 309 (2013) 806: 1.28 mm/year at 30 mm in men, 0.59 mm/year more for every 5 mm",
        "M. J. Sweeting et al., Br. J. Surg. 99 (2012) 655: mean growth 2.21 mm/year over 18 studies",
        "A. R. Brady et al., Circulation 110 (2004) 16: 2.6 mm/year, 95 % of patients between -1.0 and 6.1 (sd 1.8)",
        _DIAMETER,
    ),
    Landmark(55.0, True, "A. Wanhainen et al., ESVS guidelines, Eur. J. Vasc. Endovasc. Surg. 57 (2019) 8 (men; 50 mm for women)"),
)  # fmt: skip

THORACIC = Subject(
    "thoracic aortic diameter", "mm", "linear", _thoracic, 0.4, 1.0, 0.0,
    _sheet(
        "How the greatest diameter of a thoracic aortic aneurysm goes on.",
        "Aneurysms that were not treated, without a dissection or a disease of connective tissue.",
        "The spread between patients (1.2 mm/year) and the wobble are our estimates: the study gives means of groups.",
        "R. R. Davies et al., Ann. Thorac. Surg. 73 (2002) 17: about 1.0 mm/year, faster in the descending aorta",
        _DIAMETER,
    ),
    Landmark(55.0, True, "R. Erbel et al., ESC guidelines, Eur. Heart J. 35 (2014) 2873 (ascending aorta)"),
)  # fmt: skip

VESSEL = Subject(
    "vessel diameter", "mm", "linear", _even(1.0), 0.3, 0.5, 0.0,
    _sheet("How the widest place of a vessel goes on.", "Vessels other than the aorta.", _UNKNOWN),
)  # fmt: skip

STENOSIS = Subject(
    "stenosis", "%", "linear", _even(4.0), 2.0, 5.0, 0.0,
    _sheet(
        "How the narrowing of a vessel's diameter goes on.", "A place that was not treated.",
        _UNKNOWN + " The sd of measuring (5 points) is our estimate for CT angiography; calcium makes it worse.",
    ),
    Landmark(70.0, True, "NASCET Collaborators, N. Engl. J. Med. 325 (1991) 445: 70 % of the diameter (carotid arteries)"),
    most=100.0, growing="became narrower", shrinking="became wider",
)  # fmt: skip

TUMOUR = Subject(
    "tumour volume", "mL", "exponential", lambda value: (0.7, 1.5), 0.15, 0.02, 0.085,
    _sheet(
        "How the volume of a lesion goes on when nothing is done about it.",
        "Solid lesions of one place; not a lesion under treatment, whose rate changes from one scan to the next.",
        "Which tumour it is is not known here, so the rate is wide: from shrinking to doubling in three months. "
        "The repeatability is that of lung nodules; in the liver it depends on the phase of the contrast.",
        "P. Nathani et al., Gut 70 (2021) 401: hepatocellular carcinoma doubles its volume in 4.6 months (median of 20 studies)",
        "H. A. Gietema et al., Radiology 245 (2007) 888: volumes of one nodule on two scans differ by up to 24 % (95 % limits), so sd 8.5 %",
    ),
    growing="grew", shrinking="shrank",
)  # fmt: skip

ORGAN = Subject(
    "organ volume", "mL", "exponential", _even(0.06), 0.02, 0.5, 0.03,
    _sheet(
        "How the volume of an organ goes on.", "Grown-ups, no operation in between.",
        _UNKNOWN + " The sd of measuring (3 %) is our estimate for automatic segmentation.",
    ),
)  # fmt: skip


def _ventricle(name: str, unit: str, rate: float, absolute: float, relative: float, wobble: float, law: Law, **more: object) -> Subject:  # fmt: skip
    sheet = _sheet(
        f"How {name} goes on: the remodelling of the heart.", "Between events: an infarct, a new drug or a device breaks the course.",
        _UNKNOWN + " The sd of measuring is that of two scans of one heart read by hand; automatic contours are taken to be half as sure again.",
        _HEART,
    )  # fmt: skip
    return Subject(name, unit, law, _even(rate), wobble, absolute, relative, sheet, **more)  # type: ignore[arg-type]


EF = _ventricle(
    "LV ejection fraction", "%", 4.0, 4.0, 0.0, 1.5, "linear", growing="rose", shrinking="fell", most=100.0,
    landmark=Landmark(40.0, False, "T. A. McDonagh et al., ESC guidelines, Eur. Heart J. 42 (2021) 3599: reduced at 40 % or less"),
)  # fmt: skip
EDV = _ventricle("LV end-diastolic volume", "mL", 0.10, 3.0, 0.05, 0.03, "exponential")
ESV = _ventricle("LV end-systolic volume", "mL", 0.12, 3.0, 0.08, 0.04, "exponential")
MASS = _ventricle("LV mass", "g", 0.06, 3.0, 0.06, 0.02, "exponential")

HEART = {subject.name: subject for subject in (EF, EDV, ESV, MASS)}
ALL = (AORTA, THORACIC, VESSEL, STENOSIS, TUMOUR, ORGAN, *HEART.values())


def sheet_of(subject: str) -> DataSheet | None:
    """The data sheet of a course by the name of what it follows: a course's ``subject`` begins or ends with it."""
    for known in ALL:
        if known.name.lower() in subject.lower():
            return known.sheet
    return ORGAN.sheet if subject.endswith("volume") else None
