"""The engine "totalsegmentator": the user's own installation of it. Neither its code nor its weights come with OrganTwin."""

from __future__ import annotations

from shutil import which
from typing import Literal

from organtwin.model import Frozen
from organtwin.segment.engine import Engine

PROGRAM = "TotalSegmentator"
LICENCE = (
    "Code Apache-2.0; weights of the tasks total, total_mr and body Apache-2.0, of heartchambers_highres, coronary_arteries "
    "and tissue_types for non-commercial use with a licence number of your own"
)
Task = Literal[
    "total",
    "total_mr",
    "body",
    "body_mr",
    "lung_vessels",
    "liver_vessels",
    "heartchambers_highres",
    "coronary_arteries",
    "tissue_types",
]


class TotalSegmentatorParameters(Frozen):
    """``task``: of TotalSegmentator. ``resolution``: "full" (1.5 mm), "fast" (3 mm) or "fastest" (6 mm). ``download``: let it
    fetch weights that are missing; else nothing leaves or enters this machine. ``detail``: each bone, muscle and lobe by itself,
    not put together. ``device``: "cpu", "gpu" or "gpu:1"."""

    task: Task = "total"
    resolution: Literal["full", "fast", "fastest"] = "full"
    download: bool = False
    detail: bool = False
    device: str = "cpu"


def available() -> str:
    """Why it cannot run here, or ""."""
    if which(PROGRAM):
        return ""
    return (
        "TotalSegmentator is not installed (there is no program of that name on the PATH). It can be installed into an "
        f"environment of its own with pip. {LICENCE}."
    )


ENGINE = Engine(
    name="totalsegmentator",
    title="TotalSegmentator",
    licence=LICENCE,
    structures=(),
    parameters=TotalSegmentatorParameters,
    function="organtwin.segment.totalsegmentator.run:segment",
    about="About a hundred structures of CT and MR, by the TotalSegmentator that you have installed. Cite Wasserthal et al. 2023.",
    modalities=("CT", "MR"),
    runtime="a program of its own",
    available="organtwin.segment.totalsegmentator.engine:available",
)
