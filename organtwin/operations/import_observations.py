"""The operation "import-observations": readings and history of a patient in, from files of many kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, field_validator

from organtwin.model import Observations, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters
from organtwin.privacy.consent import policy


class ImportObservationsParameters(Parameters):
    """``paths``: files, folders or zip files: FHIR, Apple Health, Fitbit, Garmin, Google, glucose meters and sensors, tables.

    ``timezone``: IANA name of the patient's, for times that do not tell theirs. ``dates``: the order of numbers in dates, where
    a file does not tell. ``patient``: whose readings to take of a file with several patients, by the id it has there.
    ``units``: by reading, for those whose file tells no unit, as in {"weight": "kg"}.
    ``purpose``: what the patient's consent allows these readings to be used for.
    """

    paths: tuple[str, ...]
    timezone: str = ""
    dates: Literal["", "day-first", "month-first"] = ""
    patient: str = ""
    units: dict[str, str] = Field(default_factory=dict)
    purpose: str = ""
    name: str = ""

    @field_validator("purpose")
    @classmethod
    def _known(cls, purpose: str) -> str:
        return policy().check(purpose) if purpose else ""


OPERATION = Operation(
    name="import-observations",
    title="Import readings",
    inputs={},
    optional={"observations": "observations"},  # those there already: their duplicates are set aside
    parameters=ImportObservationsParameters,
    function="organtwin.operations.import_observations:run",
    private=("paths", "patient", "name"),
)


def run(
    inputs: Mapping[str, TwinObject], parameters: ImportObservationsParameters, monitor: Monitor
) -> Sequence[Observations]:
    """Read the files as one import.

    Raises
    ------
    BadInput
        When there are no readings, a file is broken or hostile, or it is not clear whose they are: one sentence.
    """
    from organtwin.io.observations import read_observations

    earlier = [thing for thing in inputs.values() if isinstance(thing, Observations)]
    made = read_observations(
        parameters.paths, timezone=parameters.timezone, dates=parameters.dates, patient=parameters.patient,
        units=parameters.units, purpose=parameters.purpose, earlier=earlier, name=parameters.name, monitor=monitor,
    )  # fmt: skip
    for note in made.notes:
        monitor.log(note)
    return (made,)
