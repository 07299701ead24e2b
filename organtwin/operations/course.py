"""The operation "course": scans of several dates in, out comes how something went over them, and how it may go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from organtwin.model import TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters

What = Literal[
    "auto", "volume", "diameter", "stenosis", "heart", "LV ejection fraction", "LV end-diastolic volume",
    "LV end-systolic volume", "LV mass",
]  # fmt: skip


class CourseParameters(Parameters):
    """``structure`` is what is followed (none where hearts are given), ``what`` of it is measured: by itself volumes of organs
    and lesions, and narrow and wide places of vessels. ``dates`` gives the day of a scan by its number ("1": "2024-03-01") where it
    does not say so itself. ``years`` is how far to look ahead, by itself twice as far
    as the scans look back, but 1 to 5 years. ``landmark`` is a value whose date is wanted, as "55 mm". ``law`` replaces the usual one."""

    structure: str = ""
    what: What = "auto"
    dates: dict[str, str] = Field(default_factory=dict)
    years: float | None = Field(default=None, gt=0.0, le=20.0)
    landmark: str = ""
    law: Literal["auto", "linear", "exponential"] = "auto"


OPERATION = Operation(
    name="course",
    title="Course over several scans",
    inputs={},
    optional={
        "segmentation": "segmentation",
        "volume": "volume",
        "centerline": "centerline",
        "heart": "dynamic-segmentation",
        "dynamic": "dynamic",
        "observations": "observations",
    },
    parameters=CourseParameters,
    function="organtwin.operations.course:run",
    packages=("organtwin", "numpy", "scipy", "SimpleITK"),
)


def run(inputs: Mapping[str, TwinObject], parameters: CourseParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """A :class:`Course` and a :class:`Forecast` of each thing found; see :func:`organtwin.twin.course.courses.courses`.

    Raises
    ------
    BadInput
        When dates are missing or wrong, the scans are of several patients, or nothing is seen on two dates.
    """
    from organtwin.errors import BadInput
    from organtwin.twin.course.courses import courses
    from organtwin.twin.course.study import studies

    given = studies(inputs, parameters.dates)
    hearts = any(role.partition("-")[0] in ("heart", "observations") for role in inputs)
    if not parameters.structure and not hearts:
        raise BadInput("What is to be followed?", remedy="Give a structure, as 'aorta' or 'tumour'.")
    law = None if parameters.law == "auto" else parameters.law
    key = "" if hearts and not parameters.structure else parameters.structure
    return courses(given, key, parameters.what, law, parameters.years, _landmark(parameters.landmark), monitor)


def _landmark(text: str) -> tuple[float, str] | None:
    from math import isfinite

    from organtwin.errors import BadInput

    if not text.strip():
        return None
    number, _, unit = text.strip().partition(" ")
    if not unit and number.endswith("%"):
        number, unit = number[:-1], "%"
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or not unit:
        raise BadInput(f"'{text}' is no landmark", remedy="Write a number and its unit, as in '55 mm'.")
    return value, unit.strip()
