"""How the app looks: colours in dark and light, type in points, spacing, icons by the name of what they stand for.

The image areas stay black in both themes. One accent colour; the three planes keep the colours of the field.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from string import Template

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory


@dataclass(frozen=True)
class Theme:
    """The colours of one look. ``surface_0`` lies deepest; each next layer is nearer to the eye."""

    name: str
    surface_0: str
    surface_1: str
    surface_2: str
    surface_3: str
    line: str
    text: str
    text_quiet: str
    text_off: str
    accent: str
    accent_strong: str
    accent_text: str
    good: str
    warning: str
    danger: str


DARK = Theme(
    name="dark",
    surface_0="#111418",
    surface_1="#171b21",
    surface_2="#20262e",
    surface_3="#2b333d",
    line="#2a313a",
    text="#e4e8ee",
    text_quiet="#9ba7b6",
    text_off="#5d6875",
    accent="#5aa9e6",
    accent_strong="#7cbcec",
    accent_text="#0b1117",
    good="#63c58f",
    warning="#e8b14f",
    danger="#ef6a67",
)

LIGHT = Theme(
    name="light",
    surface_0="#e9ecf0",
    surface_1="#f7f8fa",
    surface_2="#ffffff",
    surface_3="#e3e8ee",
    line="#d2d8e0",
    text="#1b222b",
    text_quiet="#56626f",
    text_off="#9aa5b1",
    accent="#1d74bd",
    accent_strong="#155d9a",
    accent_text="#ffffff",
    good="#23855a",
    warning="#a86c08",
    danger="#c53b38",
)

THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT)}

# the field's colours of the planes, bright enough on black
PLANE_COLOURS: dict[str, str] = {"axial": "#ff6b63", "sagittal": "#f2cd4e", "coronal": "#62d492", "3d": "#8fb8e8"}
IMAGE_BACKGROUND = "#000000"
IMAGE_TEXT = "#dfe5ec"
VIEWPORT_TOP, VIEWPORT_BOTTOM = "#1d232b", "#07090b"

BODY_POINTS, SMALL_POINTS, TITLE_POINTS, HEADLINE_POINTS = 10.0, 9.0, 11.5, 15.0

_SANS = ("Inter", "SF Pro Text", "Segoe UI", "Noto Sans", "Ubuntu", "Cantarell", "Helvetica Neue", "DejaVu Sans")
_MONO = ("JetBrains Mono", "SF Mono", "Cascadia Mono", "Noto Sans Mono", "Ubuntu Mono", "DejaVu Sans Mono")

_STYLE = Template("""
* { outline: none; }
QWidget { color: $text; }
QMainWindow, QDialog, QMessageBox { background: $surface_0; }
QToolTip { background: $surface_3; color: $text; border: 1px solid $line; padding: 4px 6px; }

QFrame#panel, QWidget#panel { background: $surface_1; }
QWidget#rail { background: $surface_0; }
QWidget#rail QToolButton { padding: 2px 0px; color: $text_quiet; border-left: 3px solid transparent; border-radius: 6px; }
QWidget#rail QToolButton:hover { background: $surface_2; color: $text; }
QWidget#rail QToolButton:checked { background: $surface_2; color: $text; border-color: transparent; border-left-color: $accent; }
QFrame#rule { background: $line; border: none; }
QFrame#card { background: $surface_2; border: 1px solid $line; border-radius: 8px; }
QLabel#headline { font-size: ${headline}pt; font-weight: 600; }
QLabel#title { font-size: ${title}pt; font-weight: 600; }
QLabel#quiet { color: $text_quiet; }
QLabel#small { color: $text_quiet; font-size: ${small}pt; }
QLabel#warning { color: $warning; }
QLabel#danger { color: $danger; }
QLabel#good { color: $good; }
QLabel:disabled { color: $text_off; }

QPushButton {
  background: $surface_2; border: 1px solid $line; border-radius: 6px; padding: 6px 14px; min-height: 1.3em;
}
QPushButton:hover { background: $surface_3; border-color: $text_off; }
QPushButton:pressed { background: $line; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $text_off; background: $surface_1; }
QPushButton:checked { background: $surface_3; border-color: $accent; }
QPushButton#primary, QPushButton:default { background: $accent; border-color: $accent; color: $accent_text; font-weight: 600; }
QPushButton#primary:hover, QPushButton:default:hover { background: $accent_strong; border-color: $accent_strong; }
QPushButton#primary:disabled { background: $surface_3; border-color: $surface_3; color: $text_off; }
QPushButton#flat { background: transparent; border-color: transparent; text-align: left; }
QPushButton#flat:hover { background: $surface_3; }

QPushButton#chip { background: transparent; border-color: transparent; text-align: left; padding: 2px 6px; }
QPushButton#chip:hover { background: $surface_3; }
QLineEdit#heading { border: none; background: transparent; padding: 0px; font-weight: 600; }

QPushButton#segment { padding: 4px 8px; color: $text_quiet; }
QPushButton#segment:checked { color: $text; background: $surface_3; border-color: $accent; }
QToolButton#tool { background: $surface_2; border: 1px solid transparent; }
QToolButton#tool:hover { background: $surface_3; }
QToolButton#tool:checked { background: $surface_3; border-color: $accent; }

QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px; }
QToolButton:hover { background: $surface_3; }
QToolButton:pressed { background: $line; }
QToolButton:checked { background: $surface_3; border-color: $accent; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { color: $text_off; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
  background: $surface_2; border: 1px solid $line; border-radius: 6px; padding: 4px 8px; min-height: 1.3em;
  selection-background-color: $accent; selection-color: $accent_text;
}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {
  border-color: $accent;
}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: $text_off; background: $surface_1; }
QAbstractSpinBox QLineEdit { border: none; background: transparent; padding: 0px; min-height: 0px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0px; border: none; }
QComboBox QAbstractItemView { background: $surface_2; border: 1px solid $line; selection-background-color: $surface_3; selection-color: $text; padding: 4px; }

QCheckBox, QRadioButton { spacing: 8px; }
QCheckBox:disabled, QRadioButton:disabled { color: $text_off; }

QSlider::groove:horizontal { height: 4px; background: $surface_3; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -5px 0; border-radius: 7px; background: $text; }
QSlider::handle:horizontal:hover { background: $accent_strong; }
QSlider::sub-page:horizontal:disabled { background: $surface_3; }
QSlider::handle:horizontal:disabled { background: $text_off; }

QProgressBar { background: $surface_3; border: none; border-radius: 4px; min-height: 8px; max-height: 8px; color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 4px; }

QTabWidget::pane { border: none; }
QTabBar::tab { background: transparent; color: $text_quiet; padding: 8px 14px; border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }

QGroupBox { border: none; margin-top: 1.6em; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; color: $text_quiet; }

QListView, QTreeView, QTableView {
  background: $surface_1; border: none; alternate-background-color: $surface_2;
  selection-background-color: $surface_3; selection-color: $text;
}
QListView::item, QTreeView::item { padding: 4px 6px; border-radius: 4px; }
QListView::item:hover, QTreeView::item:hover { background: $surface_2; }
QListView::item:selected, QTreeView::item:selected { background: $surface_3; color: $text; }
QTreeView::indicator { width: 12px; height: 12px; border: 1px solid $text_off; border-radius: 3px; background: $surface_2; }
QTreeView::indicator:checked { background: $accent; border-color: $accent; }
QHeaderView::section { background: $surface_1; color: $text_quiet; border: none; border-bottom: 1px solid $line; padding: 6px; }

QMenuBar { background: $surface_0; padding: 2px 6px; }
QMenuBar::item { padding: 4px 10px; border-radius: 4px; }
QMenuBar::item:selected { background: $surface_3; }
QMenu { background: $surface_2; border: 1px solid $line; padding: 6px; }
QMenu::item { padding: 6px 28px 6px 24px; border-radius: 4px; }
QMenu::item:selected { background: $surface_3; }
QMenu::item:disabled { color: $text_off; }
QMenu::separator { height: 1px; background: $line; margin: 6px 8px; }

QStatusBar { background: $surface_0; color: $text_quiet; }
QStatusBar::item { border: none; }
QToolBar { background: $surface_0; border: none; spacing: 4px; padding: 4px 8px; }
QSplitter::handle { background: $surface_0; }
QSplitter::handle:hover { background: $accent; }

QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $surface_3; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $text_off; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


@lru_cache(maxsize=8)
def _family(monospaced: bool) -> str:
    known = set(QFontDatabase.families())
    for family in _MONO if monospaced else _SANS:
        if family in known:
            return family
    kind = QFontDatabase.SystemFont.FixedFont if monospaced else QFontDatabase.SystemFont.GeneralFont
    return QFontInfo(QFontDatabase.systemFont(kind)).family()


def font(points: float = BODY_POINTS, *, bold: bool = False, monospaced: bool = False) -> QFont:
    """The app's type in points (so that it follows the screen), with figures of one width."""
    made = QFont(_family(monospaced))
    made.setPointSizeF(points)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def style_sheet(theme: Theme) -> str:
    """The Qt style sheet of a theme."""
    sizes = {"small": SMALL_POINTS, "title": TITLE_POINTS, "headline": HEADLINE_POINTS}
    return _STYLE.substitute(dict(asdict(theme).items()), **sizes)


def palette(theme: Theme) -> QPalette:
    """The Qt palette of a theme, for what style sheets do not reach."""
    made = QPalette()
    role = QPalette.ColorRole
    for where, colour in (
        (role.Window, theme.surface_1),
        (role.WindowText, theme.text),
        (role.Base, theme.surface_2),
        (role.AlternateBase, theme.surface_1),
        (role.Text, theme.text),
        (role.Button, theme.surface_2),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.danger),
        (role.ToolTipBase, theme.surface_3),
        (role.ToolTipText, theme.text),
        (role.PlaceholderText, theme.text_off),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.accent_text),
        (role.Link, theme.accent),
        (role.Light, theme.surface_3),
        (role.Mid, theme.line),
        (role.Dark, theme.line),
    ):
        made.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, where, QColor(theme.text_off))
    return made


def apply(app: QApplication, theme: Theme = DARK) -> None:
    """Dress the whole app in a theme; call again to change it."""
    dressed = app.property("organtwin_theme") is not None
    app.setProperty(
        "organtwin_theme", theme.name
    )  # first: widgets that draw themselves ask for it when the style changes
    if not dressed:  # a new style polishes every widget: once is enough
        app.setStyle(QStyleFactory.create("Fusion"))
    app.setFont(font())
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme))


def current() -> Theme:
    """The theme the app wears."""
    app = QApplication.instance()
    name = app.property("organtwin_theme") if app is not None else None
    return THEMES.get(str(name), DARK)


ICONS: dict[str, str] = {
    # workflow
    "study": "mdi6.folder-outline",
    "segment": "mdi6.shape-outline",
    "mesh": "mdi6.triangle-outline",
    "flow": "mdi6.waves",
    "tissue": "mdi6.gesture-pinch",
    "procedure": "mdi6.medical-bag",
    "compare": "mdi6.compare-horizontal",
    "centerline": "mdi6.vector-polyline",
    "report": "mdi6.file-document-outline",
    # files and history
    "open": "mdi6.folder-open-outline",
    "import": "mdi6.tray-arrow-down",
    "save": "mdi6.content-save-outline",
    "export": "mdi6.tray-arrow-up",
    "sample": "mdi6.human",
    "undo": "mdi6.undo",
    "redo": "mdi6.redo",
    "delete": "mdi6.trash-can-outline",
    "add": "mdi6.plus",
    "close": "mdi6.close",
    "copy": "mdi6.content-copy",
    "edit": "mdi6.pencil-outline",
    "settings": "mdi6.cog-outline",
    "help": "mdi6.help-circle-outline",
    "info": "mdi6.information-outline",
    "warning": "mdi6.alert-outline",
    "error": "mdi6.alert-circle-outline",
    "done": "mdi6.check-circle-outline",
    "stale": "mdi6.clock-alert-outline",
    "theme": "mdi6.theme-light-dark",
    # tools
    "navigate": "mdi6.crosshairs",
    "scroll": "mdi6.layers-outline",
    "window": "mdi6.contrast-circle",
    "pan": "mdi6.arrow-all",
    "zoom": "mdi6.magnify",
    "measure": "mdi6.ruler",
    "probe": "mdi6.circle-outline",
    "seed": "mdi6.brush-outline",
    "pick": "mdi6.map-marker-outline",
    "erase": "mdi6.eraser",
    # views
    "four_up": "mdi6.view-grid-outline",
    "big_3d": "mdi6.view-compact-outline",
    "only_3d": "mdi6.cube-outline",
    "maximise": "mdi6.arrow-expand",
    "restore": "mdi6.arrow-collapse",
    "reset": "mdi6.fit-to-page-outline",
    "front": "mdi6.axis-arrow",
    "perspective": "mdi6.perspective-less",
    "volume": "mdi6.cube-scan",
    "slices": "mdi6.layers-triple-outline",
    "clip": "mdi6.box-cutter",
    "edges": "mdi6.vector-triangle",
    "streamlines": "mdi6.weather-windy",
    "glyphs": "mdi6.arrow-top-right",
    "screenshot": "mdi6.camera-outline",
    "video": "mdi6.movie-open-outline",
    "plots": "mdi6.chart-line",
    "quality": "mdi6.check-decagram-outline",
    "script": "mdi6.language-python",
    "visible": "mdi6.eye-outline",
    "hidden": "mdi6.eye-off-outline",
    "locked": "mdi6.lock-outline",
    "unlocked": "mdi6.lock-open-variant-outline",
    "outline": "mdi6.selection-ellipse",
    # workbench
    "brush": "mdi6.brush",
    "correct": "mdi6.auto-fix",
    "trace": "mdi6.map-marker-path",
    "flood": "mdi6.format-color-fill",
    "threshold": "mdi6.tune-variant",
    "seeds": "mdi6.sprout-outline",
    "scissors": "mdi6.content-cut",
    "cut_plane": "mdi6.slash-forward",
    "contour": "mdi6.lasso",
    "lesion": "mdi6.target",
    "between": "mdi6.layers-plus",
    "smooth": "mdi6.blur",
    "margin": "mdi6.arrow-expand-all",
    "islands": "mdi6.circle-multiple-outline",
    "holes": "mdi6.circle-slice-8",
    "hollow": "mdi6.circle-double",
    "combine": "mdi6.set-center",
    "merge": "mdi6.call-merge",
    "colour": "mdi6.palette-outline",
    "new_file": "mdi6.layers-plus",
    # instruments
    "rehearse": "mdi6.hand-front-right-outline",
    "plan": "mdi6.map-legend",
    "touch": "mdi6.gesture-tap",
    "grasp": "mdi6.gesture-pinch",
    "retract": "mdi6.arrow-split-vertical",
    "press": "mdi6.arrow-collapse-down",
    "pin": "mdi6.pin-outline",
    "ligate": "mdi6.paperclip",
    "scalpel": "mdi6.knife",
    "resect": "mdi6.content-cut",
    "ablate": "mdi6.fire",
    "suture": "mdi6.needle",
    "drain": "mdi6.water-minus-outline",
    "keep": "mdi6.content-save-outline",
    "check": "mdi6.scale-balance",
    # the twin
    "readings": "mdi6.chart-timeline-variant",
    "twin": "mdi6.account-heart-outline",
    "try_out": "mdi6.source-branch",
    "calibrate": "mdi6.tune-vertical-variant",
    "forecast": "mdi6.chart-bell-curve-cumulative",
    "sheet": "mdi6.text-box-check-outline",
    "quarantine": "mdi6.tray-alert",
    "now": "mdi6.clock-end",
    "medication": "mdi6.pill",
    "lifestyle": "mdi6.run",
    "rehabilitation": "mdi6.arm-flex-outline",
    "device": "mdi6.memory",
    "book": "mdi6.book-open-variant",
    "glass": "mdi6.circle-opacity",
    # jobs and time
    "run": "mdi6.play",
    "play": "mdi6.play",
    "pause": "mdi6.pause",
    "stop": "mdi6.stop",
    "cancel": "mdi6.close-circle-outline",
    "first": "mdi6.skip-previous",
    "last": "mdi6.skip-next",
    "loop": "mdi6.repeat",
    "jobs": "mdi6.progress-clock",
    "cohort": "mdi6.account-group-outline",
    "log": "mdi6.text-long",
    "more": "mdi6.dots-vertical",
    "expand": "mdi6.chevron-down",
    "collapse": "mdi6.chevron-right",
}

ICON_SIZE = QSize(18, 18)
RAIL_ICON_SIZE = QSize(22, 22)


def icon(name: str, colour: str | None = None) -> QIcon:
    """The icon of a thing or an action, in the theme's text colour unless another is given.

    Raises
    ------
    KeyError
        For a name that is not in :data:`ICONS`.
    """
    import qtawesome

    theme = current()
    return qtawesome.icon(
        ICONS[name],
        color=colour or theme.text_quiet,
        color_active=colour or theme.text,
        color_on=colour or theme.accent,
        color_disabled=theme.text_off,
    )
