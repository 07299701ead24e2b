"""Find: engines that segment by themselves, or from a few strokes or clicks, as jobs."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from organtwin.errors import BadInput
from organtwin.model import STRUCTURES
from organtwin.model.terminology import structure
from organtwin.segment import engine as engines
from organtwin.segment.engine import Engine
from organtwin.segment.strokes import BACKGROUND
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.forms import quiet
from organtwin_gui.segmenting.fields import OptionsForm, plain_name
from organtwin_gui.segmenting.hand import plain
from organtwin_gui.segmenting.widgets import Fold, act, row
from organtwin_gui.steps.step import primary, relabel
from organtwin_gui.views.state import Brush, ImageScene, Tool

FIRST = "ct"
STROKES, POINTS, KEY = (
    "strokes",
    "points_mm",
    "key",
)  # fields that are filled with the mouse, and by the structure chosen


class Finder(QWidget):
    """One engine is chosen; what it is, whether it can run here, and its options are below."""

    def __init__(self, bridge: Bridge, scene: ImageScene) -> None:
        super().__init__()
        self.bridge, self.scene = bridge, scene
        self._engines: dict[str, Engine] = {name: engines.find(name) for name in engines.names()}
        self._reasons: dict[str, str] = {}
        self._forms: dict[str, OptionsForm] = {}
        self._outside = False
        self.engine = QComboBox()
        self.engine.setToolTip("How to find the structures")
        self.engine.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for name, one in sorted(
            self._engines.items(),
            key=lambda e: (e[0] != FIRST, e[1].hand or e[0] in ("grow", "random-walker", "threshold"), e[1].title),
        ):
            self.engine.addItem(one.title, name)
        self._about = quiet("")
        self._facts = QLabel()
        self._facts.setObjectName("small")
        self._facts.setWordWrap(True)
        self._why_not = QLabel()
        self._why_not.setObjectName("warning")
        self._why_not.setWordWrap(True)
        self._by_hand = self._strokes()
        self._holder = QWidget()
        self._holder_column = QVBoxLayout(self._holder)
        self._holder_column.setContentsMargins(8, 0, 0, 4)
        self._fold = Fold("Options", "Settings of the engine", self._holder)
        self.run = primary("Segment", "run", "Start the segmentation as a job", "Ctrl+Return")
        self.run.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.run.clicked.connect(self.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.engine, self._about, self._facts, self._why_not, self._by_hand, self._fold, self.run):
            layout.addWidget(widget)
        self.engine.currentIndexChanged.connect(lambda _i: self._chosen())
        scene.stroke_drawn.connect(lambda _s: self._count())
        scene.tool_changed.connect(self._tool_changed)
        scene.volume_changed.connect(self._suit)
        self._chosen()

    # -- strokes and clicks ---------------------------------------------------------------------------------------

    def _strokes(self) -> QWidget:
        page = QWidget()
        self.structure = QComboBox()
        self.structure.setEditable(True)
        for key, s in STRUCTURES.items():
            self.structure.addItem(s.name, key)
        self.structure.setCurrentIndex(self.structure.findData("liver"))
        self.structure.setToolTip("What the next strokes stand for: choose, or type a name of your own")
        self.structure.currentTextChanged.connect(lambda _t: self._take_brush())
        self._draw = QPushButton("Draw inside")
        self._draw_out = QPushButton("Draw outside")
        for button, icon, tip in (
            (self._draw, "seed", "Draw strokes inside the structure, or click in it, in any slice view"),
            (self._draw_out, "erase", "Draw strokes outside, where the structure must not go"),
        ):
            button.setCheckable(True)
            button.setIcon(theme.icon(icon))
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._draw.clicked.connect(lambda on: self._pick_up(on, outside=False))
        self._draw_out.clicked.connect(lambda on: self._pick_up(on, outside=True))
        self._clear_button = act("Clear strokes", "Take all strokes away", self._clear, icon="delete")
        self._how = quiet("")
        self._said = quiet("")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._how)
        column.addWidget(self.structure)
        column.addLayout(row(self._draw, self._draw_out))
        column.addWidget(self._clear_button)
        column.addWidget(self._said)
        return page

    @property
    def _key(self) -> str:
        text = self.structure.currentText().strip()
        index = self.structure.findText(text, Qt.MatchFlag.MatchFixedString)
        return str(self.structure.itemData(index)) if index >= 0 else text.lower().replace(" ", "_")

    def _pick_up(self, on: bool, outside: bool) -> None:
        if not on:
            self.scene.tool = Tool.NAVIGATE
            return
        self._outside = outside
        self._take_brush()
        self.scene.tool = Tool.SEED
        self._draw.setChecked(not outside)
        self._draw_out.setChecked(outside)

    def _take_brush(self) -> None:
        radius = self.scene.brush.radius_mm
        if self._outside:
            self.scene.set_brush(Brush(BACKGROUND, (150, 150, 150), radius))
        else:
            self.scene.set_brush(Brush(self._key, structure(self._key).colour, radius))

    def _tool_changed(self, tool: Tool) -> None:
        if tool is not Tool.SEED:
            self._draw.setChecked(False)
            self._draw_out.setChecked(False)

    def _clear(self) -> None:
        self.scene.clear_strokes()
        self._count()

    def _count(self) -> None:
        self._tell_strokes()
        self.refresh()

    def _tell_strokes(self) -> None:
        keys = [s.key for s in self.scene.strokes.values()]
        said = [f"{structure(k).name if k != BACKGROUND else 'Outside'}: {keys.count(k)}" for k in dict.fromkeys(keys)]
        self._said.setText("Strokes: " + ", ".join(said) if said else "")
        self._said.setVisible(bool(said))

    # -- the engine -----------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Engine | None:
        return self._engines.get(str(self.engine.currentData()))

    @property
    def _needs_strokes(self) -> bool:
        one = self.chosen
        fields = one.parameters.model_fields if one is not None else {}
        return STROKES in fields or (POINTS in fields and fields[POINTS].is_required())

    def reason(self, name: str) -> str:
        """Why an engine cannot run here or on this scan; "" when it can."""
        if name not in self._reasons:
            self._reasons[name] = self._engines[name].why_not()
        volume, reads = self.scene.volume, self._engines[name].modalities
        if volume is not None and reads and volume.modality not in (*reads, "OT"):
            return f"It reads {' and '.join(reads)}; this scan is {volume.modality}."
        return self._reasons[name]

    def _chosen(self) -> None:
        one = self.chosen
        if one is None:
            return
        self._about.setText(one.about or self._structures_of(one))
        self._about.setVisible(bool(self._about.text()))
        self._said.setVisible(bool(self._said.text()))
        facts = [one.runtime, f"licence {one.licence}"]
        if one.modalities:
            facts.insert(0, ", ".join(one.modalities))
        self._facts.setText("  ·  ".join(facts))
        self._facts.setToolTip(self._structures_of(one))
        with self.bridge.guarded():
            why_not = self.reason(one.name)
            self._why_not.setText(why_not)
            self._why_not.setVisible(bool(why_not))
        by_strokes = self._needs_strokes
        by_clicks = by_strokes and (STROKES not in one.parameters.model_fields or one.name == "lesion")
        self._by_hand.setVisible(by_strokes or KEY in one.parameters.model_fields)
        for widget in (self._how, self._draw, self._clear_button):
            widget.setVisible(by_strokes)
        self._draw_out.setVisible(by_strokes and not by_clicks)
        self._draw.setText("Click inside" if by_clicks else "Draw inside")
        self._how.setText(
            "One click in each of them is enough." if one.name == "lesion"
            else "Click at its beginning and at its end; more clicks between lead it." if by_clicks
            else "One or two short strokes inside each structure and one outside, then press Segment."
        )  # fmt: skip
        if one.name == "lesion":
            self.structure.setCurrentIndex(self.structure.findData("tumour"))
        if not by_strokes and self.scene.tool is Tool.SEED:
            self.scene.tool = Tool.NAVIGATE
        for form in self._forms.values():
            form.hide()
        if one.name not in self._forms:
            made = OptionsForm(one.parameters, leave_out=(STROKES, POINTS, KEY))
            if one.name == "threshold":
                made.set_value("low", 150)
                made.set_value("largest", True)
                self.structure.setCurrentIndex(self.structure.findData("bone"))
            self._forms[one.name] = made
            self._holder_column.addWidget(made)
        self._forms[one.name].show()
        self._fold.setVisible(not self._forms[one.name].empty)
        if one.name == "threshold":
            self._fold.set_open(True)
        self.refresh()

    @staticmethod
    def _structures_of(one: Engine) -> str:
        names = [structure(key).name for key in one.structures]
        return f"Finds {', '.join(names)}." if names else ""

    def _suit(self) -> None:
        """Grey out what cannot read this scan, and offer one that can."""
        model = self.engine.model()
        if not isinstance(model, QStandardItemModel) or self.scene.volume is None:
            return
        reads = {
            name: not one.modalities or self.scene.volume.modality in (*one.modalities, "OT")
            for name, one in self._engines.items()
        }
        for number in range(self.engine.count()):
            model.item(number).setEnabled(reads[str(self.engine.itemData(number))])
        if not reads[str(self.engine.currentData())]:
            fitting = next((n for n in range(self.engine.count()) if reads[str(self.engine.itemData(n))]), 0)
            self.engine.setCurrentIndex(fitting)
        self._chosen()

    def start(self) -> None:
        """Run the engine as a job."""
        volume, one = self.scene.volume, self.chosen
        if volume is None or one is None:
            return
        options = self._forms[one.name].values()
        fields, strokes = one.parameters.model_fields, self.scene.strokes.values()
        if STROKES in fields:
            options[STROKES] = [
                {"key": s.key, "points_mm": plain(s.points_mm), "radius_mm": round(s.radius_mm, 3)} for s in strokes
            ]
        elif self._needs_strokes:
            options[POINTS] = [plain(s.points_mm)[0] for s in strokes]
        if KEY in fields:
            options[KEY] = self._key
        missing = [plain_name(n)[0] for n, f in fields.items() if f.is_required() and not options.get(n)]
        if missing:
            self._fold.set_open(True)
            with self.bridge.guarded():
                raise BadInput(f"{one.title} needs {' and '.join(missing).lower()}", remedy="Fill it in under Options.")
            return
        started = self.bridge.start(
            "segment", {"volume": volume.uuid}, {"engine": one.name, "options": options}, f"Segment {volume.name}"
        )
        if started is not None and self.scene.tool is Tool.SEED:
            self.scene.tool = Tool.NAVIGATE

    def refresh(self) -> None:
        self._tell_strokes()  # tools of the other part draw and clear strokes as well
        one = self.chosen
        volume = self.scene.volume is not None
        drawn = bool(self.scene.strokes) or not self._needs_strokes
        busy = any(j.spec.operation == "segment" for j in self.bridge.running())
        can = one is not None and not self._why_not.text()
        self.run.setEnabled(volume and drawn and can and not busy)
        relabel(self.run, "Segmenting" if busy else "Segment")
