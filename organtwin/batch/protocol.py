"""A protocol: what is done with every study, as data. It is written in YAML; a mistake is one sentence with its line."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from organtwin.checked import validated
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.operations.registry import GROUP, find, names
from organtwin.yaml_text import YamlText

Patterns = tuple[str, ...]


class StudyFilter(Frozen):
    """What counts as a study.

    ``each``: a row for every study, or for every series. ``files`` and ``not_files``: patterns for the names of files that
    are no DICOM (NIfTI, NRRD, MHA), such as "*_4d.nii.gz".
    """

    each: Literal["study", "series"] = "study"
    files: Patterns = ("*",)
    not_files: Patterns = ("*_gt.*", "*_seg.*", "*label*", "*mask*", "*.seg.nrrd")

    @field_validator("files", "not_files", mode="before")
    @classmethod
    def _one_too(cls, value: object) -> object:
        return _several(value)


class SeriesFilter(Frozen):
    """Which series of a study is taken.

    Parameters
    ----------
    modality : list of str
        Such as [CT]; any when left out.
    description, not_description : str
        Regular expressions that the description holds, or does not; capitals do not count.
    plane : str
        Such as "axial".
    least_slices, most_slices : int
    phases : "one", "several" or "any"
        A cine is one series of several phases.
    take : "best", "first" or "most-slices"
        Of those that are left.
    """

    modality: tuple[str, ...] = ()
    description: str = ""
    not_description: str = ""
    plane: str = ""
    least_slices: Annotated[int, Field(ge=1)] = 1
    most_slices: Annotated[int, Field(ge=1)] = 100_000
    phases: Literal["one", "several", "any"] = "any"
    take: Literal["best", "first", "most-slices"] = "best"

    @field_validator("modality", mode="before")
    @classmethod
    def _one_too(cls, value: object) -> object:
        return _several(value)

    @field_validator("description", "not_description")
    @classmethod
    def _an_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"'{value}' is no regular expression: {error}") from None
        return value


class Step(Frozen):
    """One operation.

    Parameters
    ----------
    do : str
        Name of an operation: segment, edit, vessel, cine, mesh ... (``organtwin operations`` lists them).
    name : str
        What its result is called, for steps after it and for exports.
    with : dict
        Its parameters, the same as everywhere.
    from : dict
        Which result plays which of its inputs, by name; left out: the newest one of the kind that it needs.
    when : list of str
        Only for scans of these modalities.
    may_fail : bool
        When it fails, the study goes on, with a flag.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    do: str
    name: str = ""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    from_: dict[str, str] = Field(default_factory=dict, alias="from")
    when: tuple[str, ...] = ()
    may_fail: bool = False

    @field_validator("when", mode="before")
    @classmethod
    def _one_too(cls, value: object) -> object:
        return _several(value)

    @property
    def title(self) -> str:
        return self.name or self.do

    def left_out(self) -> bool:
        """Whether it may fail, and belongs to a part of OrganTwin that is not installed here."""
        return self.may_fail and self.do not in names() and bool(entry_points(group=GROUP, name=self.do))


class Export(Frozen):
    """A file for each study: ``what`` is the name of a step, ``as`` the ending that says the format (nii.gz, seg.nrrd, dcm, stl, ...)."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    what: str
    as_: str = Field(alias="as")


class Table(Frozen):
    """What goes into the table: ``structures`` (all when left out), whether with the scan's ``values`` in each of them (mean
    and spread), and whether with the ``quality`` of each, whose poor findings are flags."""

    structures: tuple[str, ...] = ()
    values: bool = True
    quality: bool = True


class Limits(Frozen):
    """What one study may use: ``memory_gb`` and ``minutes``; ``threads`` of its libraries."""

    memory_gb: Annotated[float, Field(gt=0, le=4096)] = 4.0
    minutes: Annotated[float, Field(gt=0)] = 30.0
    threads: Annotated[int, Field(ge=1, le=256)] = 1


class Protocol(Frozen):
    """What is done with every study."""

    name: str = "protocol"
    about: str = ""
    studies: StudyFilter = StudyFilter()
    series: SeriesFilter = SeriesFilter()
    steps: tuple[Step, ...]
    table: Table = Table()
    export: tuple[Export, ...] = ()
    limits: Limits = Limits()

    def key(self) -> str:
        """A hash of all that the results hang on: series and steps. Limits, table and exports are no part of it."""
        return self.keys()[-1]

    def keys(self) -> list[str]:
        """A hash for the scan and one more after each step, so that what a change affects can be told."""
        at = _hash([self.series.model_dump(mode="json")])
        keys = [at]
        for step in self.steps:
            at = _hash([at, step.model_dump(mode="json")])
            keys.append(at)
        return keys

    def leaving_key(self) -> str:
        """A hash of what leaves a study: table and exports."""
        return _hash([self.table.model_dump(mode="json"), [e.model_dump(mode="json") for e in self.export]])


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _hash(data: Any) -> str:
    return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=10).hexdigest()


def default_text() -> str:
    """The protocol that is used when none is given, as it is shown and may be copied."""
    return files("organtwin.batch").joinpath("default.yaml").read_text(encoding="utf-8")


def read_protocol(path: Path) -> Protocol:
    """Read a protocol's file.

    Raises
    ------
    BadInput
        One sentence with the line: no YAML, an unknown or doubled key, a wrong value, an unknown operation or parameter.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("The protocol cannot be read", where=str(path)) from error
    return parse(text, str(path))


def parse(text: str, where: str = "the protocol") -> Protocol:
    """A protocol from its YAML; raises as :func:`read_protocol`."""
    written = YamlText.read(text, where, "a protocol", "organtwin batch --show-protocol")
    protocol = written.as_model(Protocol, "a protocol")
    for n, step in enumerate(protocol.steps):
        try:
            _check(step)
        except BadInput as error:
            raise BadInput(
                f"Step {n + 1} cannot be done: {error.what}",
                where=written.line("steps", n),
                remedy=error.remedy,
            ) from error
    known = {step.title for step in protocol.steps} | {"scan"}
    for n, one in enumerate(protocol.export):
        if one.what not in known:
            raise BadInput(
                f"There is no step '{one.what}' to export from",
                where=written.line("export", n),
                remedy=f"There are: {', '.join(sorted(known))}.",
            )
    for n, step in enumerate(protocol.steps):
        before = {"scan", *(s.title for s in protocol.steps[:n])}
        for name in step.from_.values():
            if name not in before:
                raise BadInput(
                    f"Step {n + 1} takes '{name}', which no step before it makes",
                    where=written.line("steps", n),
                    remedy=f"Before it there are: {', '.join(sorted(before))}.",
                )
    return protocol


def _check(step: Step) -> None:
    """Everything about a step that can be known before there is a study."""
    if step.left_out():
        return
    find(step.do).read(step.with_)
    if step.do == "segment":
        from organtwin.segment.engine import find as engine_named

        engine = engine_named(str(step.with_.get("engine", "ct")))
        validated(engine.parameters, step.with_.get("options", {}), f"options of the engine '{engine.name}'")
        if not step.may_fail and (reason := engine.why_not()):
            raise BadInput(f"The engine '{engine.name}' cannot run: {reason}")
    if step.do == "edit":
        from organtwin.edit.tool import find as tool_named

        tool = tool_named(str(step.with_.get("tool", "")))
        validated(tool.options, step.with_.get("options", {}), f"options of '{tool.title}'")
