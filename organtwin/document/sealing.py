"""Turning a project into a sealed one and back, in place: killed at any moment it is the one or the other."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from organtwin.errors import BadInput, OrganTwinError
from organtwin.jobs import unseen
from organtwin.monitor import Monitor, NullMonitor
from organtwin.store import Project
from organtwin.store.atomic import said_plainly
from organtwin.store.keyring import checked, new_vault
from organtwin.store.objects import LABELS
from organtwin.store.project import FORMAT, HEAD, SEALED_FORMAT, SEALED_HEAD
from organtwin.store.staging import KEPT, STAGE, commit
from organtwin.store.vault import IDENTITY, PLAIN, ROLES, Sealed, Vault

LINES = ("journal", "audit", "audit.head")  # files that grow by records; and all with these endings
LINE_ENDINGS = (".jsonl", ".spool")
SAYS_NOTHING = ("cancel",)


def seal(folder: Path, passphrase: str, monitor: Monitor | None = None) -> None:
    """Encrypt all files of a project. What they were is removed, not overwritten: see docs/privacy.md.

    Raises
    ------
    BadInput
        When it is sealed already, open elsewhere, part of a batch, or one of its jobs runs.
    """
    project = Project(folder)
    try:
        if project.vault.sealed:
            raise BadInput("This project is sealed already", where=str(folder), remedy="'organtwin passphrase' gives it another passphrase.")  # fmt: skip
        if (folder / "batch" / "done.json").exists():
            raise BadInput("This project belongs to a batch, which reads it as it is", where=str(folder),
                           remedy="Copy it to another place without the folder 'batch', and seal the copy.")  # fmt: skip
        _at_rest(project)
        vault = new_vault(folder, passphrase)
        project.log("seal")
        root = project.folder
        stage = _stage(root)
        with _put_away_on_failure(stage):
            (stage / IDENTITY).write_bytes(vault.wrapped(passphrase))
            _exchange(root, stage, PLAIN, vault, monitor or NullMonitor())
        head = {key: value for key, value in project.head.items() if key != "format"}
        vault.write_json(stage / HEAD, {"format": SEALED_FORMAT, **head, "audit": project.audit.anchor.model_dump()})
        commit(root, dict(SEALED_HEAD))
    finally:
        project.close()


def unseal(folder: Path, passphrase: str | None = None, monitor: Monitor | None = None) -> None:
    """Decrypt all files of a project; raises as :func:`seal`."""
    project = Project(folder, passphrase=passphrase)
    try:
        vault = _owned(project)
        _at_rest(project)
        project.log("unseal")
        root = project.folder
        stage = _stage(root)
        with _put_away_on_failure(stage):
            _exchange(root, stage, vault, PLAIN, monitor or NullMonitor())
        commit(root, {**project.head, "format": FORMAT, "audit": project.audit.anchor.model_dump()})
    finally:
        project.close()


def change_passphrase(folder: Path, new: str, passphrase: str | None = None) -> None:
    """Wrap the identity anew. Copies of the project that were made before still open with the old one."""
    with Project(folder, passphrase=passphrase) as project:
        PLAIN.write_bytes(project.folder / IDENTITY, _owned(project).wrapped(checked(new)))
        project.log("passphrase", "the owner's")


def give_role(folder: Path, role: str, new: str, passphrase: str | None = None) -> None:
    """Let a passphrase of its own open the project, in this role only; an empty one takes that away."""
    with Project(folder, passphrase=passphrase) as project:
        vault = _owned(project)
        file = project.folder / ROLES / f"{role}.age"
        if new:
            with said_plainly(file):
                file.parent.mkdir(exist_ok=True)
            PLAIN.write_bytes(file, vault.wrapped(checked(new)))
        else:
            file.unlink(missing_ok=True)
        project.log("role", f"{role}: {'has' if new else 'has no longer'} a passphrase of its own")


def _owned(project: Project) -> Sealed:
    if not isinstance(project.vault, Sealed):
        raise BadInput("This project is not sealed", where=str(project.folder), remedy="'organtwin seal' seals it.")
    project.may("seal")
    return project.vault


def _at_rest(project: Project) -> None:
    for job in unseen(project.jobs_folder, project.seen_jobs):
        job.poll()
        if not job.state.ended:
            raise BadInput(f"'{job.spec.label}' is still running", where=str(project.folder),
                           remedy="Wait until it has ended, or cancel it.")  # fmt: skip

    for spool in (project.folder / "feed").glob("*"):
        with spool.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BadInput("A feed of this project is running", where=str(project.folder),
                               remedy="Stop it first (organtwin feed).") from error  # fmt: skip


def _stage(root: Path) -> Path:
    stage = root / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    with said_plainly(stage):
        stage.mkdir()
    needed = sum(file.stat().st_size for file, _ in _files(root))
    if shutil.disk_usage(root).free < 1.1 * needed + 2**20:
        raise OrganTwinError(
            "There is not enough room on this disk to hold the project twice, which takes a moment of it",
            where=str(root), remedy=f"Free {needed / 2**20:.0f} MB and try again; nothing was changed.",
        )  # fmt: skip
    return stage


@contextmanager
def _put_away_on_failure(stage: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def _files(root: Path) -> Iterator[tuple[Path, Path]]:
    """Files that belong to a project, and their places in it; leftovers of writing are not among them."""
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(
            f for f in folders if not _left_over(f) and not (Path(parent) == root and f in (*KEPT, ROLES))
        )
        for name in sorted(files):
            if _left_over(name) or (Path(parent) == root and name in (*KEPT, IDENTITY)):
                continue
            file = Path(parent, name)
            yield file, file.relative_to(root)


def _left_over(name: str) -> bool:
    return name.startswith(".") and name.endswith((".tmp", ".part"))


def _exchange(root: Path, stage: Path, old: Vault, new: Vault, monitor: Monitor) -> None:
    """Write every file of a project through another door into ``stage``."""
    files = list(_files(root))
    for folder in ("objects", "jobs"):
        (stage / folder).mkdir(exist_ok=True)
    for number, (file, place) in enumerate(files):
        monitor.progress(number / max(len(files), 1), f"{number} of {len(files)} files")
        target = stage / place.parent
        with said_plainly(target):
            target.mkdir(parents=True, exist_ok=True)
            _through(file, target, old, new)
    for parent, folders, _ in os.walk(root):  # a job without a result has an empty folder for it
        folders[:] = [f for f in folders if not _left_over(f) and not (Path(parent) == root and f in (*KEPT, ROLES))]
        for name in folders:
            (stage / Path(parent, name).relative_to(root)).mkdir(parents=True, exist_ok=True)


def _through(file: Path, target: Path, old: Vault, new: Vault) -> None:
    if file.name in SAYS_NOTHING:
        (target / file.name).touch()
        return
    array = _array_name(file, old)
    if array is not None:
        new.save_array(new.array_path(target, array), old.load_array(old.array_path(file.parent, array)))
        return
    name = file.name.removesuffix(".age") if old.sealed else file.name
    if name == HEAD and file.parent.name != "jobs" and old.sealed and target.name == STAGE:
        return  # the description, which the commit writes
    if name in LINES or name.endswith(LINE_ENDINGS):
        lines = []
        for raw in file.read_bytes().splitlines():
            try:
                lines.append(new.line(old.record(raw)) + b"\n")
            except ValueError:
                continue  # torn by a crash
        if name == "audit.head":
            lines = [line.rstrip(b"\n") for line in lines]
        PLAIN.write_bytes(new.path(target / name), b"".join(lines))
    else:
        new.write_bytes(target / name, old.read_bytes(file.with_name(name)))


def _array_name(file: Path, door: Vault) -> str | None:
    """The name of the array that a file holds."""
    if not door.sealed:
        return file.stem if file.suffix == ".npy" else None
    try:
        meta: dict[str, Any] = door.read_json(file.parent / "meta.json")
    except (OSError, ValueError, json.JSONDecodeError):
        return None
    names = {door.array_path(file.parent, name): name for name in (*meta["arrays"], LABELS)}
    return names.get(file)
