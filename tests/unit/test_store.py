"""The project folder: nothing is lost, nothing is half there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organtwin.document import Change, Document
from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Recipe, Result, Segment, Segmentation, Volume
from organtwin.space import Grid
from organtwin.store import Project, load_object, save_object
from organtwin.store.journal import Act


def a_volume(name: str = "ct", **more) -> Volume:
    grid = Grid.make((4, 3, 2), (1, 1, 2), (5, -6, 7), np.diag([-1.0, 1, -1]), "1.2.3")
    return Volume(name=name, grid=grid, values=np.arange(24, dtype=np.int16).reshape(2, 3, 4), modality="CT", **more)


@pytest.fixture
def document(tmp_path: Path):
    document = Document.create(tmp_path / "case.otwin")
    yield document
    document.close()


def test_an_object_read_back_is_the_same_and_cannot_be_changed(tmp_path):
    volume = a_volume(notes=("tilt removed",), recipe=Recipe(operation="import", inputs={"a": "b"}))
    back = load_object(save_object(volume, tmp_path))
    assert isinstance(back, Volume)
    assert np.array_equal(back.values, volume.values)
    assert back.grid.same_as(volume.grid)
    assert back.model_dump(exclude={"values"}).keys() == volume.model_dump(exclude={"values"}).keys()
    assert back.recipe == volume.recipe
    with pytest.raises(ValueError, match="read-only"):
        back.values[0, 0, 0] = 1


def test_fields_of_a_result_survive_by_name(tmp_path):
    result = Result(
        name="flow",
        physics="flow",
        mesh="m",
        times_s=np.array([0.0, 1.0]),
        fields={"pressure_pa": np.ones((2, 5), np.float32)},
    )
    back = load_object(save_object(result, tmp_path))
    assert list(back.fields) == ["pressure_pa"]
    assert back.fields["pressure_pa"].shape == (2, 5)


def test_a_segmentation_knows_its_structures_and_names_a_missing_one(tmp_path):
    volume = a_volume()
    labels = np.zeros(volume.grid.shape, np.uint8)
    labels[0] = 1
    seg = Segmentation(name="s", grid=volume.grid, labels=labels, segments=(Segment.of(1, "liver", 24.0, 0.9),))
    back = load_object(save_object(seg, tmp_path))
    assert back.mask("liver").sum() == 12
    assert back.segment("liver").code == "10200004"
    with pytest.raises(BadInput, match=r"no structure 'aorta'.*It has: liver"):
        back.mask("aorta")


def test_undo_and_redo_have_no_depth_limit_and_outlive_the_program(tmp_path):
    document = Document.create(tmp_path / "p.otwin")
    for number in range(60):
        document.add([a_volume(f"v{number}")], f"Add {number}")
    for _ in range(60):
        document.undo()
    assert document.entries() == []
    document.close()
    again = Document.open(tmp_path / "p.otwin")
    assert again.redo_label == "Add 0"
    for _ in range(60):
        again.redo()
    assert [e.name for e in again.entries()] == [f"v{n}" for n in range(60)]
    again.close()


def test_a_replacement_takes_the_old_version_away_and_undo_brings_it_back(document):
    first = a_volume("first")
    document.add([first], "first")
    document.add([a_volume("second", replaces=first.uuid)], "second")
    assert [e.name for e in document.entries()] == ["second"]
    document.undo()
    assert [e.name for e in document.entries()] == ["first"]


def test_what_was_made_from_a_replaced_object_is_stale_at_any_depth(document):
    a = a_volume("a")
    b = a_volume("b", recipe=Recipe(operation="x", inputs={"volume": a.uuid}))
    c = a_volume("c", recipe=Recipe(operation="y", inputs={"volume": b.uuid}))
    document.add([a], "a")
    document.add([b], "b")
    document.add([c], "c")
    assert document.stale() == set()
    document.add([a_volume("a2", replaces=a.uuid)], "edit a")
    assert document.stale() == {b.uuid, c.uuid}
    document.undo()
    assert document.stale() == set()


def test_views_are_told_what_a_step_changed(document):
    told: list[Change] = []
    stop = document.changed.connect(told.append)
    volume = a_volume()
    document.add([volume], "Import")
    document.rename(volume.uuid, "portal phase")
    document.undo()
    document.remove([volume.uuid])
    stop()
    document.undo()
    assert [c.label for c in told] == ["Import", "Rename ct", "Undo Rename ct", "Remove ct"]
    assert told[0].added == (volume.uuid,)
    assert told[3].removed == (volume.uuid,)


def test_a_journal_line_cut_off_by_a_crash_costs_only_that_line(tmp_path):
    document = Document.create(tmp_path / "p.otwin")
    document.add([a_volume("kept")], "kept")
    document.close()
    with (tmp_path / "p.otwin" / "journal").open("ab") as stream:
        stream.write(b'{"do": "act", "label": "torn", "ad')
    again = Document.open(tmp_path / "p.otwin")
    assert [e.name for e in again.entries()] == ["kept"]
    assert again.project.recovered_from_line == 2
    again.add([a_volume("next")], "next")
    again.close()
    third = Project(tmp_path / "p.otwin")
    assert [e.name for e in third.entries()] == ["kept", "next"]
    assert third.recovered_from_line is None
    third.close()


def test_a_second_program_is_kept_out_and_told_who_is_in(tmp_path):
    first = Project.create(tmp_path / "p.otwin")
    with pytest.raises(BadInput, match=f"open in another OrganTwin .process {os.getpid()}"):
        Project(tmp_path / "p.otwin")
    Project(tmp_path / "p.otwin", read_only=True)
    first.close()
    Project(tmp_path / "p.otwin").close()


@pytest.mark.parametrize("said", [(28, "No space left on device"), ("190500 requested and 183264 written",)])
def test_a_full_disk_is_one_sentence_and_leaves_no_half_object(tmp_path, monkeypatch, said):
    def full(*_args, **_kwargs):
        raise OSError(*said)

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OrganTwinError, match="The disk is full"):
        save_object(a_volume(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_project_a_damaged_one_and_one_from_the_future_are_refused(tmp_path):
    with pytest.raises(BadInput, match="not an OrganTwin project"):
        Project(tmp_path)
    Project.create(tmp_path / "p.otwin").close()
    path = tmp_path / "p.otwin" / "project.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(BadInput, match="newer OrganTwin"):
        Project(tmp_path / "p.otwin")
    path.write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        Project(tmp_path / "p.otwin")


def test_a_missing_array_is_named(tmp_path):
    folder = save_object(a_volume(), tmp_path)
    (folder / "values.npy").unlink()
    with pytest.raises(BadInput, match=r"missing or damaged.*values\.npy"):
        load_object(folder)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["add", "remove", "undo", "redo", "reopen"]), max_size=25))
def test_any_sequence_of_steps_reads_back_as_it_was_left(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("p") / "p.otwin"
    project = Project.create(folder)
    ids = []
    for n, step in enumerate(steps):
        live = [e.uuid for e in project.entries()]
        if step == "add":
            volume = a_volume(f"v{n}")
            project.put(volume)
            ids.append(volume.uuid)
            project.act(Act(label=f"add {n}", add=(volume.uuid,)))
        elif step == "remove" and live:
            project.act(Act(label=f"remove {n}", remove=(live[0],)))
        elif step == "undo":
            project.undo()
        elif step == "redo":
            project.redo()
        elif step == "reopen":
            project.close()
            project = Project(folder)
            assert [e.uuid for e in project.entries()] == live
    labels = (project.undo_label, project.redo_label, {e.uuid for e in project.entries()})
    project.close()
    again = Project(folder)
    assert (again.undo_label, again.redo_label, {e.uuid for e in again.entries()}) == labels
    mirror = {o["uuid"] for o in json.loads((folder / "project.json").read_text())["objects"]}
    assert mirror == labels[2]
    again.close()
