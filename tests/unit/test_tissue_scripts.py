"""Scripts and cases of tissue that nobody can mean are refused before anything is solved; which objects a command takes."""

from __future__ import annotations

import errno
import math
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from organtwin_solvers.tissue.record import times
from organtwin_solvers.validation.block import block
from pydantic import ValidationError

from organtwin.cli.base import mesh_named
from organtwin.cli.choose import choose_segmentation
from organtwin.document import Document
from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Recipe, Segment, Segmentation
from organtwin.model.rehearsal import Script
from organtwin.model.tissue_case import Dynamics, Pull, Region
from organtwin.operations import find
from organtwin.space import Grid
from organtwin.store.lock import Lock

POSE = (0.0, 1.0, 2.0, 3.0, 0.0, 0.0, -1.0, 0.0, -1.0, 0.0)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"poses": [POSE, POSE[:4]]}, "pose 1 has 4 numbers; it needs 10"),
        ({"poses": [(math.nan, *POSE[1:])]}, "pose 0 has a number that is not finite"),
        ({"poses": [(*POSE[:9], math.inf)]}, "pose 0 has a number that is not finite"),
        ({"ticks": 10**9}, "less than or equal to 10000000"),
        ({"steps": [{"tick": 10**9, "command": {"do": "settle"}}]}, "less than or equal to 10000000"),
        ({"scene": {"damping_per_s": math.inf}}, "damping_per_s"),
    ],
)
def test_a_script_is_refused_for_poses_that_are_none_and_ends_that_never_come(told, says):
    with pytest.raises(ValidationError, match=says):
        Script.model_validate({"scene": {}, **told})


def test_a_pull_by_no_number_is_refused_when_it_is_read():
    with pytest.raises(ValidationError, match="finite number"):
        Pull(region=Region(boundary="top"), displacement_mm=(0.0, 0.0, math.nan))


def test_a_motion_shorter_than_its_step_is_refused():
    with pytest.raises(BadInput, match="shorter than its step"):
        times(Dynamics(duration="0.2 s", step="1 s"))


@pytest.fixture
def document(tmp_path):
    made = Document.create(tmp_path / "x.otwin")
    yield made
    made.close()


def test_a_project_on_a_disk_that_cannot_be_written_is_one_sentence(document, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    folder = document.project.folder
    document.close()
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(OrganTwinError, match="cannot be written to"):
        Lock(folder / "lock")


def test_a_mesh_of_a_structure_is_the_newest_that_no_rehearsal_or_plan_left(document):
    def mesh(name: str, operation: str):
        recipe = Recipe(operation=operation)
        return block((1, 1, 1), (1.0, 1.0, 1.0)).with_(uuid=str(uuid4()), name=name, structure="liver", recipe=recipe)

    document.add(
        [
            mesh("Liver", "mesh"),
            mesh("fine", "mesh"),
            mesh("Liver, after a cut", "rehearse"),
            mesh("Liver opened", "resection-plan"),
        ],
        "made",
    )
    assert mesh_named(document, "liver").name == "fine"
    assert mesh_named(document, "Liver").name == "Liver"  # a name before a structure
    assert mesh_named(document, "Liver, after a cut").name == "Liver, after a cut"
    assert mesh_named(document, None).name == "Liver opened"


def _labels(*keys: str) -> Segmentation:
    labels = np.zeros((24, 24, 24), np.int16)
    for number in range(1, len(keys) + 1):
        labels[4:20, 4:20, 7 * number - 4 : 7 * number] = number
    segments = tuple(Segment.of(n, key, 4096.0) for n, key in enumerate(keys, 1))
    return Segmentation(name=" ".join(keys), grid=Grid((24, 24, 24), np.eye(4)), labels=labels, segments=segments)


def test_a_segmentation_is_the_newest_that_has_all_that_is_asked_for(document):
    document.add([_labels("liver", "tumour"), _labels("liver"), _labels("territory_left")], "made")
    assert choose_segmentation(document, "liver").name == "liver"
    assert choose_segmentation(document, ["liver", "tumour"]).name == "liver tumour"
    assert choose_segmentation(document, ["spleen"]).name == "territory_left"


def test_a_vein_of_two_pieces_is_shown_whole_whether_or_not_the_liver_is_asked_for():
    labels = np.zeros((24, 40, 24), np.int16)
    labels[4:20, 4:16, 4:20] = labels[4:20, 24:34, 4:20] = 1
    veins = Segmentation(
        name="veins",
        grid=Grid((24, 40, 24), np.eye(4)),
        labels=labels,
        segments=(Segment.of(1, "hepatic_vein", float(labels.sum())),),
    )
    (surface,) = find("surface")({"segmentation": veins}, {"structures": ["hepatic_vein"]})
    assert np.ptp(np.asarray(surface.points_mm)[:, 1]) > 28
