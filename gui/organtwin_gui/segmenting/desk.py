"""What is on the workbench: the segmentation under the hand, the segment in hand, the rules, and how edits are done.

Quick tools are done at once, in the window's thread; slow ones beside it, with progress and a way to stop them. Every edit
is a version of the segmentation, undone and done again through the document like everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from organtwin.document.workbench import Answer, Question, Touched, Workbench
from organtwin.edit.apply import Edited
from organtwin.edit.edit import Edit, canvas_of
from organtwin.edit.rules import Rules
from organtwin.edit.tool import find
from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Segment, Segmentation, structure
from organtwin_gui.bridge import Bridge
from organtwin_gui.segmenting.aside import Aside
from organtwin_gui.views.slice_render import LabelStyle
from organtwin_gui.views.state import ImageScene, Overlay

HIDDEN_AT_FIRST = {"body"}  # would hide everything else


class Desk(QObject):
    """One segmentation at a time.

    Signals
    -------
    opened()
        Another segmentation, or none.
    table_changed()
        Names, colours, locks, volumes, which segments there are.
    touched(object)
        :class:`Touched`: labels changed.
    in_hand_changed()
        Another segment is in hand.
    rules_changed()
    paint_wanted()
        A tool hands over to the brush.
    told(str, bool, str, object)
        A sentence; whether it is trouble; the words of a way out ("" for none) and what does it.
    progressed(float, str)
        How far a slow tool is. -1: nothing goes on any more.
    """

    opened = Signal()
    table_changed = Signal()
    touched = Signal(object)
    in_hand_changed = Signal()
    rules_changed = Signal()
    paint_wanted = Signal()
    told = Signal(str, bool, str, object)
    progressed = Signal(float, str)

    def __init__(self, bridge: Bridge, scene: ImageScene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge, self.scene = bridge, scene
        self.bench: Workbench | None = None
        self.rules = Rules()
        self.aside = Aside(self)
        self.aside.progressed.connect(self.progressed)
        self._in_hand = ""
        self._order: list[str] = []  # of the list, before the last change
        self._shown = ""  # uuid under which the overlay lies
        self._stop_hearing: Callable[[], object] | None = None
        bridge.closed.connect(lambda: self.open(None))
        bridge.changed.connect(lambda _c: QTimer.singleShot(0, self._check_alive))

    # -- the segmentation -----------------------------------------------------------------------------------------

    @property
    def uuid(self) -> str | None:
        return self.bench.uuid if self.bench is not None else None

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.bench.segments if self.bench is not None else ()

    def open(self, uuid: str | None) -> None:
        """Lay a segmentation on the bench, and over the slices."""
        if uuid == self.uuid:
            return
        self.aside.leave()
        self._let_go()
        if uuid is not None and self.bridge.document is not None:
            with self.bridge.guarded():
                bench = self.bridge.document.workbench(uuid)
                self._show(bench)
                self.bench = bench
                self._stop_hearing = bench.changed.connect(self._heard)
                keys = self._order = [s.key for s in bench.segments]
                if self._in_hand not in keys:
                    shown = [k for k in keys if k not in HIDDEN_AT_FIRST]
                    self._in_hand = (shown or keys or [""])[0]
        self.opened.emit()
        self.table_changed.emit()
        self.in_hand_changed.emit()

    def _show(self, bench: Workbench) -> None:
        for other in [u for u in self.scene.overlays if u != bench.uuid]:
            self.scene.hide_segmentation(other)
        self.scene.show_segmentation(bench.live())
        self._shown = bench.uuid
        for segment in bench.segments:
            if segment.key in HIDDEN_AT_FIRST:
                self.scene.set_segment_style(bench.uuid, segment.key, visible=False)

    def _let_go(self) -> None:
        if self._stop_hearing is not None:
            self._stop_hearing()
            self._stop_hearing = None
        bench, self.bench = self.bench, None
        for shown in {self._shown, bench.uuid if bench else ""} - {""}:
            self.scene.hide_segmentation(shown)
        self._shown = ""
        if bench is not None and self.bridge.document is not None:
            bench.close()

    def _check_alive(self) -> None:
        """The segmentation itself may have been removed, by hand or by undo."""
        document = self.bridge.document
        if self.bench is not None and document is not None and not document.project.is_live(self.bench.uuid):
            self.open(None)

    def _heard(self, touched: Touched) -> None:
        """An edit, an undo or a redo."""
        bench = self.bench
        assert bench is not None
        before, self._shown = self._shown, bench.uuid
        table = bench.live()
        if touched.box is not None and not touched.table:
            self.scene.touch(before, table, touched.box)
        else:
            looked = self.scene.overlays.get(before)
            keys = {(s.label, s.key, s.colour) for s in looked.segmentation.segments} if looked is not None else set()
            if touched.box is not None and keys == {(s.label, s.key, s.colour) for s in bench.segments}:
                self.scene.touch(before, table, touched.box)  # only volumes, names and locks changed
            else:
                self.scene.follow(before, table)
        order, self._order = self._order, [s.key for s in bench.segments]
        if self._in_hand not in self._order:  # the one that was below it, or else above
            at = order.index(self._in_hand) if self._in_hand in order else 0
            left = [k for k in [*order[at:], *reversed(order[:at]), *self._order] if k in self._order]
            self._in_hand = next((k for k in left if k not in HIDDEN_AT_FIRST), "")
            self.in_hand_changed.emit()
        self.touched.emit(touched)
        if touched.table:
            self.table_changed.emit()

    @property
    def volume(self) -> str | None:
        """uuid of the scan behind the segmentation: the one that is shown where it lies on the same grid, else any that does."""
        if self.bench is None:
            return None
        shown = self.scene.volume
        if shown is not None and shown.grid.same_as(self.bench.grid):
            return shown.uuid
        document = self.bridge.document
        recipe = document.entry(self.bench.uuid).recipe if document is not None else None
        source = recipe.inputs.get("volume") if recipe is not None else None
        return source if source and any(e.uuid == source for e in self.bridge.entries("volume")) else None

    # -- the segment in hand --------------------------------------------------------------------------------------

    @property
    def segment(self) -> Segment | None:
        """The segment in hand."""
        return next((s for s in self.segments if s.key == self._in_hand), None)

    def take(self, key: str) -> None:
        """Take another segment in hand."""
        if key != self._in_hand and any(s.key == key for s in self.segments):
            self._in_hand = key
            self.in_hand_changed.emit()

    def step(self, by: int) -> None:
        """The next segment of the list, or the one before."""
        keys = [s.key for s in self.segments]
        if keys:
            at = keys.index(self._in_hand) if self._in_hand in keys else -by
            self.take(keys[(at + by) % len(keys)])

    @property
    def colour(self) -> tuple[int, int, int]:
        segment = self.segment
        return segment.colour if segment is not None else (90, 169, 230)

    def set_rules(self, rules: Rules) -> None:
        if rules != self.rules:
            self.rules = rules
            self.rules_changed.emit()

    # -- doing ----------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return self.aside.busy

    def ready(self, *, target: bool = True) -> bool:
        """Whether an edit can begin; says why not, with a way out."""
        if self.bench is None:
            self._tell_trouble("There is no segmentation to work on.", "New segmentation", self.begin)
            return False
        if self.busy:
            self._tell_trouble("The tool before is still at work. Wait for it, or stop it with Esc.")
            return False
        segment = self.segment
        if target and segment is None:
            self._tell_trouble("There is no segment in hand. Add one to the list first.")
            return False
        if target and segment is not None and segment.locked:
            name, key = segment.name, segment.key
            self._tell_trouble(f"'{name}' is locked.", f"Unlock {name}", lambda: self.set_locked(key, False))
            return False
        return True

    def do(
        self, tool: str, options: dict[str, Any], *, target: bool = True, rules: bool = True, segment: str | None = None,
        then: Callable[[Edited], None] | None = None,
    ) -> bool:  # fmt: skip
        """Do an edit: at once where its tool is quick, else beside the window. Says what went wrong; returns whether it began."""
        if not self.ready(target=target):
            return False
        bench = self.bench
        assert bench is not None
        key = segment if segment is not None else (self._in_hand if self.segment is not None else "")
        edit = Edit(tool=tool, segment=key, options=options, rules=self.rules if rules else Rules())
        try:
            if find(tool).quick:
                before = bench.segments
                done = bench.do(edit, self.volume)
                self._did(done, then, nothing=done.nothing and done.segments == before)
            else:
                self.aside.start(
                    bench,
                    edit,
                    self.volume,
                    find(tool).title,
                    lambda answer: self._did(answer.done, then),
                    self._failed,
                )
        except OrganTwinError as error:
            self._failed(error)
            return False
        return True

    def preview(
        self,
        tool: str,
        options: dict[str, Any],
        *,
        target: bool = True,
        then: Callable[[Answer], None] | None = None,
        failed: Callable[[OrganTwinError], None] | None = None,
    ) -> None:
        """Work an edit out and show it over the slices, without doing it; a newer one takes the place of an older one."""
        bench = self.bench
        if bench is None:
            return
        edit = Edit(
            tool=tool, segment=self._in_hand if target or self.segment else "", options=options, rules=self.rules
        )

        def show(answer: Answer) -> None:
            if self.bench is bench:
                self.scene.set_label_preview(self._preview_of(answer.done))
                if then is not None:
                    then(answer)

        def fail(error: OrganTwinError) -> None:
            self.scene.set_label_preview(None)
            (failed or self._failed)(error)

        if not find(tool).quick:
            title = f"{find(tool).title}, a preview"
            self.aside.start(bench, edit, self.volume, title, show, fail, preview=True)
            return
        try:
            scan: Any = self.bridge.get(self.volume) if self.volume else None
            canvas = canvas_of(bench.grid, bench.labels, bench.segments, edit.segment, scan)
            show(Answer(Question(edit, self.volume, preview=True), edit.perform(canvas), bench.uuid))
        except OrganTwinError as error:
            fail(error)

    def _preview_of(self, done: Edited) -> Overlay | None:
        """What an edit would change, as an overlay of its box; what it would take away is white."""
        bench, patch = self.bench, done.patch
        if bench is None or patch.empty:
            return None
        gone = max(s.label for s in done.segments) + 1
        labels = np.zeros([b - a for a, b in zip(patch.start, patch.stop, strict=True)], np.uint16)
        after = patch.labels_after().astype(np.uint16)
        labels[patch.changed()] = np.where(after == 0, gone, after)
        grid = bench.grid.crop(patch.start[::-1], patch.stop[::-1])
        styles = {s.label: LabelStyle(s.colour) for s in done.segments} | {gone: LabelStyle((255, 255, 255))}
        return Overlay(bench.live(), grid.canonical(), grid.to_canonical(labels), True, styles)

    def accept(self, answer: Answer) -> None:
        """Do what a preview showed."""
        self.scene.set_label_preview(None)
        if self.bench is None or not self.ready(target=False):
            return
        try:
            self.bench.accept(answer)
        except OrganTwinError as error:
            self._failed(error)
        else:
            self._did(answer.done, None)

    def _did(self, done: Edited, then: Callable[[Edited], None] | None, *, nothing: bool | None = None) -> None:
        if done.said:
            self.told.emit(done.said, False, "", None)
        elif done.nothing if nothing is None else nothing:
            ruled = self.rules != Rules() or any(s.locked for s in self.segments)
            why = " A rule or a lock may keep these voxels." if ruled else ""
            self.told.emit(f"Nothing changed.{why}", False, "", None)
        else:
            self.told.emit("", False, "", None)
        if then is not None:
            then(done)

    def _failed(self, error: OrganTwinError) -> None:
        self._tell_trouble(error.sentence)

    def _tell_trouble(self, sentence: str, way_out: str = "", do: Callable[[], object] | None = None) -> None:
        self.told.emit(sentence, True, way_out, do)

    def stop(self) -> bool:
        """Stop a slow tool; False where none was at work."""
        if not self.busy:
            return False
        self.aside.stop()
        self.told.emit("Stopped; nothing has changed.", False, "", None)
        return True

    # -- the table ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new, empty segmentation of the scan that is shown."""
        volume, document = self.scene.volume, self.bridge.document
        if volume is None or document is None:
            self._tell_trouble("There is no scan to segment. Import one in the Study page.")
            return
        with self.bridge.guarded():
            empty = Segmentation(
                name=f"By hand on {volume.name}",
                grid=volume.grid,
                labels=np.zeros(volume.grid.shape, np.uint8),
                segments=(),
            )
            document.add([empty], "New segmentation")
            self.open(empty.uuid)

    def _table(self, segment: str = "", **options: Any) -> bool:
        """Change the list of segments by the tool 'table'."""
        return self.do("table", options, target=False, rules=False, segment=segment)

    def add(self, name: str, *, known: bool = True) -> bool:
        """A new segment, by the key of a structure or by a name of its own; it is taken in hand."""
        before = {s.key for s in self.segments}
        if known and name in before:
            known, name = False, structure(name).name
        if not self._table(action="add", **({"key": name} if known else {"name": name})):
            return False
        new = [s.key for s in self.segments if s.key not in before]
        if new:
            self.take(new[0])
        return bool(new)

    def remove(self, key: str) -> bool:
        return self._unlocked(key) and self._table(key, action="remove")

    def rename(self, key: str, name: str) -> bool:
        return self._table(key, action="rename", name=name[:64])

    def recolour(self, key: str, colour: tuple[int, int, int]) -> bool:
        return self._table(key, action="recolour", colour=colour)

    def merge(self, key: str, into: str) -> bool:
        """All of one segment goes to another."""
        return self._unlocked(key) and self._unlocked(into) and self._table(key, action="merge", into=into)

    def set_locked(self, key: str, on: bool) -> bool:
        return self._table(key, action="lock" if on else "unlock")

    def lock_others(self, key: str) -> None:
        """Lock all but one."""
        self._table(action="lock")
        self.set_locked(key, False)

    def _unlocked(self, key: str) -> bool:
        segment = next((s for s in self.segments if s.key == key), None)
        if segment is not None and segment.locked:
            self._tell_trouble(
                f"'{segment.name}' is locked.", f"Unlock {segment.name}", lambda: self.set_locked(key, False)
            )
        return segment is not None and not segment.locked

    def set_visible(self, key: str, on: bool) -> None:
        """Show or hide a segment on the slices: a matter of looking, not of the segmentation."""
        if self.bench is not None:
            self.scene.set_segment_style(self.bench.uuid, key, visible=on)
            self.table_changed.emit()

    def is_visible(self, key: str) -> bool:
        overlay = self.scene.overlays.get(self._shown)
        segment = next((s for s in self.segments if s.key == key), None)
        if overlay is None or segment is None or segment.label not in overlay.styles:
            return True
        return overlay.styles[segment.label].visible

    def go_to(self, key: str) -> None:
        """The crosshair into the middle of a segment."""
        overlay = self.scene.overlays.get(self._shown)
        segment = next((s for s in self.segments if s.key == key), None)
        if overlay is None or segment is None:
            return
        step = max(1, round((overlay.labels.size / 4e6) ** (1 / 3)))
        inside = np.argwhere(overlay.labels[::step, ::step, ::step] == segment.label)
        if len(inside):
            k, j, i = step * inside[np.argmin(((inside - inside.mean(axis=0)) ** 2).sum(axis=1))]
            self.scene.cursor.move(overlay.grid.to_world((i, j, k)))

    def shut_down(self) -> None:
        self.aside.leave()


__all__ = ["BadInput", "Desk", "Touched"]
