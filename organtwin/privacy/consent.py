"""What a patient agreed to: records of consent, and whether they cover a purpose."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

from organtwin.checked import plain_yaml, validated
from organtwin.errors import BadInput
from organtwin.model import Frozen

PURPOSE, POLICY = "ORGANTWIN_PURPOSE", "ORGANTWIN_POLICY"


class Consent(Frozen):
    """``by`` consented to ``purpose``; ``until`` is the last day it holds, None for no end. ``withdrawn``: not any more."""

    purpose: str
    by: str = ""
    until: date | None = None
    said: str = ""
    withdrawn: bool = False

    def holds(self, today: date | None = None) -> bool:
        today = today or datetime.now(UTC).date()
        return not self.withdrawn and (self.until is None or today <= self.until)

    @property
    def in_words(self) -> str:
        return f"{self.purpose}{f' until {self.until}' if self.until else ''}"


class Policy(Frozen):
    """What data may be used for at this place."""

    purposes: dict[str, str]
    default_purpose: str
    consent_needed: bool = False

    def check(self, purpose: str) -> str:
        """A purpose, if there is such a one.

        Raises
        ------
        BadInput
        """
        if purpose not in self.purposes:
            raise BadInput(f"There is no purpose '{purpose}'", remedy=f"There are: {', '.join(self.purposes)}.")
        return purpose


def policy() -> Policy:
    """That of the file which ORGANTWIN_POLICY names, else the built-in one."""
    import yaml

    given = os.environ.get(POLICY, "")
    source = Path(given) if given else files("organtwin.privacy").joinpath("policy.yaml")
    try:
        data = plain_yaml(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput("The policy cannot be read", where=given) from error
    return validated(Policy, data, "the policy")


def standing(consents: Iterable[Consent]) -> dict[str, Consent]:
    """The last word on each purpose."""
    return {consent.purpose: consent for consent in consents}


def require(consents: Iterable[Consent], purpose: str, rules: Policy, doing: str) -> None:
    """Check that ``doing`` for a purpose is covered.

    Raises
    ------
    BadInput
        When it is not: what is covered, and what to do.
    """
    known = standing(consents)
    if not known and not rules.consent_needed:
        return
    said = known.get(purpose)
    if said is not None and said.holds():
        return
    covered = ", ".join(c.in_words for c in known.values() if c.holds()) or "nothing"
    why = (
        "was withdrawn"
        if said is not None and said.withdrawn
        else f"ended on {said.until}"
        if said
        else "is not on record"
    )
    raise BadInput(
        f"{doing} for '{purpose}' is refused: the patient's consent to it {why} (covered: {covered})",
        remedy=f"Give a purpose that is covered (--purpose), or ask the patient and record it: organtwin consent PROJECT --purpose {purpose} --by WHO.",
    )
