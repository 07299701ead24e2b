"""Batches: which studies are found, what is done again and what not, what the table says."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
import urllib.error
import urllib.request
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.batch import process, run
from organtwin.batch.cohort import outliers, spreads
from organtwin.batch.discovery import FoundStudy, discover
from organtwin.batch.folder import BatchFolder, Outcome
from organtwin.batch.page import page_data
from organtwin.batch.protocol import Protocol, StudyFilter, default_text, parse
from organtwin.batch.review import marks, set_mark
from organtwin.batch.review_server import server
from organtwin.batch.run import plan, refresh_batch, write_results
from organtwin.batch.study import main
from organtwin.batch.thumbnails import draw
from organtwin.document import Document
from organtwin.edit.edit import Edit
from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.model import Segment, Volume
from organtwin.space import Grid

from .dicom_studio import positions, series

BALL = """
name: balls
steps:
  - do: segment
    name: ball
    with: {engine: threshold, options: {key: liver, low: 50}}
"""


def ball(folder: Path, radius: float = 6, name: str = "ball") -> Path:
    folder.mkdir(exist_ok=True)
    k, j, i = np.indices((20, 22, 24)) - 10.5
    values = np.where(k**2 + j**2 + i**2 < radius**2, 100, -50).astype(np.int16)
    return export(Volume(name=name, grid=Grid.make((24, 22, 20), (2, 2, 2)), values=values), folder / f"{name}.nii.gz")


def scans(folder: Path, study: str, uid: str, patient: str = "P1", **more: Any) -> None:
    series(folder, positions(), StudyInstanceUID=study, series=uid, patient=patient, **more)


def task(folder: BatchFolder, study: FoundStudy, protocol: Protocol) -> Path:
    folder.make()
    path = folder.task(study.id)
    path.write_text(
        json.dumps(
            {
                "root": str(folder.root), "cancel": str(folder.cancel), "log": str(folder.log(study.id)), "study": asdict(study),
                "protocol": protocol.model_dump(mode="json", by_alias=True),
            }
        )
    )  # fmt: skip
    return path


def do(folder: BatchFolder, source: Path, text: str = BALL) -> Outcome:
    """One study in this process."""
    protocol = parse(text)
    (study,) = discover([source], protocol.studies).studies
    main(task(folder, study, protocol))
    outcome = folder.outcome(study.id)
    assert outcome is not None
    return outcome


@pytest.fixture
def folder(tmp_path: Path) -> BatchFolder:
    return BatchFolder(tmp_path / "out")


# -- protocols ----------------------------------------------------------------------------------------------------


def test_the_protocol_that_is_shown_is_one_that_works() -> None:
    assert parse(default_text()).steps[0].do == "segment"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("steps:\n  - do: segment\n    wiht: {}\n", r"Unknown key 'steps.0.wiht' .*line 3"),
        ("steps: []\nlimits:\n  minutes: soon\n", r"limits.minutes.*line 3"),
        ("steps:\n  - do: segmnt\n", r"no operation 'segmnt'.*line 2"),
        (
            "steps:\n  - do: segment\n    with:\n      engine: threshold\n      options: {lo: 3}\n",
            r"Unknown key 'lo'.*line 2",
        ),
        ("steps:\n  - do: segment\n    with: {motor: ct}\n", r"Unknown key 'motor'"),
        ("name: a\nname: b\nsteps: []\n", r"'name' is there twice .*line 2"),
        ("steps: [\n", r"not YAML"),
        ("- 1\n", r"list of keys and values"),
        ("steps: []\nexport:\n  - {what: liver, as: stl}\n", r"no step 'liver' .*line 3"),
        (
            "steps:\n  - do: mesh\n    with: {structure: liver}\n    from: {segmentation: organs}\n",
            r"'organs', which no step before",
        ),
        ("series: {description: '('}\nsteps: []\n", r"no regular expression"),
        ("about: no steps\n", r"steps"),
        ("steps:\n  - do: edit\n    with: {tool: sculpt}\n", r"sculpt"),
    ],
)
def test_a_mistake_in_a_protocol_is_one_sentence_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        parse(text)


def test_only_what_a_change_affects_has_another_key() -> None:
    first = parse(BALL)
    assert parse(BALL + "limits: {minutes: 3}\ntable: {values: false}\n").keys() == first.keys()
    more = parse(BALL + "  - do: surface\n    with: {structures: [liver]}\n")
    assert more.keys()[: len(first.keys())] == first.keys()
    assert parse(BALL.replace("50", "60")).keys()[0] == first.keys()[0]
    assert parse(BALL.replace("50", "60")).key() != first.key()


# -- finding studies ----------------------------------------------------------------------------------------------


def test_an_empty_image_file_is_a_study_that_is_set_aside_not_lost(tmp_path: Path) -> None:
    (tmp_path / "copy-broke-off.nii.gz").touch()
    (tmp_path / "notes.txt").touch()
    found = discover([tmp_path], StudyFilter())
    assert [Path(s.sources[0]).name for s in found.studies] == ["copy-broke-off.nii.gz"]
    assert found.not_images == 1


def test_studies_mixed_in_one_folder_are_told_apart_by_their_headers(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for n, patient in enumerate(("ONE", "TWO")):
        made = tmp_path / patient
        scans(made, f"1.2.3.{n}", f"1.2.3.{n}.1", patient)
        for file in made.iterdir():
            shutil.copy(file, mixed / f"{n}-{file.name}")
    (mixed / "notes.txt").write_text("nothing")
    found = discover([mixed], StudyFilter())
    assert sorted(len(s.sources) for s in found.studies) == [6, 6]
    assert found.not_images == 1
    moved = tmp_path / "moved" / "deep"
    shutil.copytree(mixed, moved)
    again = discover([tmp_path / "moved"], StudyFilter())
    assert {(s.id, s.content) for s in again.studies} == {(s.id, s.content) for s in found.studies}
    assert not any("ONE" in s.id or "TWO" in s.id for s in found.studies)


def test_each_series_is_a_study_of_its_own_when_the_protocol_says_so(tmp_path: Path) -> None:
    for n in range(2):
        scans(tmp_path / f"s{n}", "1.2.3", f"1.2.3.{n}")
    assert len(discover([tmp_path], StudyFilter()).studies) == 1
    assert len(discover([tmp_path], StudyFilter(each="series")).studies) == 2


def test_a_zip_is_opened_and_its_studies_told_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for n in range(2):
            made = tmp_path / f"s{n}"
            scans(made, f"1.2.3.{n}", f"1.2.3.{n}.1")
            for file in made.iterdir():
                archive.write(file, f"{n}/{file.name}")
            shutil.rmtree(made)
    found = discover([tmp_path], StudyFilter()).studies
    assert sorted(s.study_uid for s in found) == ["1.2.3.0", "1.2.3.1"]
    assert {Path(s.sources[0]).name for s in found} == {"all.zip"}


def test_each_image_in_a_zip_is_a_study_of_its_own(tmp_path: Path, folder: BatchFolder) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for n, radius in enumerate((4, 7)):
            archive.write(ball(tmp_path / "balls", radius, f"ball{n}"), f"in/ball{n}.nii.gz")
    shutil.rmtree(tmp_path / "balls")
    protocol = parse(BALL)
    studies = discover([tmp_path / "all.zip"], protocol.studies).studies
    for study in studies:
        main(task(folder, study, protocol))
    volumes = [float(one.row["liver_ml"] or 0) for one in folder.outcomes()]
    assert len(volumes) == 2
    assert max(volumes) > 4 * min(volumes) > 0


def test_projects_results_and_label_files_are_no_studies(tmp_path: Path, folder: BatchFolder) -> None:
    ball(tmp_path / "in")
    shutil.copy(tmp_path / "in" / "ball.nii.gz", tmp_path / "in" / "ball_gt.nii.gz")
    folder.make()
    shutil.copytree(tmp_path / "in", folder.root / "exports")
    (tmp_path / "case.otwin").mkdir()
    shutil.copy(tmp_path / "in" / "ball.nii.gz", tmp_path / "case.otwin" / "x.nii.gz")
    found = discover([tmp_path], StudyFilter(), leave_out=folder.root)
    assert len(found.studies) == 1
    assert found.not_wanted == 1


def test_nothing_to_find_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no study here"):
        discover([tmp_path], StudyFilter())
    with pytest.raises(BadInput, match="nothing at this place"):
        discover([tmp_path / "none"], StudyFilter())


# -- one study ----------------------------------------------------------------------------------------------------


def test_a_study_becomes_a_project_with_its_row_and_pictures(tmp_path: Path, folder: BatchFolder) -> None:
    text = BALL + "export:\n  - {what: ball, as: seg.nrrd}\n  - {what: scan, as: nii.gz}\n"
    outcome = do(folder, ball(tmp_path / "in"), text)
    assert outcome.status == "done", outcome.sentence
    voxels = (((np.indices((20, 22, 24)) - 10.5) ** 2).sum(0) < 36).sum()
    assert outcome.row["liver_ml"] == pytest.approx(voxels * 8 / 1000)
    assert outcome.row["liver_value_mean"] == 100
    project = folder.project(outcome.id)
    assert {p.name for p in (project / "batch").iterdir()} == {"done.json", "axial.png", "coronal.png", "sagittal.png"}
    assert {p.name for p in folder.exports(outcome.id).iterdir()} == {"ball.seg.nrrd", "scan.nii.gz"}
    document = Document.open(project)
    assert [e.kind for e in document.entries()] == ["volume", "segmentation"]
    document.undo()  # each step is one that the app can take back
    assert [e.kind for e in document.entries()] == ["volume"]
    document.close()


def test_a_failure_is_set_aside_with_its_sentence_and_without_names(tmp_path: Path, folder: BatchFolder) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "MUELLER_ANNA.nii.gz").write_bytes(b"\x1f\x8bnothing")
    outcome = do(folder, tmp_path / "in")
    assert outcome.status == "failed"
    assert "damaged" in outcome.sentence
    assert "MUELLER_ANNA.nii.gz" not in outcome.sentence
    assert not folder.work(outcome.id).exists()


def test_a_step_that_may_fail_leaves_a_flag(tmp_path: Path, folder: BatchFolder) -> None:
    text = BALL + "  - do: mesh\n    with: {structure: spleen}\n    may_fail: true\n"
    outcome = do(folder, ball(tmp_path / "in"), text)
    assert outcome.status == "done"
    assert "mesh: " in str(outcome.row["flags"])
    assert do(folder, tmp_path / "in", text.replace("    may_fail: true\n", "")).status == "failed"


def test_the_series_that_the_protocol_means_is_taken(tmp_path: Path, folder: BatchFolder) -> None:
    for n, name in enumerate(("lung", "Portal venous 1.5")):
        scans(tmp_path / "in" / name, "1.2.3", f"1.2.3.{n}", SeriesDescription=name)
    text = "series: {modality: CT, description: portal, least_slices: 5}\n" + BALL.replace("name: balls", "")
    assert do(folder, tmp_path / "in", text).row["series"] == "Portal venous 1.5"
    failed = do(folder, tmp_path / "in", text.replace("portal", "arterial"))
    assert "description with 'arterial'" in failed.sentence


def test_a_changed_protocol_does_only_the_steps_that_it_affects(tmp_path: Path, folder: BatchFolder) -> None:
    source = ball(tmp_path / "in")
    first = do(folder, source)
    protocol = parse(BALL + "  - do: surface\n    with: {structures: [liver]}\n")
    studies = discover([source], protocol.studies).studies
    assert [s.id for s in plan(folder, studies, protocol).other_protocol] == [first.id]
    assert "affected by the changed protocol" in plan(folder, studies, protocol).sentence
    more = do(folder, source, BALL + "  - do: surface\n    with: {structures: [liver]}\n")
    assert more.objects[:2] == first.objects
    assert len(more.objects) == 3
    other = do(folder, source, BALL.replace("low: 50", "low: 101"))
    assert other.objects[0] == first.objects[0]
    assert other.objects[1] != first.objects[1]
    assert "liver_ml" not in other.row
    assert plan(folder, studies, parse(BALL.replace("low: 50", "low: 101"))).done


def test_a_study_with_another_slice_is_done_again(tmp_path: Path, folder: BatchFolder) -> None:
    scans(tmp_path / "in", "1.2.3", "1.2.3.1")
    protocol = parse(BALL)
    do(folder, tmp_path / "in")
    study = discover([tmp_path / "in"], protocol.studies).studies
    assert len(plan(folder, study, protocol).done) == 1
    sorted((tmp_path / "in").iterdir())[0].unlink()
    study = discover([tmp_path / "in"], protocol.studies).studies
    assert len(plan(folder, study, protocol).changed) == 1


def corrected(folder: BatchFolder, study: str) -> None:
    """As a person does in the app."""
    document = Document.open(folder.project(study))
    bench = document.workbench(document.entries("segmentation")[-1].uuid)
    bench.do(Edit(tool="paint", segment="liver", options={"points_mm": [[2, 2, 2]], "radius_mm": 5}), None)
    bench.close()
    document.close()


def test_a_correction_made_in_the_app_replaces_what_was_found(tmp_path: Path, folder: BatchFolder) -> None:
    before = do(folder, ball(tmp_path / "in"))
    corrected(folder, before.id)
    summary = refresh_batch(folder.root, parse(BALL))
    assert summary["refreshed"] == [before.id]
    after = folder.outcome(before.id)
    assert after is not None
    assert after.row["corrected"] is True
    assert float(after.row["liver_ml"] or 0) > float(before.row["liver_ml"] or 0)
    assert refresh_batch(folder.root, parse(BALL))["refreshed"] == []
    assert "True" in (folder.root / "table.csv").read_text()


def test_a_correction_outlives_a_changed_protocol(tmp_path: Path, folder: BatchFolder) -> None:
    source = ball(tmp_path / "in")
    before = do(folder, source)
    corrected(folder, before.id)
    kept = do(folder, source, BALL + "  - do: surface\n    with: {structures: [liver]}\n")
    assert kept.row["corrected"] is True
    assert float(kept.row["liver_ml"] or 0) > float(before.row["liver_ml"] or 0)
    anew = do(folder, source, BALL.replace("low: 50", "low: 40"))  # what it was drawn on is made anew
    assert anew.row["corrected"] is False
    (earlier,) = (folder.root / "earlier").iterdir()
    assert "corrected" in earlier.name
    Document.open(earlier).close()


def test_a_study_that_was_finished_before_a_kill_is_put_in_its_place(tmp_path: Path, folder: BatchFolder) -> None:
    done = do(folder, ball(tmp_path / "in"))
    folder.project(done.id).rename(folder.work(done.id))  # killed between the last write and the rename
    assert folder.outcome(done.id) is None
    assert do(folder, tmp_path / "in").objects == done.objects
    assert not folder.work(done.id).exists()
    (folder.work(done.id) / "objects").mkdir(parents=True)  # killed while it was made
    assert not folder.settle(done.id)


def test_a_project_that_is_open_in_the_app_stays_where_it_is(tmp_path: Path, folder: BatchFolder) -> None:
    source = ball(tmp_path / "in")
    before = do(folder, source)
    document = Document.open(folder.project(before.id))
    assert folder.is_open(before.id)
    assert do(folder, source, BALL.replace("low: 50", "low: 40")) == before
    assert document.entries()
    document.close()
    assert not folder.is_open(before.id)


# -- limits -------------------------------------------------------------------------------------------------------


def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, **limits: float) -> dict[str, Any]:
    """``process.attempt`` on a program of our own."""
    script = tmp_path / "program.py"
    script.write_text(program)
    real = process.subprocess.Popen
    monkeypatch.setattr(process.subprocess, "Popen", lambda command, **more: real([command[0], str(script)], **more))
    told = {"cancel": str(tmp_path / "cancel"), "log": str(tmp_path / "log"),
            "protocol": {"limits": {"memory_gb": 4, "minutes": 1, "threads": 1, **limits}}}  # fmt: skip
    (tmp_path / "task.json").write_text(json.dumps(told))
    return process.attempt(str(tmp_path / "task.json"))


def test_a_study_beyond_its_memory_is_ended_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import time\nhold = []\nfor n in range(200):\n    hold.append(bytearray(b'x' * 10_000_000))\n    time.sleep(0.02)\n"
    result = watched(tmp_path, monkeypatch, program, memory_gb=0.2)
    assert result["end"] == "memory"
    assert "0.2 GB" in result["sentence"]
    assert 150 < result["peak_memory_mb"] < 400


def test_a_study_beyond_its_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = watched(tmp_path, monkeypatch, "import time\ntime.sleep(60)\n", minutes=0.01)
    assert result["end"] == "time"


def test_a_crash_is_tried_once_more_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"import os\nopen({str(tmp_path / 'runs')!r}, 'a').write('x')\nos.abort()\n"
    result = watched(tmp_path, monkeypatch, program)
    assert result["end"] == "died"
    assert "SIGABRT" in result["sentence"]
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_study_whose_process_is_gone_is_set_aside(tmp_path: Path, folder: BatchFolder) -> None:
    source = ball(tmp_path / "in")
    folder.make()
    protocol = parse(BALL)
    (study,) = discover([source], protocol.studies).studies
    outcome = run._ended(folder, study, protocol, {"end": "memory", "sentence": "It needs more memory."})
    assert outcome is not None
    assert (outcome.status, outcome.sentence) == ("failed", "It needs more memory.")
    assert plan(folder, [study], protocol).failed == [study]
    assert plan(folder, [study], protocol, retry_failed=True).again == [study]
    assert run._ended(folder, study, protocol, {"end": "cancelled"}) == outcome


# -- table, page, review ------------------------------------------------------------------------------------------


def outcome(name: str, **row: Any) -> Outcome:
    return Outcome(id=name, status="done", content="c", keys=("k",), row=row)


def test_a_value_far_from_the_cohort_is_an_outlier_and_few_studies_have_none() -> None:
    rows = [{"liver_ml": 1500.0 + 10 * n} for n in range(9)] + [{"liver_ml": 300.0}, {"spleen_ml": 1.0}]
    cohort = spreads(rows)
    assert [outliers(row, cohort) for row in rows] == [[]] * 9 + [["liver_ml"], []]
    assert outliers({"liver_ml": 9.0}, spreads(rows[:3])) == []


def test_table_and_parquet_say_the_same(folder: BatchFolder) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    folder.make()
    outcomes = [outcome("a", liver_ml=1500.5, flags="=SUM(A1)"), outcome("b", spleen_ml=200.0), outcome("c")]
    for one in outcomes:
        (folder.project(one.id) / "batch").mkdir(parents=True)
        (folder.project(one.id) / "batch" / "done.json").write_text(one.model_dump_json())
    folder.set_aside(Outcome(id="d", status="failed", sentence="It is broken.", step="ball", content="c", keys=("k",)))
    write_results(folder, parse(BALL))
    rows = list(csv.DictReader(io.StringIO((folder.root / "table.csv").read_text())))
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert (rows[0]["liver_ml"], rows[1]["liver_ml"], rows[3]["sentence"]) == ("1500.5", "", "It is broken.")
    assert rows[0]["flags"] == "'=SUM(A1)"  # no formula in a spreadsheet
    table = pq.read_table(folder.root / "table.parquet").to_pydict()
    assert table["liver_ml"] == [1500.5, None, None, None]
    assert list(table) == list(rows[0])
    assert "It is broken." in (folder.root / "failed.csv").read_text()


def test_the_page_holds_its_data_and_no_way_out_of_it(folder: BatchFolder) -> None:
    folder.make()
    nasty = outcome("a", liver_ml=1.0, flags="</script><script>alert(1)</script>")
    data = page_data(folder, [nasty])
    assert data["studies"][0]["flags"] == ["</script><script>alert(1)</script>"]
    (folder.project("a") / "batch").mkdir(parents=True)
    (folder.project("a") / "batch" / "done.json").write_text(nasty.model_dump_json())
    write_results(folder, parse(BALL))
    page = (folder.root / "index.html").read_text()
    assert "alert(1)" in page
    assert "</script><script>alert" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_marks_are_kept_apart_and_checked(folder: BatchFolder) -> None:
    folder.make()
    folder.set_aside(Outcome(id="a", status="failed", content="c", keys=("k",)))
    set_mark(folder, "a", "needs work", "the left kidney")
    assert marks(folder)["a"].note == "the left kidney"
    with pytest.raises(BadInput, match="no mark 'fine'"):
        set_mark(folder, "a", "fine")
    with pytest.raises(BadInput, match="no study 'b'"):
        set_mark(folder, "b", "accepted")
    set_mark(folder, "a", "")
    assert marks(folder) == {}


def test_pictures_show_the_head_up_and_the_patients_right_on_the_left(tmp_path: Path) -> None:
    from matplotlib.image import imread

    values = np.zeros((30, 20, 20), np.int16)
    values[20:, 2:6, 12:] = 1000  # head, front, left
    labels = (values > 0).astype(np.uint8)
    segment = Segment.of(1, "liver", 1.0)
    for directions in (np.eye(3), np.diag([-1.0, -1, 1])):
        grid = Grid.make((20, 20, 30), (1, 1, 1), directions=directions)
        given = values if directions[0, 0] > 0 else values[:, ::-1, ::-1]
        marked = labels if directions[0, 0] > 0 else labels[:, ::-1, ::-1]
        draw(grid, given, marked, (segment,), "MR", tmp_path)
        coronal, axial = (imread(tmp_path / f"{name}.png")[..., :3].max(axis=2) for name in ("coronal", "axial"))
        assert coronal[: len(coronal) // 4, -coronal.shape[1] // 4 :].mean() > 0.9
        assert coronal[len(coronal) // 2 :].max() < 0.1
        assert axial[len(axial) // 5, -axial.shape[1] // 4 :].mean() > 0.9
        assert axial[len(axial) // 2 :].max() < 0.1


def test_the_protocol_in_the_documentation_is_one_that_works() -> None:
    page = (Path(__file__).parents[2] / "docs" / "batch.md").read_text()
    protocol = parse(page.partition("```yaml\n")[2].partition("```")[0])
    assert [step.do for step in protocol.steps] == ["segment", "edit", "vessel"]


def test_the_page_on_this_machine_takes_marks_from_who_holds_its_key_and_shows_nothing_private(
    folder: BatchFolder,
) -> None:
    folder.make()
    folder.set_aside(Outcome(id="a", status="failed", content="c", keys=("k",)))
    write_results(folder, parse(BALL))
    (folder.root / "private" / "sources.csv").write_text("a,MUELLER,1")
    serving, address = server(folder)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    base, _, key = address.partition("?key=")

    def ask(path: str, data: dict[str, str] | None = None, key: str = "") -> int:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(base + path, body, {"X-Key": key})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    try:
        assert ask("") == 200
        for path in (
            "private/sources.csv",
            "table.csv",
            "private/",
            "studies/../private/batch/x.png",
            "studies/a.otwin/project.json",
        ):
            assert ask(path) == 404
        assert ask("mark", {"study": "a", "mark": "accepted"}) == 403
        assert ask("mark", {"study": "a", "mark": "accepted"}, key) == 200
        assert ask("mark", {"study": "b", "mark": "accepted"}, key) == 400
        assert marks(folder)["a"].mark == "accepted"
    finally:
        serving.shutdown()
        serving.server_close()


def test_a_vessel_that_a_step_measures_is_in_the_table(tmp_path: Path, folder: BatchFolder) -> None:
    k, j, i = np.indices((70, 30, 30)).astype(float)
    radius = 7 - 4 * np.exp(-(((k - 35) / 5) ** 2))
    values = np.where((j - 14.5) ** 2 + (i - 14.5) ** 2 < radius**2, 300, 0).astype(np.int16)
    source = export(
        Volume(name="tube", grid=Grid.make((30, 30, 70), (1, 1, 1)), values=values), tmp_path / "tube.nii.gz"
    )
    text = (
        BALL.replace("key: liver, low: 50", "key: aorta, low: 150") + "  - do: vessel\n    with: {structure: aorta}\n"
    )
    found = do(folder, source, text)
    assert found.status == "done", found.sentence
    assert found.row["aorta_largest_diameter_mm"] == pytest.approx(14, abs=1)
    assert found.row["aorta_stenosis_percent"] == pytest.approx(57, abs=8)
    assert "stenosis" in str(found.row["flags"])
