"""The operation "import": scans in, volumes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import field_validator

from organtwin.model import TwinObject, Volume
from organtwin.operations.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters


class ImportParameters(Parameters):
    """``sources``: folders, zip files, DICOMDIRs or image files. ``series``: SeriesInstanceUIDs or numbers of the list,
    from 1; without it the best volume is taken. ``keep_identity``: keep who the patient is."""

    sources: tuple[str, ...]
    series: tuple[str, ...] | None = None
    keep_identity: bool = False

    @field_validator("series", mode="before")
    @classmethod
    def _numbers_too(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in value)
        return value


OPERATION = Operation(
    name="import",
    title="Import a scan",
    inputs={},
    parameters=ImportParameters,
    function="organtwin.operations.import_study:run",
    packages=("organtwin", "numpy", "pydicom"),
)


def run(inputs: Mapping[str, TwinObject], parameters: ImportParameters, monitor: Monitor) -> Sequence[Volume]:
    """Read the chosen series as volumes.

    Raises
    ------
    BadInput
        When there is no scan, or what was chosen is no volume: one sentence.
    """
    from organtwin.io.study import read, scan

    with scan(parameters.sources, PartMonitor(monitor, 0.0, 0.3)) as study:
        for note in study.notes:
            monitor.log(note)
        chosen = study.choose(parameters.series) if parameters.series else [study.best()]
        for series in study.series:
            monitor.log(f"{'*' if series in chosen else ' '} {series.line}")
        others = tuple(f"Not imported: {series.line}" for series in study.series if series not in chosen)[:20] + study.notes
        volumes: list[Volume] = []
        for n, series in enumerate(chosen):
            part = PartMonitor(monitor, 0.3 + 0.7 * n / len(chosen), 0.3 + 0.7 * (n + 1) / len(chosen))
            volumes += read(series, part, parameters.keep_identity)
    if volumes and others:
        volumes[0] = volumes[0].with_(notes=(*volumes[0].notes, *others))
    monitor.progress(1.0, "imported")
    return volumes
