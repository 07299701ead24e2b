"""Looking through a batch in the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from organtwin_gui.batch_review import BatchDialog, is_batch
from PySide6.QtCore import Qt

from organtwin.batch.folder import DONE, BatchFolder, Outcome
from organtwin.batch.review import marks
from organtwin.document import Document
from organtwin.store.atomic import write_json


@pytest.fixture
def batch(tmp_path: Path) -> BatchFolder:
    """Two studies that are done, one with a doubt, and one that was set aside."""
    folder = BatchFolder(tmp_path / "out")
    folder.make()
    (folder.root / "protocol.yaml").write_text("steps: []\n")
    for name, flags in (("study-a", ()), ("study-b", ("quality: the liver is cut",))):
        Document.create(folder.project(name)).close()
        (folder.project(name) / DONE).parent.mkdir()
        done = Outcome(id=name, status="done", content="", keys=(), flags=flags, row={"patient": f"patient of {name}"})
        write_json(folder.project(name) / DONE, done.model_dump(mode="json"))
    folder.set_aside(Outcome(id="study-c", status="failed", sentence="No series is CT.", content="", keys=()))
    return folder


def shown(window) -> BatchDialog:
    (dialog,) = window.findChildren(BatchDialog)
    return dialog


def test_a_dropped_batch_is_listed_with_what_needs_a_look_first(window, batch):
    assert is_batch(batch.root)
    assert not is_batch(batch.root / "studies")
    window.open_paths([batch.root])
    dialog = shown(window)
    names = [dialog.list.topLevelItem(n).data(0, Qt.ItemDataRole.UserRole) for n in range(3)]
    assert names == ["study-b", "study-a", "study-c"]
    assert dialog.list.topLevelItem(0).text(2) == "the liver is cut"
    assert dialog.list.topLevelItem(2).text(2) == "No series is CT."
    dialog.find.setText("patient study-a")
    assert [dialog.list.topLevelItem(n).isHidden() for n in range(3)] == [True, False, True]


def test_a_mark_with_its_note_is_kept_and_taken_away(window, qtbot, batch):
    window.show_batch(batch.root)
    dialog = shown(window)
    dialog.note.setText("redo the dome")
    qtbot.mouseClick(dialog.buttons["needs work"], Qt.MouseButton.LeftButton)
    assert marks(batch)["study-b"].mark == "needs work"
    assert marks(batch)["study-b"].note == "redo the dome"
    assert dialog.list.topLevelItem(0).text(3) == "needs work\nredo the dome"
    qtbot.mouseClick(dialog.buttons[""], Qt.MouseButton.LeftButton)
    assert marks(batch) == {}


def test_a_study_opens_in_the_window_and_one_set_aside_says_why(window, batch):
    window.show_batch(batch.root)
    dialog = shown(window)
    dialog.list.itemActivated.emit(dialog.list.topLevelItem(1), 0)
    assert window.bridge.document is not None
    assert window.bridge.document.project.folder == batch.project("study-a")
    assert not dialog.isVisible()  # it would lie over the views
    window.choose_batch()
    assert dialog.isVisible()
    dialog.list.setCurrentItem(dialog.list.topLevelItem(2))
    assert not dialog.open.isEnabled()
    dialog.list.itemActivated.emit(dialog.list.topLevelItem(2), 0)
    assert "No series is CT." in window.notice.text
