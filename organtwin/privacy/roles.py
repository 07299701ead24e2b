"""Who sees and does what with a project: roles as data. On a project that is not sealed they are views, not protection."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from organtwin.checked import plain_yaml, validated
from organtwin.errors import BadInput
from organtwin.model import Frozen, TwinObject
from organtwin.model.observations import Event, Observations, Person

ROLE = "ORGANTWIN_ROLE"

Sight = Literal["identity", "readings", "quarantine", "alerts", "audit"]
Deed = Literal[
    "import", "edit", "run", "acknowledge", "export", "report", "deidentify", "consent", "seal", "roles"
]  # fmt: skip
DOING: dict[str, str] = {
    "import": "import", "edit": "change objects", "run": "run models", "acknowledge": "acknowledge alerts",
    "export": "export objects", "report": "write reports", "deidentify": "write de-identified copies",
    "consent": "record consent", "seal": "seal projects or change passphrases", "roles": "change roles",
}  # fmt: skip
SEEING: dict[str, str] = {
    "identity": "who the patient is", "readings": "single readings", "quarantine": "what was set aside",
    "alerts": "alerts", "audit": "the audit log",
}  # fmt: skip


NAMING = ("patient", "patient id", "patient name", "birth date", "study date")  # of what a scan keeps of its headers


class Role(Frozen):
    """What one sees and may do."""

    title: str
    sees: frozenset[Sight] = frozenset()
    may: frozenset[Deed] = frozenset()
    purpose: str = ""
    name: str = Field(default="", exclude=True)

    def require(self, deed: str) -> None:
        """Raise :class:`BadInput` where it may not."""
        if deed not in self.may:
            raise BadInput(
                f"The role '{self.name}' may not {DOING.get(deed, deed)}", remedy="Use a role that may (--role)."
            )

    def require_sight(self, sight: str) -> None:
        """Raise :class:`BadInput` where it does not see that."""
        if sight not in self.sees:
            raise BadInput(
                f"The role '{self.name}' does not see {SEEING.get(sight, sight)}",
                remedy="Use a role that does (--role).",
            )

    @property
    def sees_all(self) -> bool:
        return self.sees >= set(SEEING)


OWNER = Role(title="Owner", sees=frozenset(SEEING), may=frozenset(DOING))


class _File(Frozen):
    roles: dict[str, Role]


def read_roles(text: str, where: str = "roles.yaml") -> dict[str, Role]:
    """Roles of a YAML text.

    Raises
    ------
    BadInput
        Naming what is wrong in it.
    """
    import yaml

    try:
        data = plain_yaml(text)
    except yaml.YAMLError as error:
        raise BadInput("The roles are not YAML", where=where) from error
    if not isinstance(data, dict) or not data:
        raise BadInput("There are no roles in this file", where=where)
    found = validated(_File, {"roles": data}, "the roles").roles
    return {name: role.model_copy(update={"name": name}) for name, role in found.items()}


@cache
def built_in() -> dict[str, Role]:
    return read_roles(files("organtwin.privacy").joinpath("roles.yaml").read_text(encoding="utf-8"))


def chosen(bound: str, own: str | None) -> Role:
    """The role of this session: that of the passphrase (``bound``), else of ORGANTWIN_ROLE, else the owner's.

    ``own`` is the text of the project's own roles.
    """
    wanted = os.environ.get(ROLE, "")
    if bound and wanted and wanted != bound:
        raise BadInput(
            f"This passphrase opens the project as '{bound}', not as '{wanted}'",
            remedy="Use the other role's passphrase.",
        )
    name = bound or wanted
    if not name:
        return OWNER
    roles = read_roles(own) if own is not None else built_in()
    if name not in roles:
        raise BadInput(f"There is no role '{name}'", remedy=f"There are: {', '.join(roles)}.")
    return roles[name]


def seen(thing: TwinObject, role: Role) -> TwinObject:
    """An object as a role sees it.

    Raises
    ------
    BadInput
        When it does not see such objects at all.
    """
    if thing.kind == "alert":
        role.require_sight("alerts")
    if not isinstance(thing, Observations):
        acquisition = getattr(thing, "acquisition", None)
        if "identity" in role.sees or not isinstance(acquisition, dict):
            return thing
        return thing.with_(acquisition=_nameless(acquisition))
    role.require_sight("readings")
    changes: dict[str, Any] = {}
    if "quarantine" not in role.sees or "identity" not in role.sees:  # raw lines may name the patient
        changes["quarantine"] = thing.quarantine[:0]
    if "identity" not in role.sees:
        changes["person"] = Person(sex=thing.person.sex)
        changes["sources"] = tuple(
            s.model_copy(update={"name": s.format, "device": "", "sha256": ""}) for s in thing.sources
        )
        changes["events"] = tuple(_wordless(event) for event in thing.events)
        changes["notes"] = ()
    return thing.with_(**changes)


def seen_facts(kind: str, facts: Mapping[str, Any], role: Role) -> dict[str, Any]:
    """An object's meta data as a role sees it."""
    shown = dict(facts)
    if "identity" not in role.sees and isinstance(facts.get("acquisition"), Mapping):
        shown["acquisition"] = _nameless(facts["acquisition"])
    if kind == "observations":
        if "identity" not in role.sees:
            shown["person"] = {"sex": facts.get("person", {}).get("sex", "unknown")}
            shown["sources"] = [
                {"name": s.get("format", ""), "format": s.get("format", "")} for s in facts.get("sources", ())
            ]
        if "identity" not in role.sees or "readings" not in role.sees:
            shown["events"] = []
    return shown


def _wordless(event: Event) -> Event:
    """Free text may name people."""
    kept = {key: value for key, value in event.detail.items() if isinstance(value, int | float | bool)}
    return event.model_copy(update={"detail": kept, "display": event.display if event.code else event.kind})


def _nameless(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key not in NAMING}
