"""The commands, a file for each group, in the order of the help. A new command is a function in one of them, or a new file
named here."""
# ruff: noqa: I001

from organtwin.cli.commands import study
from organtwin.cli.commands import vessels
from organtwin.cli.commands import dynamic
from organtwin.cli.commands import tissue
from organtwin.cli.commands import course
from organtwin.cli.commands import liver
from organtwin.cli.commands import edit
from organtwin.cli.commands import quality
from organtwin.cli.commands import plan
from organtwin.cli.commands import timeline
from organtwin.cli.commands import twin
from organtwin.cli.commands import scenario
from organtwin.cli.commands import pathway
from organtwin.cli.commands import monitor
from organtwin.cli.commands import feed
from organtwin.cli.commands import rehearsal
from organtwin.cli.commands import exchange
from organtwin.cli.commands import project
from organtwin.cli.commands import privacy
from organtwin.cli.commands import batch
from organtwin.cli.commands import script
from organtwin.cli.commands import program

__all__ = [
    "batch", "course", "dynamic", "edit", "exchange", "feed", "liver", "monitor", "pathway", "plan", "privacy", "program",
    "project", "quality", "rehearsal", "scenario", "script", "study", "timeline", "tissue", "twin", "vessels",
]  # fmt: skip
