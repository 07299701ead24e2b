"""Take a tool in hand, and lay it away or leave it standing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Lay, Take
from organtwin_solvers.rehearsal.actions.grasp import release
from organtwin_solvers.rehearsal.tools import Tool

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine


def take(engine: Engine, command: Take) -> str:
    """A tool in hand is laid away first. It appears where the hand next moves."""
    tool = Tool(engine.stepper, command.tool, command.shape)
    _put_away(engine)
    engine.tool = tool
    engine.stepper.loads.append(tool.contact)
    return f"{_article(command.tool)} is in hand"


def lay(engine: Engine, command: Lay) -> str:
    """
    Raises
    ------
    BadInput
        When no tool is in hand, or one is to be left standing that holds tissue or has not been placed yet.
    """
    tool = engine.tool
    if tool is None:
        raise BadInput("There is no tool in hand", remedy="Take one first.")
    if not command.leave:
        _put_away(engine)
        return f"The {tool.kind} is laid away"
    if tool.felt is None:
        raise BadInput(f"The {tool.kind} is nowhere yet", remedy="Move it to where it shall stand.")
    if tool.grasping:
        raise BadInput("The grasper holds tissue and cannot be left", remedy="Fix the place, or open the jaws.")
    tool.wanted = tool.felt
    tool.contact.move(tool.felt, tool.felt)
    engine.laid.append(tool)
    engine.tool = None
    return f"The {tool.kind} is left standing"


def _put_away(engine: Engine) -> None:
    if engine.tool is not None:
        release(engine.stepper)
        engine.stepper.loads.remove(engine.tool.contact)
        engine.tool = None


def _article(kind: str) -> str:
    return f"{'An' if kind[0] in 'aeiou' else 'A'} {kind}"
