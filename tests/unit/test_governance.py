"""Who did what, who may, and what for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Observations, Recipe, Volume
from organtwin.model.alert import Acknowledgement, Alert
from organtwin.model.observations import Event, Person, Source
from organtwin.privacy.consent import POLICY, PURPOSE, Consent
from organtwin.privacy.roles import ROLE, built_in
from organtwin.space import Grid
from organtwin.store import Project
from organtwin.store.audit import anchor_of


@pytest.fixture(autouse=True)
def _nobody(monkeypatch):
    for name in (ROLE, PURPOSE, POLICY):
        monkeypatch.delenv(name, raising=False)


def a_volume(name="CT", **more) -> Volume:
    grid = Grid.make((4, 3, 2), (1, 1, 2))
    return Volume(name=name, grid=grid, values=np.zeros((2, 3, 4), np.int16), modality="CT", **more)


def readings(purpose="") -> Observations:
    return Observations(
        name="Readings", person=Person(identity="abc", birth_year=1950, sex="female"), codes=("8480-6",), purpose=purpose,
        sources=(Source(name="Oskarsson.json", format="fhir", device="Cuff 7"),),
        times_s=np.zeros(1), durations_s=np.zeros(1, np.float32), offset_min=np.zeros(1, np.int16),
        values=np.array([120.0]), code=np.zeros(1, np.uint16), source=np.zeros(1, np.uint16),
        events=(Event(kind="note", code="", display="Dear Dr Oskarsson", start_s=0.0, detail={"text": "Oskarsson", "dose": 2}),),
        quarantine=np.frombuffer(b'{"raw": "Oskarsson"}', np.uint8), recipe=Recipe(operation="import-observations"),
    )  # fmt: skip


def an_alert() -> Alert:
    return Alert(
        name="Pressure rises", protocol="p", rule="r", severity="warning", since_s=0.0, raised_s=1.0, why="It rose."
    )


@pytest.fixture
def folder(tmp_path):
    document = Document.create(tmp_path / "case.otwin")
    document.add([a_volume(acquisition={"patient name": "Oskarsson", "kvp": "120"})], "Import scan")
    document.add([readings()], "Import readings")
    alert = an_alert()
    document.add([alert], "Notice")
    seen = alert.with_(uuid="seen", replaces=alert.uuid, acknowledged=Acknowledgement(by="me", at="2026-01-01"))
    document.add([seen], "Acknowledge")
    document.undo()
    document.redo()
    document.close()
    return tmp_path / "case.otwin"


def test_every_step_is_on_record_with_who_and_when(folder):
    with Project(folder, read_only=True) as project:
        records = project.audit.records()
    assert [r.did for r in records] == ["open", "act", "import", "act", "acknowledge", "undo", "redo", "open"]
    assert [r.n for r in records] == list(range(1, 9))
    assert all(" at " in r.who and r.at.endswith("+00:00") for r in records)


def tampered(folder, change) -> list[str]:
    file = folder / "audit"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(change(lines)))
    project = Project.__new__(Project)  # so that looking adds no record
    from organtwin.store.audit import AuditLog
    from organtwin.store.vault import PLAIN

    project.audit = AuditLog(file, PLAIN)
    return project.audit.verify(anchor_of(json.loads((folder / "project.json").read_text())))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines, ""),
        (lambda lines: [lines[0], lines[1].replace(b'"act"', b'"look"'), *lines[2:]], "was changed"),
        (lambda lines: [lines[0], *lines[2:]], "missing or were moved"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "does not follow"),
        (lambda lines: lines[:-1], "cut off or replaced"),
        (lambda lines: lines[:3], "cut off or replaced"),
        (lambda lines: [], "cut off or replaced"),
        (lambda lines: [*lines, b'{"n": 8, "half'], ""),  # torn by a crash
    ],
)
def test_a_changed_cut_or_shuffled_log_is_noticed(folder, change, said):
    wrong = " ".join(tampered(folder, change))
    assert said in wrong
    assert bool(wrong) == bool(said)


@pytest.mark.parametrize("cut", ["end", "end and head file", "last line"])
def test_an_end_that_was_cut_off_stays_noticed_when_the_project_is_opened_again(folder, cut):
    log = folder / "audit"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-2]) if cut != "last line" else b"".join(lines)[:-10])
    if cut == "end and head file":
        (folder / "audit.head").unlink()
    for _ in range(2):  # opening writes a record, and that must not heal it
        with Project(folder, read_only=True) as project:
            assert any("missing" in said for said in project.audit.verify(anchor_of(project.head)))


def test_a_log_that_was_written_anew_is_noticed_by_a_hash_noted_elsewhere(folder):
    with Project(folder, read_only=True) as project:
        noted = project.audit.records()[-1].hash
        assert project.audit.verify(noted=noted) == []
    for name in ("audit", "audit.head"):
        (folder / name).unlink()
    with Project(folder, read_only=True) as project:
        assert any("noted" in said for said in project.audit.verify(noted=noted))


def test_two_processes_write_one_chain(folder):
    with Project(folder) as one, Project(folder, read_only=True) as other:
        for n in range(5):
            one.log("act", f"{n}")
            other.log("export", f"{n}")
        assert one.audit.verify() == []
        assert len(one.audit.records()) == 19


# -- roles --------------------------------------------------------------------------------------------------------------


def test_a_researcher_does_not_see_who_the_patient_is(folder, monkeypatch):
    monkeypatch.setenv(ROLE, "researcher")
    with Project(folder) as project:
        (entry,) = project.entries("observations")
        thing = project.load(entry.uuid)
        assert thing.person == Person(sex="female")
        assert "Oskarsson" not in thing.model_dump_json(
            exclude=set(Observations.model_fields) - {"sources", "events", "notes"}
        )
        assert thing.events[0].detail == {"dose": 2}
        assert len(thing.quarantine) == 0
        assert "abc" not in json.dumps(entry.facts)
        (scan,) = project.entries("volume")
        assert project.load(scan.uuid).acquisition == {"kvp": "120"}
        assert scan.facts["acquisition"] == {"kvp": "120"}
        assert project.entries("alert") == []
        with pytest.raises(BadInput, match="does not see alerts"):
            project.load("seen")


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("patient", "edit"),
        ("patient", "run"),
        ("researcher", "export"),
        ("administrator", "report"),
        ("clinician", "seal"),
    ],
)
def test_a_role_may_not_do_what_is_not_its_own(folder, monkeypatch, role, refused):
    monkeypatch.setenv(ROLE, role)
    with Project(folder) as project, pytest.raises(BadInput, match=f"The role '{role}' may not"):
        project.may(refused)


def test_a_patient_can_look_but_not_change(folder, monkeypatch):
    monkeypatch.setenv(ROLE, "patient")
    document = Document.open(folder)
    assert document.entries("observations")
    with pytest.raises(BadInput, match="may not change objects"):
        document.rename(document.entries("volume")[0].uuid, "mine")
    with pytest.raises(BadInput, match="may not run models"):
        document.start("segment", {}, {})
    with pytest.raises(BadInput, match="may not change objects"):
        document.undo()
    document.close()


def test_an_unknown_role_is_told(folder, monkeypatch):
    monkeypatch.setenv(ROLE, "janitor")
    with pytest.raises(BadInput, match=r"no role 'janitor'.*clinician, researcher, patient, administrator"):
        Project(folder)


def test_a_project_can_have_roles_of_its_own(folder, monkeypatch):
    with Project(folder) as project:
        project.set_roles("nurse:\n  title: Nurse\n  sees: [readings, alerts]\n  may: [acknowledge]\n")
        with pytest.raises(BadInput, match="the roles"):
            project.set_roles("nurse:\n  title: Nurse\n  may: [fly]\n")
    monkeypatch.setenv(ROLE, "nurse")
    document = Document.open(folder)
    alert = an_alert().with_(uuid="again", acknowledged=Acknowledgement(by="nurse", at="2026-01-01"))
    document.add([alert], "Acknowledge")
    with pytest.raises(BadInput, match="may not change objects"):
        document.add([an_alert()], "Make one up")
    document.close()


def test_the_built_in_roles_are_sound():
    assert {"clinician", "researcher", "patient", "administrator"} <= built_in().keys()
    assert "identity" not in built_in()["researcher"].sees
    assert not built_in()["administrator"].sees & {"readings", "identity"}


# -- consent ------------------------------------------------------------------------------------------------------------


def test_what_the_consent_does_not_cover_does_not_leave(folder):
    with Project(folder, read_only=True) as project:
        assert project.leaves("export", "x") == "care"  # nothing on record, and the policy does not ask
        project.record_consent(Consent(purpose="care", by="patient", until="2999-12-31"))
        assert project.leaves("report", "x") == "care"
        with pytest.raises(
            BadInput, match=r"Export for 'research' is refused.*is not on record \(covered: care until 2999"
        ):
            project.leaves("export", "x", purpose="research")
        project.record_consent(Consent(purpose="research", by="patient", until="2020-01-01"))
        with pytest.raises(BadInput, match="ended on 2020-01-01"):
            project.leaves("deidentify", "x", purpose="research")
        project.record_consent(Consent(purpose="care", withdrawn=True))
        with pytest.raises(BadInput, match=r"was withdrawn \(covered: nothing\)"):
            project.leaves("report", "x")
        with pytest.raises(BadInput, match="There is no purpose 'profit'"):
            project.leaves("report", "x", purpose="profit")
        did = [r.did for r in project.audit.records()]
    assert did.count("consent") == 3
    assert did.count("export") == 1
    assert did.count("refused") == 4  # of what was asked for and did not happen


def test_a_purpose_told_at_import_is_on_record(tmp_path):
    document = Document.create(tmp_path / "case.otwin")
    document.add([readings("research")], "Import readings")
    assert [c.purpose for c in document.project.consents] == ["research"]
    with pytest.raises(BadInput, match="Report for 'care' is refused"):
        document.project.leaves("report", "x")
    document.close()


def test_a_policy_can_ask_for_consent_always(folder, monkeypatch, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("purposes: {care: x}\ndefault_purpose: care\nconsent_needed: true\n")
    monkeypatch.setenv(POLICY, str(file))
    with Project(folder, read_only=True) as project, pytest.raises(BadInput, match="is not on record"):
        project.leaves("export", "x")
