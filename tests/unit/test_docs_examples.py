"""What the documentation shows as an example is accepted by the program."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from organtwin.model import TissueCase
from organtwin.model.rehearsal import COMMANDS, Script

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "model"), [("deform.md", TissueCase), ("rehearsal.md", Script)])
def test_every_json_example_of_a_page_is_valid(page: str, model: type) -> None:
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        model.model_validate(json.loads(block))


def test_the_page_on_rehearsal_names_every_command() -> None:
    text = (DOCS / "rehearsal.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}`" not in text] == []


def test_the_examples_of_python_use_parameters_and_options_that_there_are() -> None:
    from organtwin.edit.tool import find as find_tool
    from organtwin.operations import find

    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(encoding="utf-8"), re.DOTALL)
    nodes = [node for block in blocks for node in ast.walk(ast.parse(block))]
    calls = [c for c in nodes if isinstance(c, ast.Call) and ast.unparse(c.func) == "twin.run"]
    assert calls
    for call in calls:
        operation = find(ast.literal_eval(call.args[0]))
        roles = {*operation.inputs, *operation.optional}
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg and k.arg not in roles}
        operation.read(given)
        if operation.name == "edit":
            find_tool(given["tool"]).options.model_validate(given["options"])


def test_every_command_has_an_action_and_every_action_a_command() -> None:
    from organtwin_solvers.rehearsal.actions import ACTIONS

    assert set(ACTIONS) == set(COMMANDS)
