"""The segments on the workbench: colour, name, volume, how sure the program is; eye, lock, and what can be done with one."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QComboBox,
    QCompleter,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QSlider,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from organtwin.model import STRUCTURES, Segment
from organtwin.store import Entry
from organtwin_gui import theme
from organtwin_gui.forms import quiet
from organtwin_gui.segmenting.desk import Desk
from organtwin_gui.segmenting.widgets import Line, act, small

UNSURE = 0.6
EYE, NAME, VOLUME, SURE, LOCK = range(5)
KEY = Qt.ItemDataRole.UserRole
ROW_PX = 26
MOST_ROWS = 8


def swatch(colour: tuple[int, int, int], size: int = 12) -> QIcon:
    """A small square of a segment's colour."""
    picture = QPixmap(size, size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*colour))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(0, 0, size, size, 3, 3)
    painter.end()
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)  # else the style tints it
    return icon


@lru_cache(maxsize=64)
def _icon(name: str, colour: str) -> QIcon:
    return theme.icon(name, colour)


def millilitres(volume_mm3: float) -> str:
    """A volume as people read it: small ones with a decimal."""
    ml = volume_mm3 / 1000
    return f"{ml:.1f}" if 0 < ml < 10 else f"{ml:.0f}"


class _Row(QStyledItemDelegate):
    """Icons in the middle of their cell, and a bar of the accent at the left of the segment in hand."""

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        return QSize(super().sizeHint(option, index).width(), ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: object) -> None:
        column = index.column()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if column in (EYE, LOCK):
            painter.save()
            look = theme.current()
            if chosen:
                painter.fillRect(option.rect, QColor(look.surface_3))
            if column == EYE and chosen:
                bar = QRect(option.rect.left(), option.rect.top() + 3, 3, option.rect.height() - 6)
                painter.fillRect(bar, QColor(look.accent))
            icon = index.data(Qt.ItemDataRole.DecorationRole)
            if icon is not None:
                side = 15
                middle = option.rect.center()
                icon.paint(painter, QRect(middle.x() - side // 2 + 1, middle.y() - side // 2 + 1, side, side))
            painter.restore()
            return
        super().paint(painter, option, index)


class _Tree(QTreeWidget):
    """Keys of the list; everything else goes on to the views."""

    def __init__(self, owner: SegmentList) -> None:
        super().__init__()
        self._owner = owner

    def event(self, event: QEvent) -> bool:
        ours = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if ours and event.key() == Qt.Key.Key_F2:  # the window's own F2 is for where nothing is to be renamed
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F2:
            self._owner.rename()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            super().keyPressEvent(event)
        else:
            event.ignore()


class SegmentList(QWidget):
    """Which segmentation is on the bench, and its segments."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk, self.bridge, self.scene = desk, desk.bridge, desk.scene
        self.choice = QComboBox()
        self.choice.setToolTip("Which segmentation is shown and worked on")
        self.choice.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.choice.activated.connect(lambda _i: self.desk.open(self.choice.currentData()))
        self.new = small("new_file", "New, empty segmentation of the scan that is shown", self.desk.begin)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.choice, 1)
        top.addWidget(self.new)
        self.tree = _Tree(self)
        self.tree.setColumnCount(5)
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setItemDelegate(_Row(self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(0)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(24)
        for column, mode in (
            (EYE, QHeaderView.ResizeMode.Fixed),
            (NAME, QHeaderView.ResizeMode.Stretch),
            (VOLUME, QHeaderView.ResizeMode.Fixed),
            (SURE, QHeaderView.ResizeMode.Fixed),
            (LOCK, QHeaderView.ResizeMode.Fixed),
        ):
            header.setSectionResizeMode(column, mode)
        for column, wide in ((EYE, 28), (VOLUME, 70), (SURE, 46), (LOCK, 26)):
            self.tree.setColumnWidth(column, wide)
        self.tree.setStyleSheet("QTreeView::item { padding: 0px 2px; border-radius: 0px; }")
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.itemClicked.connect(self._clicked)
        self.tree.currentItemChanged.connect(lambda item, _b: self._take(item))
        self.tree.itemDoubleClicked.connect(self._double_clicked)
        self.tree.itemChanged.connect(self._renamed)
        self.tree.customContextMenuRequested.connect(self._menu)
        self.add = small("add", "Add a segment: choose a structure or type a name (Insert)", self.open_adder)
        self.remove = small(
            "delete", "Remove the segment in hand, voxels and all (Delete). Undo brings it back", self.remove_one
        )
        self.merge = small("merge", "Merge the segment in hand into another one", self._merge_menu)
        self.recolour = small("colour", "Another colour for the segment in hand", self._choose_colour)
        self.rename_button = small("edit", "Rename the segment in hand (F2, or double click)", self.rename)
        self.go_to = small("navigate", "Crosshair into the middle of the segment in hand (Home)", self._go_to)
        self.glass = small("glass", "All but the segment in hand are glass in 3D (X)", checkable=True)
        tools = QHBoxLayout()
        tools.setSpacing(0)
        for button in (self.add, self.remove, self.rename_button, self.recolour, self.merge, self.go_to, self.glass):
            tools.addWidget(button)
        tools.addStretch(1)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setFixedWidth(60)
        self.opacity.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.opacity.setValue(round(100 * self.scene.overlay_opacity))
        self.opacity.setToolTip("Opacity of the coloured areas on the slices (g: all on or off)")
        self.opacity.valueChanged.connect(lambda v: self.scene.set_overlay_look(opacity=v / 100))
        tools.addWidget(self.opacity)
        self._adder = self._make_adder()
        self._empty = quiet("No segments yet. Add one, then paint it.")
        self._empty_add = act(
            "Add a segment", "Choose a structure or type a name (Insert)", self.open_adder, icon="add"
        )
        self._doubt = Line()  # of one height: what is below must not jump
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.tree)
        layout.addWidget(self._empty)
        layout.addWidget(self._empty_add)
        layout.addWidget(self._adder)
        layout.addLayout(tools)
        layout.addWidget(self._doubt)
        desk.opened.connect(self.refresh)
        self.scene.volume_changed.connect(self._another_scan)
        desk.table_changed.connect(self._fill)
        desk.in_hand_changed.connect(self._mark)

    def _make_adder(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        self.adding = QComboBox()
        self.adding.setEditable(True)
        self.adding.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.adding.setToolTip("A known structure, or a name of your own; Enter adds it")
        for key, one in sorted(STRUCTURES.items(), key=lambda s: s[1].name):
            self.adding.addItem(swatch(one.colour), one.name, key)
        self.adding.setCurrentIndex(-1)
        edit = self.adding.lineEdit()
        edit.setPlaceholderText("Structure or name")
        edit.returnPressed.connect(self._add)
        completer = self.adding.completer()
        if completer is not None:
            completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
        row = QHBoxLayout(card)
        row.setContentsMargins(8, 6, 6, 6)
        row.setSpacing(6)
        row.addWidget(self.adding, 1)
        row.addWidget(act("Add", "Add it to the list (Enter)", self._add, strong=True))
        row.addWidget(small("close", "Leave it (Esc)", card.hide))
        card.hide()
        return card

    # -- filling --------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> str | None:
        """uuid of the segmentation that is worked on."""
        return self.desk.uuid

    def refresh(self) -> None:
        """Offer the segmentations of the scan that is shown; a new one is opened by itself."""
        entries = self._fitting()
        known = {self.choice.itemData(n) for n in range(self.choice.count())}
        self.choice.blockSignals(True)
        self.choice.clear()
        for entry in reversed(entries):
            self.choice.addItem(entry.name, entry.uuid)
        index = self.choice.findData(self.desk.uuid)
        self.choice.setCurrentIndex(index)
        self.choice.blockSignals(False)
        self.choice.setEnabled(bool(entries))
        self.choice.setToolTip("\n".join(("Which segmentation is shown and worked on", *self._notes())))
        newest = entries[-1].uuid if entries else None
        if self.desk.bench is not None and index < 0 and self.scene.volume is not None:
            self.desk.open(newest)  # another scan is shown, and the segmentation lies elsewhere
            return
        if newest is None or (self.desk.bench is not None and newest in known | {self.desk.uuid}):
            self._fill()
            return
        if self.desk.uuid != newest:
            self.desk.open(newest)

    def _another_scan(self) -> None:
        if self.bridge.document is not None:
            self.refresh()

    def _fitting(self) -> list[Entry]:
        """The segmentations that lie in the frame of reference of the scan that is shown."""
        frame = self.scene.grid.frame_uid if self.scene.grid is not None else None
        entries = self.bridge.entries("segmentation")
        return [e for e in entries if frame is None or dict(e.facts["grid"]).get("frame_uid") == frame]

    def _notes(self) -> tuple[str, ...]:
        bench = self.desk.bench
        return tuple(f"• {note}" for note in bench.live().notes) if bench is not None else ()

    def _fill(self) -> None:
        segments = self.desk.segments
        tree = self.tree
        tree.blockSignals(True)
        if [tree.topLevelItem(n).data(0, KEY) for n in range(tree.topLevelItemCount())] != [s.key for s in segments]:
            tree.clear()
            for segment in segments:
                item = QTreeWidgetItem()
                item.setData(0, KEY, segment.key)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                tree.addTopLevelItem(item)
        for number, segment in enumerate(segments):
            self._dress(tree.topLevelItem(number), segment)
        tree.blockSignals(False)
        open_ = self.desk.bench is not None
        tree.setVisible(bool(segments))
        tree.setFixedHeight(min(max(len(segments), 3), MOST_ROWS) * ROW_PX + 4)
        self._empty.setVisible(open_ and not segments)
        self._empty_add.setVisible(open_ and not segments and self._adder.isHidden())
        for button in (self.remove, self.merge, self.recolour, self.rename_button, self.go_to):
            button.setEnabled(bool(segments))
        self.add.setEnabled(open_)
        self.merge.setEnabled(len(segments) > 1)
        self._mark()

    def _dress(self, item: QTreeWidgetItem, segment: Segment) -> None:
        look = theme.current()
        seen = self.desk.is_visible(segment.key)
        item.setIcon(EYE, _icon("visible" if seen else "hidden", look.text if seen else look.text_off))
        item.setToolTip(EYE, "Hide it on the slices and in 3D" if seen else "Show it again")
        item.setIcon(NAME, swatch(segment.colour))
        item.setText(NAME, segment.name)
        item.setText(VOLUME, f"{millilitres(segment.volume_mm3)} mL")
        item.setTextAlignment(VOLUME, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        sure = "" if segment.confidence is None else f"{100 * segment.confidence:.0f} %"
        item.setText(SURE, sure)
        item.setTextAlignment(SURE, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        unsure = segment.confidence is not None and segment.confidence < UNSURE
        item.setForeground(SURE, QColor(look.warning if unsure else look.text_quiet))
        item.setForeground(VOLUME, QColor(look.text_quiet))
        item.setForeground(NAME, QColor(look.text if seen else look.text_off))
        item.setIcon(
            LOCK,
            theme.icon("locked" if segment.locked else "unlocked", look.warning if segment.locked else look.text_off),
        )
        item.setToolTip(
            LOCK,
            "Locked: no tool changes it. Click to unlock" if segment.locked else "Lock it, so that no tool changes it",
        )
        said = segment.doubt or ("Drawn by hand" if segment.confidence is None else "How sure the program is of it")
        for column in (NAME, VOLUME, SURE):
            item.setToolTip(
                column, said if column != NAME else f"{segment.name}. {said}".rstrip(". ") + ". Double click: rename"
            )

    def _mark(self) -> None:
        segment = self.desk.segment
        self.tree.blockSignals(True)
        for number in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(number)
            if segment is not None and item.data(0, KEY) == segment.key:
                self.tree.setCurrentItem(item, NAME)
                self.tree.scrollToItem(item)
        self.tree.blockSignals(False)
        self._doubt.say(segment.doubt if segment is not None else "")

    # -- what the mouse and the keys do ---------------------------------------------------------------------------

    def _take(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.desk.take(item.data(0, KEY))

    def _clicked(self, item: QTreeWidgetItem, column: int) -> None:
        key = item.data(0, KEY)
        if column == EYE:
            self.desk.set_visible(key, not self.desk.is_visible(key))
        elif column == LOCK:
            locked = next(s.locked for s in self.desk.segments if s.key == key)
            self.desk.set_locked(key, not locked)

    def _double_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        if column in (NAME, VOLUME, SURE):
            self.rename()

    def dress(self) -> None:
        """In the colours of another theme."""
        for button in self.findChildren(QToolButton):
            button.setIcon(theme.icon(str(button.property("icon_name"))))
        self._fill()

    def rename(self) -> None:
        """Type another name for the segment in hand."""
        item = self.tree.currentItem()
        if item is not None:
            self.tree.editItem(item, NAME)
            editor = self.tree.findChild(QLineEdit)
            if editor is not None:
                editor.selectAll()

    def _renamed(self, item: QTreeWidgetItem, column: int) -> None:
        if column != NAME:
            return
        key, name = item.data(0, KEY), item.text(NAME).strip()
        old = next((s.name for s in self.desk.segments if s.key == key), name)
        if name and name != old and self.desk.rename(key, name):
            return
        self._fill()

    def open_adder(self) -> None:
        self._adder.show()
        self._empty_add.hide()
        self.adding.setCurrentIndex(-1)
        self.adding.setFocus()

    def _add(self) -> None:
        text = self.adding.currentText().strip()
        if not text:
            return
        index = self.adding.findText(text, Qt.MatchFlag.MatchFixedString)
        if self.desk.add(str(self.adding.itemData(index)) if index >= 0 else text, known=index >= 0):
            self._adder.hide()

    def remove_one(self) -> None:
        """Remove the segment in hand; undo brings it back."""
        segment = self.desk.segment
        if segment is not None:
            self.desk.remove(segment.key)

    def _merge_menu(self) -> None:
        segment = self.desk.segment
        if segment is None:
            return
        menu = QMenu(self)
        menu.addSection(f"Merge {segment.name} into")
        for other in self.desk.segments:
            if other.key != segment.key:
                action = menu.addAction(swatch(other.colour), other.name)
                action.setEnabled(not other.locked)
                action.triggered.connect(lambda _c=False, k=other.key: self.desk.merge(segment.key, k))
        menu.exec(self.merge.mapToGlobal(QPoint(0, self.merge.height())))

    def _choose_colour(self) -> None:
        segment = self.desk.segment
        if segment is None:
            return
        colour = QColorDialog.getColor(QColor(*segment.colour), self, f"Colour of {segment.name}")
        if colour.isValid():
            self.desk.recolour(segment.key, (colour.red(), colour.green(), colour.blue()))

    def _go_to(self) -> None:
        segment = self.desk.segment
        if segment is not None:
            self.desk.go_to(segment.key)

    def _menu(self, at: QPoint) -> None:
        item = self.tree.itemAt(at)
        if item is None:
            return
        self._take(item)
        segment = self.desk.segment
        if segment is None:
            return
        menu = QMenu(self)
        menu.addAction(theme.icon("navigate"), "Go there", self._go_to)
        menu.addAction(theme.icon("visible"), "Show only this one", lambda: self._only(segment.key))
        menu.addAction(theme.icon("visible"), "Show all", lambda: self._only(None))
        menu.addSeparator()
        menu.addAction(theme.icon("edit"), "Rename\tF2", self.rename)
        menu.addAction(theme.icon("colour"), "Colour …", self._choose_colour)
        menu.addAction(
            theme.icon("unlocked" if segment.locked else "locked"),
            "Unlock" if segment.locked else "Lock",
            lambda: self.desk.set_locked(segment.key, not segment.locked),
        )
        menu.addAction(theme.icon("locked"), "Lock all others", lambda: self.desk.lock_others(segment.key))
        menu.addSeparator()
        menu.addAction(theme.icon("delete"), "Remove\tDel", self.remove_one)
        menu.exec(self.tree.viewport().mapToGlobal(at))

    def _only(self, key: str | None) -> None:
        for segment in self.desk.segments:
            self.desk.set_visible(segment.key, key in (None, segment.key))


__all__ = ["SegmentList", "millilitres", "swatch"]
