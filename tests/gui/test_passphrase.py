"""The dialog that asks for the passphrase of a sealed project."""

from __future__ import annotations

import pytest
from organtwin_gui.passphrase import PassphraseDialog, unlocked

from organtwin.store import Project
from organtwin.store.vault import PLAIN, vault_of

WORDS = "correct horse battery"


@pytest.fixture
def sealed(tmp_path):
    Project.create(tmp_path / "case.otwin", passphrase=WORDS).close()
    return tmp_path / "case.otwin"


def test_a_wrong_passphrase_is_told_and_the_right_one_opens(qtbot, sealed):
    dialog = PassphraseDialog(sealed)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.line.setText("not this one")
    dialog.attempt()
    qtbot.waitUntil(lambda: dialog._said.isVisible(), timeout=60_000)
    assert "not the passphrase" in dialog._said.text()
    assert dialog.vault is None
    dialog.line.setText(WORDS)
    with qtbot.waitSignal(dialog.accepted, timeout=60_000):
        dialog.attempt()
    assert dialog.vault is not None
    assert vault_of(sealed / "objects") is dialog.vault


def test_a_plain_project_is_opened_unasked(qtbot, tmp_path):
    Project.create(tmp_path / "plain.otwin").close()
    assert unlocked(None, tmp_path / "plain.otwin") is PLAIN
