"""The dialog for encryption, consent, roles, the audit log and copies without identity."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from organtwin_gui.governance import PrivacyDialog, in_sight
from organtwin_gui.steps import ReadingsStep, SegmentStep, StudyStep

from organtwin.document import Document
from organtwin.model import Observations, Person, Source, TwinState
from organtwin.privacy.roles import OWNER, built_in
from organtwin.store import Project

WORDS, OTHER = "correct horse battery", "staple of other words"
SCRYPT_MS = 120_000


def readings() -> Observations:
    two = np.zeros(2, np.int32)
    return Observations(
        name="Readings", person=Person(identity="abc", birth_year=1950), codes=("8480-6",),
        sources=(Source(name="a.csv", format="table"),), times_s=np.array([1e9, 1e9 + 60]), durations_s=np.zeros(2, np.float32),
        offset_min=np.zeros(2, np.int16), values=np.array([120.0, 121.0], np.float32), code=two, source=two,
    )  # fmt: skip


@pytest.fixture
def dialog(window, tmp_path: Path, qtbot):
    folder = tmp_path / "case.otwin"
    document = Document.create(folder)
    document.add([readings()], "Import")
    document.close()
    window.open_project(folder)
    window.show_privacy()
    made = window.findChild(PrivacyDialog)
    yield made
    for left in window.findChildren(PrivacyDialog):
        left.close()


def rail(window, kind) -> bool:
    from organtwin_gui.steps import STEPS

    return window.workflow._buttons.button(STEPS.index(kind)).isVisible()


def test_a_project_is_sealed_gets_another_passphrase_and_is_unsealed_in_the_window(window, dialog, qtbot):
    page, folder = dialog.sealing, window.bridge.document.project.folder

    def when_done() -> Project:
        qtbot.waitUntil(lambda: not dialog._busy, timeout=SCRYPT_MS)
        assert window.bridge.document is not None
        return window.bridge.document.project

    page.new.setText(WORDS)
    assert not page.seal.isEnabled()  # not typed twice
    page.again.setText(WORDS)
    page.seal.click()
    assert when_done().vault.sealed
    assert (folder / "identity.age").exists()
    page.old.setText("somebody at an open window")
    page.new.setText(OTHER)
    page.again.setText(OTHER)
    page.change.click()
    when_done()
    assert "not the passphrase" in dialog._said.text()
    page.old.setText(WORDS)
    page.new.setText(OTHER)
    page.again.setText(OTHER)
    page.change.click()
    when_done()
    assert not page.old.text()  # nothing typed is kept
    page.old.setText(OTHER)
    page.unseal.click()
    assert not when_done().vault.sealed
    assert len(window.bridge.entries("observations")) == 1


def test_consent_is_recorded_and_taken_back(window, dialog):
    page = dialog.consent
    dialog.tabs.setCurrentWidget(page)
    assert "none is asked for" in page._said.text()
    page.purpose.setCurrentIndex(page.purpose.findData("research"))
    page.by.setText("the patient")
    page.record.click()
    project = window.bridge.document.project
    assert [c.purpose for c in project.consents] == ["research"]
    page.list.setCurrentItem(page.list.topLevelItem(0))
    page.withdraw.click()
    assert project.consents[-1].withdrawn
    assert "nothing" in page._said.text()


def test_as_a_patient_the_pages_of_work_are_gone_and_come_back_with_the_owner(window, dialog, monkeypatch):
    monkeypatch.delenv("ORGANTWIN_ROLE", raising=False)
    dialog.tabs.setCurrentWidget(dialog.role)
    assert rail(window, SegmentStep)
    dialog.role.choices["patient"].click()
    assert window.bridge.document.project.role.name == "patient"
    assert rail(window, ReadingsStep)
    assert not rail(window, SegmentStep)
    assert window._role.text() == "As patient"
    dialog.tabs.setCurrentWidget(dialog.audit)
    assert "does not see the audit log" in dialog.audit.state.text()
    assert not dialog.audit.list.isVisible()
    dialog.tabs.setCurrentWidget(dialog.role)
    dialog.role.choices[""].click()
    assert window.bridge.document.project.role == OWNER
    assert rail(window, SegmentStep)


def test_a_role_that_was_chosen_ends_with_the_project(window, dialog, monkeypatch):
    monkeypatch.delenv("ORGANTWIN_ROLE", raising=False)
    dialog.tabs.setCurrentWidget(dialog.role)
    dialog.role.choices["researcher"].click()
    dialog.close()
    window.close_project()
    assert "ORGANTWIN_ROLE" not in os.environ


def test_a_role_without_readings_finds_no_timeline():
    assert not in_sight(ReadingsStep, built_in()["administrator"])
    assert all(in_sight(StudyStep, role) for role in built_in().values())


def test_the_audit_log_is_a_table_and_a_changed_record_is_told(window, dialog, qtbot):
    page = dialog.audit
    dialog.tabs.setCurrentWidget(page)
    qtbot.waitUntil(lambda: page.list.topLevelItemCount() > 0)
    assert "whole" in page.state.text()
    page.noted.setText("0" * 63 + "1")
    page.check.click()
    qtbot.waitUntil(lambda: "noted" in page.state.text())
    page.noted.clear()
    file = window.bridge.document.project.folder / "audit"
    file.write_bytes(
        file.read_bytes().replace(b'"did":"import"', b'"did":"nothin"').replace(b'"did":"act"', b'"did":"zzz"')
    )
    page.check.click()
    qtbot.waitUntil(lambda: "tampered" in page.state.text())


def test_a_copy_without_identity_is_written_from_the_window(window, dialog, qtbot, tmp_path):
    page = dialog.copy
    dialog.tabs.setCurrentWidget(page)
    page.out.setText(str(tmp_path / "copy"))
    page.write.click()
    qtbot.waitUntil(lambda: page.result.text() != "", timeout=60_000)
    assert "Wrote 1 files" in page.result.text()
    assert "abc" not in (tmp_path / "copy" / "readings.ndjson").read_text()


def test_the_menu_of_a_prediction_leads_to_its_data_sheet(window, dialog):
    dialog.close()
    one = np.ones((1, 1))
    state = TwinState(
        name="Twin", model="circulation", at_s=0.0, keys=("x",), parameters=one, state=one, weights=np.ones(1)
    )
    window.bridge.document.add([state], "Calibrate")
    (entry,) = window.bridge.entries("twin-state")
    assert "Data sheet …" in [text for _, text, _ in window.inspector.choices(entry)]
    (other,) = window.bridge.entries("observations")
    assert "Data sheet …" not in [text for _, text, _ in window.inspector.choices(other)]
