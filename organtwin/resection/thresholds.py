"""How much of a liver must stay, as the literature has it. A warning, never a verdict: function is not volume.

The least shares are those of table 1 of the review in J Surg Oncol 2019;119:594. Kishi and Shindoh divide by a liver volume
estimated from the body surface, Kubota by that measured in CT without tumours, as is done here; Kubota asks for 40 or 50 % by
the clearance of indocyanine green. In a healthy liver others ask for 25 % (Vauthey et al., Surgery 2000;127:512), which
is where it begins to be called small.
"""

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
    "healthy": Threshold(20.0, 25.0, "a healthy liver", "Kishi et al., Ann Surg 2009;250:540"),
    "chemotherapy": Threshold(
        30.0,
        35.0,
        "a liver after more than three months of chemotherapy",
        "Shindoh et al., Ann Surg Oncol 2013;20:2493",
    ),
    "cirrhosis": Threshold(40.0, 50.0, "an injured or cirrhotic liver", "Kubota et al., Hepatology 1997;26:1176"),
}
FORMULA = "remnant without tumour / (liver − tumours), volumes of voxels"
