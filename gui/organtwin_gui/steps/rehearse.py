"""Rehearse: lay an organ on the table and operate on it by hand; all is recorded, and can be undone, kept and played again."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import Rehearsal
from organtwin_gui import theme
from organtwin_gui.forms import column, form, quiet, title
from organtwin_gui.rehearsal.check import OPERATION as CHECK
from organtwin_gui.rehearsal.check import inputs_of
from organtwin_gui.rehearsal.room import Room, State
from organtwin_gui.rehearsal.step_list import StepList
from organtwin_gui.rehearsal.table_form import TableForm
from organtwin_gui.rehearsal.tray import Tray
from organtwin_gui.steps.step import Step, primary
from organtwin_gui.views.items.live import LiveLook

SPEEDS = (1.0, 2.0, 4.0)
_LONG = 150  # letters of what a step says; the rest is in the tool tip


class RehearseStep(Step):
    """The form before, the tray of instruments while it goes on.

    Signals
    -------
    compare_wanted(str, str)
        uuids of two rehearsals.
    film_wanted()
        A film of what is looked through.
    """

    name = "Rehearse"
    icon = "rehearse"
    purpose = "Operate on the organ by hand. It gives way like tissue, and everything is recorded and can be undone."
    compare_wanted = Signal(str, str)
    film_wanted = Signal()

    def build(self) -> None:
        self.room: Room | None = None
        self._stale = True
        purpose = self.page.itemAt(self.page.count() - 1).widget()
        assert purpose is not None
        self._purpose = purpose
        self.table = TableForm(self.bridge)
        self.resume = self._button("Go on with the last one", "run", "A rehearsal was ended before it was kept")
        self.resume.clicked.connect(lambda: self._go_on())
        self.before = column(self.table, self.resume, self._build_kept())
        self.live = QWidget()
        self.live.setLayout(self._build_live())
        self.form = QWidget()
        self.form.setLayout(self.before)
        self.page.addWidget(self.form)
        self.page.addWidget(self.live, 20)  # before the stretch below it: the list of steps takes what is left
        self._build_foot()
        self._show_state()

    # -- building -----------------------------------------------------------------------------------------------------

    def _button(self, text: str, icon: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setIcon(theme.icon(icon))
        button.setToolTip(tip)
        return button

    def _build_kept(self) -> QWidget:
        self.kept = QListWidget()
        self.kept.setToolTip("Rehearsals of this project; choose one to play it again, two to compare them")
        self.kept.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.kept.setMaximumHeight(120)
        self.kept.itemSelectionChanged.connect(self._enable_kept)
        self.play = self._button("Replay", "play", "Do again exactly what was recorded")
        self.play.clicked.connect(self._replay)
        self.speed = QComboBox()
        for times in SPEEDS:
            self.speed.addItem(f"{times:g}×", times)
        self.speed.setToolTip("How fast it is played")
        self.versus = self._button(
            "Compare", "compare", "Two rehearsals side by side: their numbers and their pictures"
        )
        self.versus.clicked.connect(self._compare)
        self.solve = self._button(
            "Check", "check", "Solve the state at its end in full, as a job, and say how far it is"
        )
        self.solve.clicked.connect(self._check_kept)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.play, 1)
        row.addWidget(self.speed)
        more = QHBoxLayout()
        more.setSpacing(6)
        more.addWidget(self.versus, 1)
        more.addWidget(self.solve, 1)
        box = QWidget()
        rows = QVBoxLayout(box)
        rows.setContentsMargins(0, 8, 0, 0)
        rows.setSpacing(6)
        rows.addWidget(title("Kept"))
        rows.addWidget(self.kept)
        rows.addLayout(row)
        rows.addLayout(more)
        self._kept_box = box
        return box

    def _build_live(self) -> QVBoxLayout:
        self.tray = Tray()
        self.colour = QComboBox()
        for text, key in (("Tissue", "tissue"), ("Strain", "strain"), ("Force", "force")):
            self.colour.addItem(text, key)
        self.colour.setToolTip("What the colours of the organ mean (C)")
        self.colour.currentIndexChanged.connect(lambda _i: self._look())
        self.solid = QSlider(Qt.Orientation.Horizontal)
        self.solid.setRange(10, 100)
        self.solid.setValue(100)
        self.solid.setToolTip("How solid the organ is: with less, its vessels and tumours are seen (X)")
        self.solid.setAccessibleName("How solid the organ is")
        self.solid.valueChanged.connect(lambda _v: self._look())
        look: QFormLayout = form()
        look.addRow("Colours", self.colour)
        look.addRow("Solid", self.solid)
        self.list = StepList()
        self.back, self.forth = QToolButton(), QToolButton()
        steps = QHBoxLayout()
        steps.setSpacing(2)
        steps.addWidget(title("Steps"), 1)
        for button, icon, tip in (
            (self.back, "undo", "Take the last step back (Ctrl+Z)"),
            (self.forth, "redo", "Do it again (Ctrl+Shift+Z)"),
        ):
            button.setIcon(theme.icon(icon))
            button.setIconSize(theme.ICON_SIZE)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            steps.addWidget(button)
        rows = QVBoxLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(10)
        rows.addWidget(self.tray)
        rows.addLayout(look)
        rows.addLayout(steps)
        rows.addWidget(self.list, 1)
        return rows

    def _build_foot(self) -> None:
        self.begin = primary("Begin", "run", "Lay the organ on the table", "Ctrl+B")
        self.begin.clicked.connect(self._begin)
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setToolTip("Getting ready, or replaying")
        self.keep = primary("Keep", "keep", "Put the rehearsal and the organ it left into the project", "Ctrl+K")
        self.keep.clicked.connect(self._keep)
        self.look_back = self._button("Look back", "play", "Play what was done so far, make a film of it, and return")
        self.look_back.setCheckable(True)
        self.look_back.clicked.connect(lambda on: self.room and self.room.look_back(on))
        self.film = self._button("Film", "video", "Save a film of what is looked through (Ctrl+Shift+V)")
        self.film.clicked.connect(self.film_wanted)
        self.end = self._button("End", "close", "Clear the table; what was not kept can be gone on with later")
        self.end.clicked.connect(lambda: self.room and self.room.leave())
        self.why = quiet("")
        then = QHBoxLayout()
        then.setSpacing(6)
        for button in (self.look_back, self.film, self.end):
            then.addWidget(button, 1)
        foot = self.foot()
        for widget in (self.why, self.bar, self.begin, self.keep):
            foot.addWidget(widget)
        foot.addLayout(then)

    # -- the room -----------------------------------------------------------------------------------------------------

    def attach(self, room: Room) -> None:
        """The place where it happens."""
        self.room = room
        room.changed.connect(self._show_state)
        room.stepped.connect(self._show_steps)
        room.said.connect(self._say)
        room.refused.connect(self._say)
        room.kept.connect(lambda _uuid: self._say("The rehearsal is kept in the project."))
        room.progressed.connect(self._show_progress)
        room.hand.chosen.connect(self.tray.choose)
        room.hand.looked.connect(self._key_look)
        self.tray.taken.connect(room.take)
        self.tray.confirmed.connect(room.hand.confirm)
        self.list.wanted.connect(room.go_to)
        self.back.clicked.connect(room.undo)
        self.forth.clicked.connect(room.redo)
        self._show_state()

    def _state(self) -> State:
        return self.room.state if self.room is not None else State.EMPTY

    def _show_state(self) -> None:
        state, room = self._state(), self.room
        empty = state is State.EMPTY
        if state is State.STARTING:
            self._look()
        self._purpose.setVisible(empty)
        self.form.setVisible(empty)
        self.live.setVisible(not empty)
        for widget, on in (
            (self.begin, empty),
            (self.bar, state in (State.STARTING, State.REPLAYING)),
            (self.keep, state in (State.LIVE, State.LOOKING_BACK)),
            (self.look_back, state in (State.LIVE, State.LOOKING_BACK)),
            (self.film, state is State.LOOKING_BACK),
            (self.end, not empty),
        ):
            widget.setVisible(on)
        self.look_back.setChecked(state is State.LOOKING_BACK)
        self.look_back.setText("Back to now" if state is State.LOOKING_BACK else "Look back")
        self.tray.setEnabled(state is State.LIVE)
        self.list.setEnabled(state is State.LIVE)
        words = {
            State.STARTING: "The organ is laid on the table …",
            State.REPLAYING: "Replaying …",
            State.LOOKING_BACK: "Space plays and pauses; the slider below the picture goes anywhere.",
        }
        self.why.setText(words.get(state, ""))
        if state is State.BROKEN and room is not None:
            self.why.setText(room.why or "The rehearsal has ended.")
        self.why.setVisible(bool(self.why.text()))
        self.resume.setVisible(state is State.BROKEN or (room is not None and room.interrupted() is not None))
        if state is State.BROKEN:
            self.form.setVisible(True)
            self.table.hide()
            self._kept_box.hide()
            self.resume.setText("Go on from the last step")
        elif empty:
            self.table.show()
            self.resume.setText("Go on with the last one")
            self.refresh()
        if room is not None and not empty:
            self.tray.offer(room.inside, room.has_plan)
            self.tray.follow(room.hand.grip, self._hint(room))
        self._show_steps()
        self.place_foot()

    @staticmethod
    def _hint(room: Room) -> str:
        return "Lifted: the mouse turns the view. Space takes it again." if room.hand.lifted else room.hand.hint

    def _show_steps(self) -> None:
        room = self.room
        if room is None or not room.busy:
            return
        self.list.show_steps(room.steps, room.undone, room.step_s)
        self.back.setEnabled(room.can_undo)
        self.forth.setEnabled(room.can_redo)
        self.keep.setEnabled(bool(room.steps))
        self.look_back.setEnabled(bool(room.steps) or room.state is State.LOOKING_BACK)

    def _show_progress(self, fraction: float, what: str) -> None:
        self.bar.setValue(round(100 * fraction))
        self.why.setText(f"{what[:1].upper()}{what[1:]} …")
        self.why.show()
        self.place_foot()

    def _say(self, sentence: str) -> None:
        short = sentence if len(sentence) <= _LONG else f"{sentence[:_LONG].rsplit(' ', 1)[0]} …"
        self.why.setText(short)
        self.why.setToolTip(sentence)
        self.why.setVisible(bool(sentence))
        self.place_foot()

    # -- doing --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        with self.bridge.guarded():
            assert self.room is not None
            self.room.begin(self.table.inputs(), self.table.table())

    def _go_on(self) -> None:
        with self.bridge.guarded():
            assert self.room is not None
            self.room.go_on(self.room.interrupted())

    def _keep(self) -> None:
        count = len(self.bridge.entries("rehearsal")) + 1
        if self.room is not None:
            self.room.keep(f"Rehearsal {count}")

    def _chosen(self) -> list[str]:
        return [item.data(Qt.ItemDataRole.UserRole) for item in self.kept.selectedItems()]

    def _replay(self) -> None:
        with self.bridge.guarded():
            rehearsal = self.bridge.get(self._chosen()[0])
            assert isinstance(rehearsal, Rehearsal)
            assert self.room is not None
            self.room.replay(rehearsal, self.speed.currentData())

    def _compare(self) -> None:
        chosen = self._chosen()
        if len(chosen) == 2:
            self.compare_wanted.emit(*chosen)

    def _check_kept(self) -> None:
        rehearsal = self.bridge.get(self._chosen()[0])
        assert isinstance(rehearsal, Rehearsal)
        self.bridge.start(CHECK, inputs_of(rehearsal), {}, f"Check {rehearsal.name}")

    def _look(self) -> None:
        if self.room is not None:
            self.room.set_look(LiveLook(self.colour.currentData(), self.solid.value() / 100))

    def _key_look(self, what: str) -> None:
        if what == "colour":
            self.colour.setCurrentIndex((self.colour.currentIndex() + 1) % self.colour.count())
        else:
            self.solid.setValue(100 if self.solid.value() < 100 else 35)

    # -- following ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self._stale = not self.isVisible()
        if self._stale:  # what lies inside what is worked out when somebody looks
            return
        self.table.refresh()
        self.begin.setEnabled(self.table.ready)
        known = self.bridge.entries("rehearsal")
        chosen = set(self._chosen())
        before = {self.kept.item(n).data(Qt.ItemDataRole.UserRole) for n in range(self.kept.count())}
        if known and known[-1].uuid not in before:
            chosen = {known[-1].uuid}  # the one just kept
        self.kept.clear()
        for entry in reversed(known):
            item = QListWidgetItem(theme.icon("rehearse"), entry.name)
            item.setData(Qt.ItemDataRole.UserRole, entry.uuid)
            self.kept.addItem(item)
            item.setSelected(entry.uuid in chosen)
        if known and not chosen:
            self.kept.setCurrentRow(0)
        self._kept_box.setVisible(bool(known))
        self.resume.setVisible(self.room is not None and self.room.interrupted() is not None)
        self._enable_kept()

    def dress(self) -> None:
        """In the colours of another theme."""
        self.tray.dress()
        for button, icon in (
            (self.resume, "run"),
            (self.play, "play"),
            (self.versus, "compare"),
            (self.solve, "check"),
            (self.back, "undo"),
            (self.forth, "redo"),
            (self.look_back, "play"),
            (self.film, "video"),
            (self.end, "close"),
        ):
            button.setIcon(theme.icon(icon))
        for button, icon in ((self.begin, "run"), (self.keep, "keep")):
            button.setIcon(theme.icon(icon, theme.current().accent_text))
        for row in range(self.kept.count()):
            self.kept.item(row).setIcon(theme.icon("rehearse"))
        self._show_steps()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _enable_kept(self) -> None:
        count = len(self._chosen())
        self.play.setEnabled(count == 1)
        self.versus.setEnabled(count == 2)
        self.solve.setEnabled(count == 1 and not self.busy(CHECK))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        room = self.room
        if room is None or room.state is not State.LIVE or not room.hand.key(event):
            super().keyPressEvent(event)
