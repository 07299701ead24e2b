"""``organtwin``: the commands. Exit codes: 0 done, 2 usage, 3 bad input, 4 failed, 5 cancelled."""

from __future__ import annotations

import sys

from organtwin.cli import commands
from organtwin.cli.base import app
from organtwin.cli.follow import console
from organtwin.cli.session import taken
from organtwin.cli.tame import COLOURS, MOVES, Tamed
from organtwin.errors import Cancelled, OrganTwinError

__all__ = ["app", "commands", "main"]


def main() -> None:
    """Entry point: every failure becomes one sentence and a documented exit code."""
    sys.stdout, sys.stderr = Tamed(sys.stdout, COLOURS), Tamed(sys.stderr, MOVES)
    try:
        app(taken(sys.argv[1:]), standalone_mode=True)
    except OrganTwinError as error:
        console.print(f"organtwin: {error.sentence}", style="bold", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # before a job runs, or after; a job's own Ctrl-C is a Cancelled
        console.print("organtwin: Cancelled.", style="bold")
        sys.exit(Cancelled.exit_code)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
