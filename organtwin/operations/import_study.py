"""The operation "import": scans in, volumes out, and what moves as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import field_serializer, field_validator

from organtwin.model import Frozen, TwinObject
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters


class ImportParameters(Parameters):
    """``sources``: folders, zip files, DICOMDIRs or image files. ``series``: SeriesInstanceUIDs or numbers of the list,
    from 1; without it the best volume is taken. ``keep_identity``: keep who the patient is.
    ``as_phases``: the volumes (all that are chosen, or all there are) are the phases of one scan, in this order."""

    sources: tuple[str, ...]
    series: tuple[str, ...] | None = None
    keep_identity: bool = False
    as_phases: bool = False

    @field_serializer("series")
    def _without_file_names(self, series: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """What the recipe keeps: numbers and UIDs. A NIfTI's series is called as its file, and files are called as patients."""
        kept = tuple(one for one in series or () if not one.strip("0123456789."))
        return kept or None

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
    private=("sources",),
)


class SeriesEntry(Frozen):
    """A series as a person chooses it: ``number`` or ``key`` go into the parameter ``series``; ``reason`` says why it
    cannot be imported, and is None when it can."""

    number: int
    key: str
    description: str
    modality: str
    summary: str
    patient: str
    slices: int
    phases: int
    plane: str
    reason: str | None
    best: bool
    notes: tuple[str, ...]


def list_series(sources: Sequence[str], monitor: Monitor | None = None) -> tuple[SeriesEntry, ...]:
    """What could be imported from the sources, from the headers alone.

    Raises
    ------
    BadInput
        When there is nothing that could be a scan.
    """
    from organtwin.errors import BadInput
    from organtwin.io.study import scan

    with scan(sources, monitor) as study:
        try:
            best = study.best().number
        except BadInput:  # none, or of several patients: the list itself says so
            best = 0
        return tuple(
            SeriesEntry(
                number=s.number, key=s.key, description=s.description, modality=s.modality, summary=s.summary, patient=s.patient,
                slices=s.slices, phases=s.phase_count, plane=s.plane, reason=s.reason, best=s.number == best, notes=s.notes,
            )
            for s in study.series
        )  # fmt: skip


def run(inputs: Mapping[str, TwinObject], parameters: ImportParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """Read the chosen series: a :class:`Volume` each, or a :class:`DynamicVolume` where it has several phases.

    Raises
    ------
    BadInput
        When there is no scan, or what was chosen is no volume: one sentence.
    """
    from organtwin.io.study import one_patient, read_as_phases, read_whole, scan

    with scan(parameters.sources, PartMonitor(monitor, 0.0, 0.3)) as study:
        for line in (*study.notes, *(f"damaged: {name}" for name in study.damaged)):
            monitor.log(line)
        if parameters.series:
            chosen = study.choose(parameters.series)
        elif parameters.as_phases:
            chosen = [series for series in study.series if series.readable] or [study.best()]
            one_patient(chosen)
        else:
            chosen = [study.best()]
        for series in study.series:
            monitor.log(f"{'*' if series in chosen else ' '} {series.line}")
        others = (
            tuple(f"Not imported: {series.title}." for series in study.series if series not in chosen)[:20]
            + study.notes
        )
        made: list[TwinObject] = []
        if parameters.as_phases:
            made.append(read_as_phases(chosen, PartMonitor(monitor, 0.3, 1.0), parameters.keep_identity))
        else:
            for n, series in enumerate(chosen):
                part = PartMonitor(monitor, 0.3 + 0.7 * n / len(chosen), 0.3 + 0.7 * (n + 1) / len(chosen))
                made.append(read_whole(series, part, parameters.keep_identity))
    if made and others:
        made[0] = made[0].with_(notes=(*made[0].notes, *others))
    monitor.progress(1.0, "imported")
    return made
