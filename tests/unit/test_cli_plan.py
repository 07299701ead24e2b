"""``organtwin plan``: what it is given, what it prints, and how it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from organtwin.cli.main import app
from organtwin.cli.plan import plane_of, protected, sources
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Recipe
from organtwin.operations import find

sys.path.insert(0, str(Path(__file__).parent))
from resection import ball_liver, portal_fork, quarters

TUMOUR = {"tumour": ((-30.0, 0.0, 20.0), 7.0)}


@pytest.fixture
def project(tmp_path):
    """A ball of a liver with a tumour, its territories, a tree and two plans."""
    folder = tmp_path / "ball.otwin"
    document = Document.create(folder)
    healthy, liver = ball_liver(), ball_liver(TUMOUR)
    parts = quarters(liver).with_(recipe=Recipe(operation="territories", inputs={"segmentation": liver.uuid}))
    document.add([liver, healthy, parts, portal_fork().with_(segmentation=liver.uuid)], "made")
    for margin in ("6 mm", "14 mm"):
        document.add(list(find("resection-plan")({"segmentation": liver}, {"margin": margin, "name": margin})), "plan")
    document.close()
    return folder


def test_the_segmentation_with_tumours_its_territories_and_its_tree_are_chosen(project):
    document = Document.open(project)
    found = sources(document, "liver", None, None)
    assert set(found) == {"segmentation", "territories", "tree-1"}
    keys = [s["key"] for s in document.entry(found["segmentation"]).facts["segments"]]
    assert "tumour" in keys
    with pytest.raises(BadInput, match="no segmentation with a spleen"):
        sources(document, "spleen", None, None)
    document.close()


def test_a_plan_is_made_and_told_as_json(project):
    done = CliRunner().invoke(app, ["plan", str(project), "--margin", "8 mm", "--strategy", "territories", "--json"])
    assert done.exit_code == 0, done.output
    (plan,) = json.loads(done.stdout[done.stdout.index("[") :])
    assert plan["kind"] == "plan"
    assert plan["territories"] == ["territory_right_superior"]
    assert {"margin", "remnant volume"} <= {q["name"] for q in plan["quantities"]}


def test_two_plans_are_compared(project):
    done = CliRunner().invoke(app, ["plan", str(project), "--compare", "6 mm", "14 mm", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    better = {row["name"]: row["better"] for row in found["rows"]}
    assert better["remnant volume"] == "one"
    assert found["only_other_ml"] > found["only_one_ml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--margin", "8"], "has no unit"),
        (["--take", "nowhere", "--strategy", "territories"], "no territory 'nowhere'"),
        (["--plane", "1,2,3"], "not a plane"),
        (["--compare", "6 mm", "no such"], "no plan 'no such'"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(project, arguments, said):
    done = CliRunner().invoke(app, ["plan", str(project), *arguments])
    assert isinstance(done.exception, BadInput)
    assert said in done.exception.sentence


def test_planes_and_distances_are_read_as_they_are_written():
    assert plane_of("1,2,3:0,0,1") == {"point_mm": [1.0, 2.0, 3.0], "normal": [0.0, 0.0, 1.0]}
    assert protected("hepatic_vein=5 mm") == ("hepatic_vein", "5 mm")
    with pytest.raises(BadInput, match="no distance"):
        protected("hepatic_vein")
