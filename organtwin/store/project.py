"""A project folder ``case.otwin/``: objects, jobs, journal, lock and the mirror ``project.json``."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from organtwin import __version__
from organtwin.edit.patch import Patch
from organtwin.errors import BadInput
from organtwin.model import Segmentation, TwinObject
from organtwin.privacy.consent import PURPOSE, Consent, Policy, policy, require
from organtwin.privacy.roles import OWNER, Role, built_in, chosen, read_roles, seen, seen_facts
from organtwin.store.atomic import said_plainly, write_json
from organtwin.store.audit import AuditLog, anchor_of
from organtwin.store.journal import Act, Dismiss, Journal, Redo, Undo
from organtwin.store.keyring import new_vault, open_vault
from organtwin.store.lock import Lock
from organtwin.store.migrations import migrate
from organtwin.store.objects import Entry, load_object, read_entry, save_edited, save_object
from organtwin.store.staging import finish, put_away
from organtwin.store.vault import IDENTITY, Vault, hold, let_go

HEAD = "head.json"  # of a sealed project: what project.json says of a plain one
ROLES_FILE = "roles.yaml"
FORMAT, SEALED_FORMAT = 1, 2  # a plain project stays one that older versions open
SEALED_HEAD = {"format": SEALED_FORMAT, "sealed": "age-encryption.org/v1"}  # all that stays open


class Project:
    """The objects of one patient and everything that was done to them.

    Every change is on disk before the method returns; there is nothing to save. Undo has no depth limit and
    works across restarts, because the journal keeps every act and no object is deleted by it.
    """

    def __init__(self, folder: Path, *, read_only: bool = False, passphrase: str | None = None) -> None:
        if not (folder / "project.json").exists():
            raise BadInput(
                "This is not an OrganTwin project", where=str(folder), remedy="Choose a folder that ends in .otwin."
            )
        self.folder = folder.resolve()
        self.read_only = read_only
        self._held: Vault | None = None
        self._lock = None if read_only else Lock(folder / "lock")
        try:
            finish(self.folder, self._lock)
            if not read_only:
                put_away(self.folder)
            self.vault = open_vault(self.folder, passphrase)
            self._held = hold(self.vault)
            self._not_opened_up()
            self._head = self._read_head()
            if not read_only and not self.vault.sealed:
                migrate(self.folder, self._head.get("format", 0), FORMAT)
            self._journal = Journal(self.folder / "journal", self.vault)
            self.audit = AuditLog(self.folder / "audit", self.vault)
            self.audit.also = anchor_of(self._head)
            self.role = chosen(self.vault.role, self._own_roles)
        except BaseException:
            self.close()
            raise
        self._done: list[Act] = []
        self._undone: list[Act] = []
        self._live: dict[str, str] = {}  # uuid -> name, in order of appearance
        self.seen_jobs: set[str] = set()
        self._roots: dict[str, str] = {}  # versions never change
        self._read: dict[str, Entry] = {}  # nor does what is written of an object
        self._origins: dict[str, str] = {}
        for line in self._journal.lines:
            self._apply(line)
        self.log("open", "for reading" if read_only else "")

    # -- opening and closing --------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, name: str = "", passphrase: str | None = None) -> Project:
        """Make a new, empty project; with a passphrase a sealed one, in which nothing ever lies open.

        Raises
        ------
        BadInput
            When something is there already.
        """
        if folder.exists() and any(folder.iterdir()):
            raise BadInput(
                "There is something at this place already",
                where=str(folder),
                remedy="Choose a new name, or open it instead.",
            )
        with said_plainly(folder):
            for part in ("objects", "jobs"):
                (folder / part).mkdir(parents=True, exist_ok=True)
        head: dict[str, Any] = {"program": f"organtwin {__version__}", "name": name or folder.stem, "objects": []}
        if passphrase is None:
            write_json(folder / "project.json", {"format": FORMAT, **head})
            return cls(folder)
        vault = new_vault(folder, passphrase)
        with said_plainly(folder):
            (folder / IDENTITY).write_bytes(vault.wrapped(passphrase))
        vault.write_json(folder / HEAD, {"format": SEALED_FORMAT, **head})
        write_json(folder / "project.json", SEALED_HEAD)
        return cls(folder)

    def close(self) -> None:
        """Let others open the project; the last that closes a sealed one forgets its key."""
        vault, self._held = self._held, None
        if vault is not None:
            let_go(vault)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        return str(self._head.get("name", self.folder.stem))

    @property
    def head(self) -> dict[str, object]:
        """The description: name, program, objects."""
        return dict(self._head)

    @property
    def jobs_folder(self) -> Path:
        return self.folder / "jobs"

    @property
    def objects_folder(self) -> Path:
        return self.folder / "objects"

    @property
    def recovered_from_line(self) -> int | None:
        """Number of the journal line that a crash cut off, or None."""
        return self._journal.damaged_from

    # -- reading --------------------------------------------------------------------------------------------------

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Live objects in order of appearance."""
        found = []
        for uuid, name in self._live.items():
            entry = self.entry(uuid)
            if (kind is None or entry.kind == kind) and (entry.kind != "alert" or "alerts" in self.role.sees):
                found.append(entry if entry.name == name else replace(entry, name=name))
        return found

    def entry(self, uuid: str) -> Entry:
        """Meta data of an object, live or not, as the role of this session sees it."""
        entry = self._entry(uuid)
        if self.role is OWNER or self.role.sees_all:
            return entry
        return replace(entry, facts=seen_facts(entry.kind, entry.facts, self.role))

    def _entry(self, uuid: str) -> Entry:
        entry = self._read.get(uuid)
        if entry is None:
            entry = self._read[uuid] = read_entry(self._object_folder(uuid))
        return entry

    def is_live(self, uuid: str) -> bool:
        return uuid in self._live

    def load(self, uuid: str) -> TwinObject:
        """Read an object as the role of this session sees it, with the name it has now."""
        thing = load_object(self._object_folder(uuid))
        if not self.role.sees_all:
            thing = seen(thing, self.role)
        name = self._live.get(uuid)
        return thing if name is None or name == thing.name else thing.with_(name=name)

    def objects[T: TwinObject](self, of: type[T]) -> list[T]:
        """All live objects of a class, in order of appearance."""
        loaded = (self.load(entry.uuid) for entry in self.entries(of.kind))
        return [thing for thing in loaded if isinstance(thing, of)]

    def root(self, uuid: str) -> str:
        """The first of all versions of an object: what it replaced, and what that replaced."""
        return self._back(uuid, self._roots, lambda entry: entry.replaces)

    def origin(self, uuid: str) -> str:
        """The version that an operation other than a hand's edit made."""
        return self._back(
            uuid,
            self._origins,
            lambda e: e.recipe.inputs.get("segmentation") if e.recipe and e.recipe.operation == "edit" else None,
        )

    def _back(self, uuid: str, known: dict[str, str], before: Callable[[Entry], str | None]) -> str:
        way = []
        at: str | None = uuid
        while at is not None and at not in known and (self.objects_folder / at).is_dir():
            way.append(at)
            at = before(self.entry(at))
        first = known[at] if at in known else (way[-1] if way else uuid)
        known.update(dict.fromkeys(way, first))
        return first

    def _object_folder(self, uuid: str) -> Path:
        folder = self.objects_folder / uuid
        if not folder.is_dir():
            raise BadInput("The project has no such object", where=uuid)
        return folder

    # -- changing -------------------------------------------------------------------------------------------------

    def put(self, thing: TwinObject) -> None:
        """Write an object's files. It is not part of the project until an act adds it."""
        self._writable()
        if not (self.objects_folder / thing.uuid).exists():
            save_object(thing, self.objects_folder)

    def put_edited(self, thing: Segmentation, base: str, patch: Patch) -> None:
        """Write a segmentation as its difference to an older one of this project."""
        self._writable()
        save_edited(thing, base, patch, self.objects_folder)

    def take_in(self, folder: Path) -> None:
        """Move a complete object folder, made by a job, into the project."""
        self._writable()
        target = self.objects_folder / folder.name
        if not target.exists():
            with said_plainly(target):
                shutil.move(str(folder), str(target))

    def act(self, act: Act) -> None:
        """Do one step; what was undone before it can no longer be redone."""
        self._write(act)

    def undo(self) -> Act | None:
        """Take the last step back; returns it, or None where there is none."""
        if not self._done:
            return None
        step = self._done[-1]
        self._write(Undo())
        return step

    def redo(self) -> Act | None:
        if not self._undone:
            return None
        step = self._undone[-1]
        self._write(Redo())
        return step

    @property
    def history(self) -> tuple[Act, ...]:
        """What was done and not taken back, in order."""
        return tuple(self._done)

    @property
    def undo_label(self) -> str | None:
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        return self._undone[-1].label if self._undone else None

    def dismiss_job(self, job: str) -> None:
        self._write(Dismiss(job=job))

    def _write(self, line: Act | Undo | Redo | Dismiss) -> None:
        self._writable()
        deed = self._deed(line) if isinstance(line, Act) else line.do
        if deed != "dismiss":
            ran = isinstance(line, Act) and line.job
            self.may(deed if deed in ("import", "acknowledge") else "run" if ran else "edit")
        self._journal.append(line)
        self._apply(line)
        if isinstance(line, Act):
            self.log(deed, line.label, (*line.add, *line.remove, *line.rename))
            if deed == "import":
                self._told_purpose(line)
        elif not isinstance(line, Dismiss):
            self.log(deed)
        self._mirror()

    def log(self, did: str, what: str = "", objects: Sequence[str] = (), **detail: Any) -> None:
        """Add to the audit log."""
        self.audit.append(did, what, objects, self.role.name, **detail)

    # -- who may, and what for ------------------------------------------------------------------------------------

    def may(self, do: str) -> None:
        """Check that the role of this session may do it; raises :class:`BadInput` where it may not."""
        self.role.require(do)

    @property
    def roles(self) -> dict[str, Role]:
        """The roles of this project."""
        own = self._own_roles
        return read_roles(own) if own is not None else built_in()

    def set_roles(self, text: str) -> None:
        """Give the project roles of its own (YAML); an empty text takes them away."""
        self._writable()
        self.may("roles")
        if text:
            read_roles(text)
            self.vault.write_bytes(self.folder / ROLES_FILE, text.encode())
        else:
            self.vault.path(self.folder / ROLES_FILE).unlink(missing_ok=True)
        self.log("roles", "own roles" if text else "built-in roles")

    @property
    def _own_roles(self) -> str | None:
        file = self.folder / ROLES_FILE
        try:
            return self.vault.read_bytes(file).decode() if self.vault.exists(file) else None
        except (OSError, ValueError) as error:
            raise BadInput("The roles of this project are damaged", where=str(self.vault.path(file))) from error

    @property
    def consents(self) -> list[Consent]:
        """What was consented to, and withdrawn, in order: records of the audit log, and changed by nothing else."""
        return [Consent.model_validate(r.detail) for r in self.audit.records() if r.did == "consent"]

    def record_consent(self, consent: Consent) -> None:
        """Keep it that the patient agreed to a purpose, or does not any more."""
        self.may("consent")
        policy().check(consent.purpose)
        what = f"{consent.in_words}{' withdrawn' if consent.withdrawn else ''}"
        if self.audit.append("consent", what, (), self.role.name, **consent.model_dump(mode="json")) is None:
            raise BadInput("This project cannot be written to, so the consent was not kept", where=str(self.folder))

    def leaves(self, doing: str, what: str, objects: Sequence[str] = (), purpose: str = "") -> str:
        """Called before anything is written outside: checks role and consent, and logs it. Returns the purpose.

        ``doing``: "export", "report" or "deidentify".

        Raises
        ------
        BadInput
            When the role may not, or the patient's consent does not cover the purpose.
        """
        try:
            self.may(doing)
            rules = policy()
            wanted = self._purpose(purpose, rules)
            require(self.consents, wanted, rules, {"deidentify": "A de-identified copy"}.get(doing, doing.capitalize()))
        except BadInput as error:
            self.log("refused", f"{doing}: {what}", objects, why=error.what)
            raise
        self.log(doing, what, objects, purpose=wanted)
        return wanted

    def _purpose(self, purpose: str, rules: Policy) -> str:
        return rules.check(purpose or os.environ.get(PURPOSE, "") or self.role.purpose or rules.default_purpose)

    def _told_purpose(self, act: Act) -> None:
        """What was told at an import to be consented to is on record from then on."""
        told = [str(self.entry(uuid).facts.get("purpose") or "") for uuid in act.add]
        for purpose in dict.fromkeys([*told, os.environ.get(PURPOSE, "")]):
            if purpose and not any(c.purpose == purpose and c.holds() for c in self.consents):
                consent = Consent(purpose=purpose, by="told at import", said=act.label)
                self.audit.append(
                    "consent", consent.in_words, act.add, self.role.name, **consent.model_dump(mode="json")
                )

    def _deed(self, act: Act) -> str:
        """One word for what an act is."""
        added = [self._entry(uuid) for uuid in act.add]
        if any(e.recipe is not None and e.recipe.operation.startswith("import") for e in added):
            return "import"
        return "acknowledge" if added and all(e.facts.get("acknowledged") for e in added) else "act"

    def _apply(self, line: Act | Undo | Redo | Dismiss) -> None:
        match line:
            case Act():
                self._forward(line)
                self._done.append(line)
                self._undone.clear()
                if line.job:
                    self.seen_jobs.add(line.job)
            case Undo() if self._done:
                step = self._done.pop()
                self._backward(step)
                self._undone.append(step)
            case Redo() if self._undone:
                step = self._undone.pop()
                self._forward(step)
                self._done.append(step)
            case Dismiss():
                self.seen_jobs.add(line.job)

    def _forward(self, step: Act) -> None:
        for uuid in step.remove:
            self._live.pop(uuid, None)
        for uuid in step.add:
            self._live[uuid] = self.entry(uuid).name
        for uuid, (_, name) in step.rename.items():
            self._live[uuid] = name

    def _backward(self, step: Act) -> None:
        for uuid, (name, _) in step.rename.items():
            self._live[uuid] = name
        for uuid in step.add:
            self._live.pop(uuid, None)
        for uuid in step.remove:
            self._live[uuid] = self.entry(uuid).name
        created = {uuid: self.entry(uuid).created for uuid in self._live}
        self._live = {uuid: self._live[uuid] for uuid in sorted(self._live, key=lambda u: created[u])}

    def _mirror(self) -> None:
        objects = [{"uuid": e.uuid, "kind": e.kind, "name": e.name, "created": e.created} for e in self.entries()]
        self._head = {**self._head, "program": f"organtwin {__version__}", "objects": objects}
        self._head["audit"] = self.audit.anchor.model_dump()
        if self.vault.sealed:
            self.vault.write_json(self.folder / HEAD, self._head)
        else:
            write_json(self.folder / "project.json", self._head)

    def _writable(self) -> None:
        if self.read_only or self._lock is None:
            raise BadInput("This project was opened for reading only", where=str(self.folder))

    def _not_opened_up(self) -> None:
        """Without its key a sealed project must not pass for a plain one, into which people then write."""
        if not self.vault.sealed and any((self.folder / name).exists() for name in (f"{HEAD}.age", "journal.age")):
            raise BadInput("This project was sealed, and its key is gone", where=str(self.folder),
                           remedy=f"Take {IDENTITY} and project.json from a backup.")  # fmt: skip

    def _read_head(self) -> dict[str, object]:
        path = self.folder / "project.json"
        try:
            head: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
            version = int(str(head["format"]))
        except (OSError, ValueError, KeyError) as error:
            raise BadInput("The project's description is damaged", where=str(path)) from error
        if version > SEALED_FORMAT:
            raise BadInput(
                f"This project was written by a newer OrganTwin (format {version}, this one knows {SEALED_FORMAT})",
                where=str(path),
                remedy="Update OrganTwin.",
            )
        if not self.vault.sealed:
            return head
        try:
            sealed: dict[str, object] = self.vault.read_json(self.folder / HEAD)
        except (OSError, ValueError) as error:
            raise BadInput(
                "The project's description is damaged", where=str(self.vault.path(self.folder / HEAD))
            ) from error
        return sealed
