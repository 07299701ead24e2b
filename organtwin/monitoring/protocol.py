"""What is watched and when somebody is told: a protocol, kept as YAML so that a clinic can change it.

Every key that is not known is an error. Values carry their units ("135 mmHg", "2 kg"), because a bare number could be anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitoring.records import Severity
from organtwin.timeline import codes
from organtwin.twin.drift import Direction
from organtwin.yaml_text import YamlText

LONGEST = 256_000  # bytes of a protocol's file
DAYS = {"hour": 1.0 / 24.0, "day": 1.0, "week": 7.0, "month": 365.25 / 12.0, "year": 365.25}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(hour|day|week|month|year)s?\s*")
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:a|per)\s*(?:(\d+)\s*)?(hour|day|week|month|year)s?\s*")
_VALUE = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(\S.*?)\s*")
# days without which an alert does not end (our choice): what is averaged moves slowly, what is missing is over when it comes
QUIET = {"threshold": 2, "change": 2, "share": 7, "drift": 7, "twin": 7}
_NAME = r"^[a-z0-9][a-z0-9-]{0,59}$"


def days(text: str) -> float:
    """ "3 days", "12 hours", "1 week" in days."""
    found = _SPAN.fullmatch(text)
    if not found or not 0.0 < float(found[1]) * DAYS[found[2]] <= 3660.0:
        raise ValueError(f"'{text}' is no length of time; write it as in '3 days' or '12 hours'")
    return float(found[1]) * DAYS[found[2]]


def per_day(text: str) -> tuple[float, float]:
    """ "2 a day", "3 per week", "1 per 6 months": how many a day, and the length of its period in days."""
    found = _RATE.fullmatch(text)
    if not found or float(found[1]) <= 0.0 or found[2] == "0":
        raise ValueError(f"'{text}' says not how often; write it as in '2 a day' or '3 per week'")
    period = float(found[2] or 1) * DAYS[found[3]]
    return float(found[1]) / period, period


def share(text: str) -> float:
    """ "70 %" as 0.7."""
    found = _VALUE.fullmatch(text)
    if not found or found[2] != "%" or not 0.0 <= float(found[1]) <= 100.0:
        raise ValueError(f"'{text}' is no share; write it as in '70 %'")
    return float(found[1]) / 100.0


def split(text: str) -> tuple[float, str]:
    """ "135 mmHg" as its number and its unit."""
    found = _VALUE.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' needs a number and a unit, as in '135 mmHg'")
    return float(found[1]), found[2]


def _no_bare_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} is a bare number; write it with its unit, as in '3 days', '70 %' or '2 kg'")
    return value


Said = Annotated[str, BeforeValidator(_no_bare_number)]  # a number with its unit; it is read where it is used


class Watched(Frozen):
    """A reading by a short name: any of its ``codes`` will do, the first that the patient has is taken.

    ``expect`` says how often it should be taken ("1 a day", "3 per week"); an ``optional`` one is only expected of a patient
    who has taken it before (who has the device).
    """

    codes: Annotated[tuple[str, ...], Field(min_length=1)]
    expect: Said = ""
    optional: bool = False

    @field_validator("codes", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        listed = (value,) if isinstance(value, str) else value
        for code in listed if isinstance(listed, list | tuple) else ():
            if not isinstance(code, str) or code not in codes.CODES:
                raise ValueError(
                    f"'{code}' is no LOINC code of a reading that is known here ('organtwin readings codes')"
                )
        return listed

    @field_validator("expect")
    @classmethod
    def _often(cls, value: str) -> str:
        if value:
            per_day(value)
        return value

    @property
    def title(self) -> str:
        return codes.CODES[self.codes[0]].title

    @property
    def label(self) -> str:
        return codes.CODES[self.codes[0]].label

    @property
    def unit(self) -> str:
        return codes.CODES[self.codes[0]].unit

    def value(self, text: str, difference: bool = False) -> float:
        """A value with its unit in the reading's own unit; a difference knows no offset (a rise of 1 K is one of 1 Cel)."""
        number, unit = split(text)
        turn = codes.CODES[self.codes[0]].turned(unit)
        if turn is None:
            raise ValueError(f"{self.title} cannot be in '{unit}'; it is kept in {self.unit}")
        return turn[0] * number + (0.0 if difference else turn[1])


class _Rule(Frozen):
    """``alone: false`` makes a rule that only serves in a composite. ``source`` names where its numbers come from.

    ``quiet``: an alert ends when its rule has not held for so long, so that a value near its limit does not come and go.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    severity: Severity = "warning"
    alone: bool = True
    says: str = ""
    source: str = ""
    quiet: Said = ""

    @field_validator("quiet")
    @classmethod
    def _some_days(cls, value: str) -> str:
        if value and days(value) > 30.0:
            raise ValueError(f"'{value}': an alert stays at most 30 days after its rule held")
        return value

    @property
    def quiet_days(self) -> int:
        """Whole days; where nothing is said, by the kind of rule."""
        return round(days(self.quiet)) if self.quiet else QUIET.get(getattr(self, "kind", ""), 0)

    def used(self) -> tuple[str, ...]:
        """Names of the readings it needs."""
        return (self.reading,) if isinstance(getattr(self, "reading", None), str) else ()  # type: ignore[attr-defined]

    def check(self, readings: Mapping[str, Watched]) -> None:
        """Everything that needs the readings to be known; raises ValueError with a sentence."""


class Threshold(_Rule):
    """A value beyond a limit: the ``last`` reading, or a statistic ``over`` some days with at ``least`` so many readings.

    Of the last reading, ``over`` says how old it may be (a week where nothing is said).
    """

    kind: Literal["threshold"]
    reading: str
    above: Said = ""
    below: Said = ""
    of: Literal["last", "mean", "median", "lowest", "highest"] = "last"
    over: Said = ""
    least: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _whole(self) -> Threshold:
        if bool(self.above) == bool(self.below):
            raise ValueError(f"the rule '{self.name}' needs one of 'above' and 'below'")
        if self.of != "last" and not self.over:
            raise ValueError(f"the rule '{self.name}': {self.of} 'over' how long? Write it as in 'over: 7 days'")
        if self.over:
            days(self.over)
        return self

    @property
    def quiet_days(self) -> int:
        return super().quiet_days if self.quiet or self.of == "last" else 7

    def check(self, readings: Mapping[str, Watched]) -> None:
        readings[self.reading].value(self.above or self.below)


class Share(_Rule):
    """The share of readings inside a range (time in range) is too small or too large over some days."""

    kind: Literal["share"]
    reading: str
    from_: Annotated[Said, Field(alias="from")] = ""
    to: Said = ""
    over: Said
    below: Said = ""
    above: Said = ""
    least: Annotated[int, Field(ge=1)] = 10

    @model_validator(mode="after")
    def _whole(self) -> Share:
        if bool(self.above) == bool(self.below):
            raise ValueError(f"the rule '{self.name}' needs one of 'above' and 'below', a share such as '70 %'")
        if not (self.from_ or self.to):
            raise ValueError(f"the rule '{self.name}' needs a range: 'from', 'to' or both")
        share(self.above or self.below)
        days(self.over)
        return self

    def check(self, readings: Mapping[str, Watched]) -> None:
        for text in filter(None, (self.from_, self.to)):
            readings[self.reading].value(text)


class Change(_Rule):
    """A rise or fall by so much within some days, from the daily values: quick changes that a limit would not see."""

    kind: Literal["change"]
    reading: str
    rise: Said = ""
    fall: Said = ""
    within: Said

    @model_validator(mode="after")
    def _whole(self) -> Change:
        if bool(self.rise) == bool(self.fall):
            raise ValueError(f"the rule '{self.name}' needs one of 'rise' and 'fall'")
        days(self.within)
        return self

    def check(self, readings: Mapping[str, Watched]) -> None:
        if readings[self.reading].value(self.rise or self.fall, difference=True) <= 0.0:
            raise ValueError(f"the rule '{self.name}': a change of '{self.rise or self.fall}' is none")


class Drifting(_Rule):
    """One or several readings have begun to move against the patient's own past (organtwin.twin.drift).

    ``false_alarms`` says how often it may be wrong; ``at_least`` leaves out what is certain but too small to matter.
    """

    kind: Literal["drift"]
    readings: Annotated[dict[str, Direction], Field(min_length=1)]
    false_alarms: Said = "1 per 6 months"
    at_least: dict[str, Said] = Field(default_factory=dict)

    @field_validator("false_alarms")
    @classmethod
    def _rate(cls, value: str) -> str:
        rate = per_day(value)[0] * DAYS["month"]
        if not 0.01 <= rate <= 0.5:
            raise ValueError(f"'{value}': false alarms can be kept between '1 per 2 months' and '1 per 100 months'")
        return value

    def used(self) -> tuple[str, ...]:
        return tuple(self.readings)

    def check(self, readings: Mapping[str, Watched]) -> None:
        for name, text in self.at_least.items():
            if name not in self.readings:
                raise ValueError(f"the rule '{self.name}': 'at_least' names '{name}', which is none of its readings")
            readings[name].value(text, difference=True)

    @property
    def false_alarms_per_month(self) -> float:
        return per_day(self.false_alarms)[0] * DAYS["month"]


class Missing(_Rule):
    """Readings that are expected and do not come: less than a share of them ``over`` some days, or none for so long."""

    kind: Literal["missing"]
    reading: str
    below: Said = ""
    over: Said = ""
    none_for: Said = ""

    @model_validator(mode="after")
    def _whole(self) -> Missing:
        if bool(self.none_for) == bool(self.below) or bool(self.below) != bool(self.over):
            raise ValueError(f"the rule '{self.name}' needs 'none_for', or 'below' (a share) with 'over'")
        for text in filter(None, (self.over, self.none_for)):
            days(text)
        if self.below:
            share(self.below)
        return self

    def check(self, readings: Mapping[str, Watched]) -> None:
        if self.below and not readings[self.reading].expect:
            raise ValueError(
                f"the rule '{self.name}' asks for a share of '{self.reading}', which says not how often it is expected"
            )


class TwinAway(_Rule):
    """What was measured is away from what the calibrated twin expects, by more than ``more_than`` standard deviations in the mean of ``over``."""

    kind: Literal["twin"]
    reading: str
    model: str
    more_than: Annotated[float, Field(gt=0.0, le=20.0)] = 2.0
    over: Said = "3 days"
    least: Annotated[int, Field(ge=1)] = 3

    @field_validator("over")
    @classmethod
    def _span(cls, value: str) -> str:
        days(value)
        return value


class Composite(_Rule):
    """Several rules of the protocol at once: ``all`` of them, or at least ``count`` of ``of``."""

    kind: Literal["composite"]
    all: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _whole(self) -> Composite:
        if bool(self.all) == bool(self.of):
            raise ValueError(f"the rule '{self.name}' needs one of 'all' and 'of', a list of rules")
        if self.count > len(self.all or self.of):
            raise ValueError(f"the rule '{self.name}' wants {self.count} of {len(self.all or self.of)} rules")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        return self.all or self.of

    @property
    def needed(self) -> int:
        return len(self.all) or self.count


Rule = Annotated[Threshold | Share | Change | Drifting | Missing | TwinAway | Composite, Field(discriminator="kind")]


class Protocol(Frozen):
    """A protocol. ``fits`` are words of conditions (ICD-10 beginnings or words of their names) that it is suggested for."""

    name: Annotated[str, Field(pattern=_NAME)]
    title: Annotated[str, Field(min_length=1)]
    about: str = ""
    sources: tuple[str, ...] = ()
    fits: tuple[str, ...] = ()
    readings: Annotated[dict[str, Watched], Field(min_length=1)]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _together(self) -> Protocol:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f"the rule '{rule.name}' is there twice")
            for reading in rule.used():
                if reading not in self.readings:
                    raise ValueError(
                        f"the rule '{rule.name}' uses the reading '{reading}', which the protocol does not have "
                        f"(it has: {', '.join(self.readings)})"
                    )
            try:
                rule.check(self.readings)
            except ValueError as error:
                raise ValueError(
                    f"the rule '{rule.name}': {str(error).removeprefix(f"the rule '{rule.name}': ")}"
                ) from None
            for part in rule.parts if isinstance(rule, Composite) else ():
                if part not in seen:
                    raise ValueError(f"the rule '{rule.name}' builds on '{part}', which is no rule before it")
            seen.add(rule.name)
        return self

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All LOINC codes that it looks at."""
        return tuple(dict.fromkeys(code for watched in self.readings.values() for code in watched.codes))


def parse(text: str, where: str = "the protocol") -> Protocol:
    """A protocol from its YAML.

    Raises
    ------
    BadInput
        One sentence with the line: no YAML, an unknown or doubled key, a wrong value.
    """
    if len(text) > LONGEST:
        raise BadInput(f"A protocol is a text of at most {LONGEST // 1000} kB", where=where)
    written = YamlText.read(text, where, "a protocol", "'organtwin protocols diabetes'")
    try:
        return written.as_model(Protocol, "a protocol")
    except BadInput as error:
        cause, told = error.__cause__, re.search(r"the rule '([^']+)'", error.what)
        if told is None or not isinstance(cause, ValidationError) or cause.errors()[0]["loc"]:
            raise
        names = [str(rule["name"]) for rule in written.data["rules"]]  # each rule is right: they do not fit together
        if told[1] not in names:
            raise
        raise BadInput(error.what, where=written.line("rules", names.index(told[1])), remedy=error.remedy) from cause


def read(path: Path) -> tuple[Protocol, str]:
    """A protocol's file: what it says, and its text. Raises as :func:`parse`."""
    try:
        if path.stat().st_size > LONGEST:
            raise BadInput(f"A protocol is a text of at most {LONGEST // 1000} kB", where=str(path))
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("The protocol cannot be read", where=str(path)) from error
    return parse(text, str(path)), text


def shipped() -> tuple[str, ...]:
    """Names of the protocols that come with the program."""
    folder = files("organtwin.monitoring").joinpath("protocols")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def shipped_text(name: str) -> str:
    """One of them as it is written, to be shown or copied.

    Raises
    ------
    BadInput
        When there is none of that name.
    """
    if name not in shipped():
        raise BadInput(f"There is no protocol '{name}'", remedy=f"There are: {', '.join(shipped())}; or give a file.")
    return files("organtwin.monitoring").joinpath("protocols", f"{name}.yaml").read_text(encoding="utf-8")


@cache
def _parsed(text: str) -> Protocol:
    return parse(text)


def known(text: str) -> Protocol:
    """As :func:`parse`, remembered: a cohort has the same few texts many times."""
    return _parsed(text)
