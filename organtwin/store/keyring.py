"""Unlocking a sealed project: where its passphrase may come from."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from organtwin.errors import BadInput
from organtwin.store import scratch
from organtwin.store.vault import IDENTITY, PLAIN, ROLES, Locked, Sealed, Vault, remember, sealed_root, unlocked

PASSPHRASE, PASSPHRASE_FILE = "ORGANTWIN_PASSPHRASE", "ORGANTWIN_PASSPHRASE_FILE"

SHORTEST = 8

_ask: list[Callable[[str], str]] = []  # how a person is asked, where there is one
_told: list[str] = []  # taken out of the environment, so that no other program inherits it


def ask_by(ask: Callable[[str], str] | None) -> None:
    """Say how a person is asked for a passphrase; ``ask`` gets the question and returns "" when it is not answered."""
    _ask[:] = [ask] if ask is not None else []


def open_vault(folder: Path, passphrase: str | None = None) -> Vault:
    """The door to a project, unlocked where it is sealed.

    The passphrase is the one given, or that of ORGANTWIN_PASSPHRASE, or the first line of the file that
    ORGANTWIN_PASSPHRASE_FILE names, or what a person answers.

    Raises
    ------
    Locked
        When there is none, or it is wrong.
    """
    root = sealed_root(folder / "project.json")
    if root is None:
        return PLAIN
    if passphrase is None:
        vault = unlocked(root)
        if vault is not None:
            return vault
        passphrase = told() or (_ask[0](f"Passphrase of {root.name}") if _ask else "")
    if not passphrase:
        raise Locked(
            "This project is sealed",
            where=str(root),
            remedy="Give its passphrase: --passphrase-file FILE, ORGANTWIN_PASSPHRASE, or on a terminal when asked.",
        )
    scratch.private()
    fresh, known = unwrap(root, passphrase), unlocked(root)
    return known if known is not None and known.role == fresh.role else remember(fresh)


def new_vault(folder: Path, passphrase: str) -> Sealed:
    """A door with a new identity, remembered as that of ``folder`` as long as somebody holds it.

    Raises
    ------
    BadInput
        When the passphrase is too short to protect anything.
    """
    from pyrage import x25519

    checked(passphrase)
    scratch.private()
    return remember(Sealed(Path(os.path.realpath(folder)), str(x25519.Identity.generate())))


def checked(passphrase: str) -> str:
    """A new passphrase, if it can protect anything; raises :class:`BadInput` where it is too short."""
    if len(passphrase) < SHORTEST:
        raise BadInput(f"This passphrase is too short: {SHORTEST} characters are the least",
                       remedy="Take several words that nobody would guess.")  # fmt: skip
    return passphrase


def told() -> str:
    """The passphrase that the environment gives, "" for none."""
    text = os.environ.pop(PASSPHRASE, "")
    file = os.environ.get(PASSPHRASE_FILE, "")
    if not text and file:
        text = from_file(Path(file))
    if text:
        _told[:] = [text]
    return _told[0] if _told else ""


def from_file(file: Path) -> str:
    """The first line of a file.

    Raises
    ------
    BadInput
        When it cannot be read, is empty, or others may read it.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("The file of the passphrase cannot be read", where=str(file)) from error
    if not lines or not lines[0]:
        raise BadInput("The file of the passphrase is empty", where=str(file), remedy="Put it in the first line.")
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadInput("Others can read the file of the passphrase", where=str(file), remedy=f"chmod 600 {file}")
    return lines[0]


def wrappings(root: Path) -> dict[str, Path]:
    """The files that hold the identity, by role; "" is the owner's."""
    return {"": root / IDENTITY} | {file.stem: file for file in sorted((root / ROLES).glob("*.age"))}


def unwrap(root: Path, passphrase: str) -> Sealed:
    """The identity of a sealed project, under the role that the passphrase belongs to.

    Raises
    ------
    Locked
        When the passphrase is none of this project's.
    """
    from pyrage import DecryptError
    from pyrage import passphrase as with_passphrase

    wanted = os.environ.get("ORGANTWIN_ROLE", "")
    found = wrappings(root)
    for role in sorted(found, key=lambda r: (r != wanted, r)):
        try:
            text = with_passphrase.decrypt(found[role].read_bytes(), passphrase).decode()
            return Sealed(root, next(one for one in text.splitlines() if one.startswith("AGE-SECRET-KEY-")), role)
        except DecryptError as error:
            if str(error) != "Decryption failed":  # what age says of another passphrase
                raise BadInput("The key of this sealed project is damaged", where=str(found[role]),
                               remedy="Take identity.age from a backup.") from error  # fmt: skip
        except (OSError, ValueError, StopIteration) as error:
            raise BadInput("The key of this sealed project is damaged", where=str(found[role])) from error
    raise Locked("This is not the passphrase of the project", where=str(root), remedy="Nothing was changed; try again.")
