"""What lies on the table: the organ, its tissue, what holds it, how the patient lies, what is inside and beside it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Surface
from organtwin.model.kinds import kind_of
from organtwin.model.rehearsal import Scene as Table
from organtwin.model.tissue_case import Material, Region, Spring
from organtwin.model.tissues import MATERIALS, SAME_AS
from organtwin.store import Entry
from organtwin.store.relations import naming_trees
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import QuantityEdit, form, quiet
from organtwin_gui.steps.step import fill
from organtwin_gui.steps.tissue import DIRECTIONS

LYING: dict[str, tuple[float, float, float] | None] = {
    "on the back": (0.0, 1.0, 0.0),
    "on the left side": (1.0, 0.0, 0.0),
    "on the right side": (-1.0, 0.0, 0.0),
    "on the belly": (0.0, -1.0, 0.0),
    "standing": (0.0, 0.0, -1.0),
    "no weight": None,
}
_AROUND = "around"
_HELD_SHARE = 0.2
_ROWS = 4  # of a list before it scrolls


class TableForm(QWidget):
    """Reads the project; gives the inputs by role and the scene."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.bridge = bridge
        self._seen: set[str] = set()
        self._known: dict[tuple[str, str], bool] = {}
        self.organ = QComboBox()
        self.organ.setToolTip(
            "Which organ mesh to rehearse on; a few thousand to twenty thousand tetrahedra are fluent"
        )
        self.organ.currentIndexChanged.connect(lambda _i: self._take_organ())
        self.tissue = QComboBox()
        for key in MATERIALS:
            self.tissue.addItem(key.replace("_", " ").capitalize(), key)
        self.tissue.addItem("Other", None)
        self.tissue.setToolTip("Published stiffness of this tissue")
        self.tissue.currentIndexChanged.connect(lambda _i: self._take_tissue())
        self.young = QuantityEdit("6.9 kPa", "pressure", "Young's modulus of the tissue (kPa)")
        self._source = quiet("")
        self.held = QComboBox()
        for label, vector in DIRECTIONS.items():
            self.held.addItem(label, vector)
        self.held.addItem("by the tissue around it", _AROUND)
        self.held.setCurrentText("back")
        self.held.setToolTip("Where ligaments and vessels hold the organ; more places can be held later")
        self.lying = QComboBox()
        for label, vector in LYING.items():
            self.lying.addItem(label, vector)
        self.lying.setToolTip("How the patient lies: which way the organ's own weight pulls")
        self.lying.setCurrentIndex(self.lying.findText("no weight"))
        self.inside = _checks("Tumours and vessels that the organ carries inside")
        self.beside = _checks("Meshes of organs that it may touch")
        self.plan = QComboBox()
        self.plan.setToolTip("A planned resection that can be cut along")
        rows = form()
        for label, widget in (
            ("Organ", self.organ),
            ("Tissue", self.tissue),
            ("Stiffness", self.young),
            ("", self._source),
            ("Held at", self.held),
            ("Lying", self.lying),
            ("Inside", self.inside),
            ("Beside", self.beside),
            ("Plan", self.plan),
        ):
            rows.addRow(label, widget)
        self._rows = rows
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        self._take_tissue()

    # -- following the project ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Offer what the project has."""
        before = self.organ.currentData()
        organs = [e for e in self.bridge.entries("mesh") if not e.facts.get("caps")]
        whole = [e for e in organs if e.recipe is None or e.recipe.operation != "rehearse"]
        fill(self.organ, organs)
        with QSignalBlocker(self.organ):  # the newest, but not one that a rehearsal has left
            fresh = bool(whole) and whole[-1].uuid not in self._seen
            wanted = whole[-1].uuid if fresh else before
            if self.organ.findData(wanted) >= 0:
                self.organ.setCurrentIndex(self.organ.findData(wanted))
        self._seen = {e.uuid for e in organs}
        if self.organ.currentData() != before:
            self._take_organ()
        else:
            self._offer_company()

    def _take_organ(self) -> None:
        entry = self._organ_entry()
        if entry is not None:
            known = SAME_AS.get(entry.facts["structure"], entry.facts["structure"])
            self.tissue.setCurrentIndex(max(self.tissue.findData(known), 0))
        self._offer_company()

    def _organ_entry(self) -> Entry | None:
        return next((e for e in self.bridge.entries("mesh") if e.uuid == self.organ.currentData()), None)

    def _take_tissue(self) -> None:
        known = MATERIALS.get(self.tissue.currentData() or "")
        if known is not None:
            self.young.setText(known.young)
        self._source.setText(f"{known.source}." if known is not None else "A stiffness of your own.")

    def _carried(self, surface: str, organ: str) -> bool:
        """Whether most of a surface lies in an organ: what merely touches it is not carried by it."""
        if (surface, organ) not in self._known:
            mesh, thing = self.bridge.get(organ), self.bridge.get(surface)
            assert isinstance(mesh, OrganMesh)
            assert isinstance(thing, Surface)
            self._known[surface, organ] = share_within(np.asarray(thing.points_mm), mesh) > 0.5
        return self._known[surface, organ]

    def _offer_company(self) -> None:
        organ = self._organ_entry()
        inside: list[Entry] = []
        beside: list[Entry] = []
        if organ is not None:
            for entry in self.bridge.entries("surface"):
                if entry.facts["structure"] != organ.facts["structure"] and self._carried(entry.uuid, organ.uuid):
                    inside.append(entry)
            beside = [e for e in self.bridge.entries("mesh") if e.uuid != organ.uuid and not e.facts.get("caps")]
            beside = [e for e in beside if e.facts["structure"] != organ.facts["structure"]]
        _fill_checks(self.inside, inside, lambda e: kind_of(e.facts["structure"], e.name) != "other")
        _fill_checks(self.beside, beside, lambda _e: False)
        plans = [
            e for e in self.bridge.entries("plan") if organ is None or e.facts.get("organ") == organ.facts["structure"]
        ]
        with QSignalBlocker(self.plan):
            chosen = self.plan.currentData()
            self.plan.clear()
            self.plan.addItem("none", None)
            for entry in reversed(plans):
                self.plan.addItem(entry.name, entry.uuid)
            self.plan.setCurrentIndex(max(self.plan.findData(chosen), min(1, len(plans))))
        for widget, any_there in ((self.inside, inside), (self.beside, beside), (self.plan, plans)):
            self._rows.setRowVisible(widget, bool(any_there))

    # -- what it says -------------------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        return self.organ.currentData() is not None

    def inputs(self) -> dict[str, str]:
        """uuids by role.

        Raises
        ------
        BadInput
            When there is no organ.
        """
        if not self.ready:
            raise BadInput("There is no organ mesh yet", remedy="Make one in the Mesh step.")
        found = {"mesh": self.organ.currentData()}
        for role, box in (("inside", self.inside), ("neighbour", self.beside)):
            for number, uuid in enumerate(_checked(box), start=1):
                found[f"{role}-{number}"] = uuid
        for number, entry in enumerate(naming_trees(self.bridge.entries("centerline")), start=1):
            found[f"tree-{number}"] = entry.uuid
        if self.plan.currentData() is not None:
            found["plan"] = self.plan.currentData()
        return found

    def table(self) -> Table:
        """The scene.

        Raises
        ------
        BadInput
            When the stiffness cannot be read.
        """
        young = self.young.quantity
        known = MATERIALS.get(self.tissue.currentData() or "")
        same = known is not None and known.young == young
        base = known if known is not None else Material(source="chosen by hand")
        material = base if same else base.model_copy(update={"young": young, "source": "chosen by hand"})
        parts = {}
        mesh = self.bridge.get(self.organ.currentData())
        assert isinstance(mesh, OrganMesh)
        for part in mesh.materials:
            of_part = MATERIALS.get(SAME_AS.get(part, part))
            if of_part is not None and part != mesh.structure:
                parts[part] = of_part
        held, springs = (), ()
        if self.held.currentData() == _AROUND:
            springs = (Spring(region=Region(toward=(0.0, 0.0, 1.0), fraction=1.0), stiffness="0.2 kPa/mm"),)
        else:
            held = (Region(toward=tuple(self.held.currentData()), fraction=_HELD_SHARE),)
        return Table(material=material, materials=parts, fixed=held, springs=springs, gravity=self.lying.currentData())


def share_within(points_mm: np.ndarray, mesh: OrganMesh, sampled: int = 400) -> float:
    """About which share of some points lies in a mesh: those nearer to one of its points than its edges are long."""
    nodes = np.asarray(mesh.points_mm)
    sample = points_mm[:: max(1, len(points_mm) // sampled)]
    some = sample[((sample > nodes.min(axis=0)) & (sample < nodes.max(axis=0))).all(axis=1)]
    if not len(some):
        return 0.0
    tets = np.asarray(mesh.tets[:: max(1, len(mesh.tets) // 2000)])
    edge = np.linalg.norm(nodes[tets[:, 0]] - nodes[tets[:, 1]], axis=1)
    away, _ = cKDTree(nodes).query(some)
    return float((away < 0.75 * edge.mean()).sum()) / max(1, len(sample))


def _checks(tip: str) -> QListWidget:
    box = QListWidget()
    box.setToolTip(tip)
    box.setSelectionMode(QListWidget.SelectionMode.NoSelection)
    box.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return box


def _fill_checks(box: QListWidget, entries: list[Entry], wanted: object) -> None:
    """Offer these; what was chosen stays so."""
    before = {box.item(n).data(Qt.ItemDataRole.UserRole): box.item(n).checkState() for n in range(box.count())}
    box.clear()
    for entry in entries:
        item = QListWidgetItem(entry.name)
        item.setToolTip(entry.name)
        item.setData(Qt.ItemDataRole.UserRole, entry.uuid)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
        on = Qt.CheckState.Checked if wanted(entry) else Qt.CheckState.Unchecked  # type: ignore[operator]
        item.setCheckState(before.get(entry.uuid, on))
        box.addItem(item)
    row = box.sizeHintForRow(0) if entries else 24
    box.setFixedHeight(min(max(len(entries), 1), _ROWS) * row + 6)


def _checked(box: QListWidget) -> list[str]:
    items = (box.item(n) for n in range(box.count()))
    return [i.data(Qt.ItemDataRole.UserRole) for i in items if i.checkState() == Qt.CheckState.Checked]
