"""Options that every command takes, before or after its name: as whom a project is opened, and where its passphrase is."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence

from organtwin.errors import BadInput
from organtwin.privacy.roles import ROLE
from organtwin.store.keyring import PASSPHRASE_FILE, ask_by

OPTIONS = {"--passphrase-file": PASSPHRASE_FILE, "--role": ROLE}


def taken(arguments: Sequence[str]) -> list[str]:
    """The arguments without these options, which take effect for this process.

    Raises
    ------
    BadInput
        When one has no value.
    """
    left: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if argument == "--":
            left += [argument, *waiting]
        elif name not in OPTIONS:
            left.append(argument)
        else:
            value = value if equals else next(waiting, "")
            if not value:
                raise BadInput(f"{name} needs a value", remedy=f"As in: {name} VALUE.")
            os.environ[OPTIONS[name]] = value
    if sys.stdin.isatty() and sys.stderr.isatty():
        ask_by(ask)
    return left


def ask(question: str) -> str:
    """Ask a person, without showing what is typed."""
    try:
        return getpass.getpass(f"{question}: ")
    except EOFError:
        return ""
