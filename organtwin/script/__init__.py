"""OrganTwin from Python: the same operations as the window and the command line, and every act as the line that repeats it."""

from organtwin.script.lines import Lines, script_of
from organtwin.script.twin import Twin

__all__ = ["Lines", "Twin", "script_of"]
