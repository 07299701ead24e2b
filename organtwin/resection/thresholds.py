"""How much of a liver must stay, as the literature has it. A warning, never a verdict: function is not volume."""

from __future__ import annotations

from dataclasses import dataclass

from organtwin.resection.settings import Condition


@dataclass(frozen=True)
class Threshold:
    """Least future liver remnant, in percent of the functional volume; below ``ample`` it is called small."""

    least_percent: float
    ample_percent: float
    said: str
    source: str


THRESHOLDS: dict[Condition, Threshold] = {
    "healthy": Threshold(
        20.0, 25.0, "a healthy liver", "Kishi et al., Ann Surg 2009;250:540; Clavien et al., N Engl J Med 2007;356:1545"
    ),
    "chemotherapy": Threshold(
        30.0, 35.0, "a liver after long chemotherapy", "Shindoh et al., Ann Surg Oncol 2013;20:2493"
    ),
    "cirrhosis": Threshold(
        40.0,
        45.0,
        "a cirrhotic liver",
        "Clavien et al., N Engl J Med 2007;356:1545; Kubota et al., Hepatology 1997;26:1176",
    ),
}
FORMULA = "remnant without tumour / (liver − tumours), volumes of voxels"
