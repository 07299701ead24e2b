"""The numbers of a plan as they are read at a glance: how much stays, the margin, what is cut, what must not be missed."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from organtwin.model import ResectionPlan
from organtwin.resection.measure import (
    CUTS,
    MARGIN,
    NO_INFLOW,
    NO_OUTFLOW,
    REMNANT,
    RESECTED,
    SUPPLIED,
    share_percent,
    value_of,
)
from organtwin.resection.settings import Settings
from organtwin.resection.thresholds import THRESHOLDS, Threshold
from organtwin.units import parse
from organtwin_gui import theme
from organtwin_gui.forms import quiet

LINES = (
    (RESECTED, "Taken"),
    (REMNANT, "Stays"),
    (MARGIN, "Margin"),
    (CUTS, "Vessels cut"),
    (NO_INFLOW, "Without inflow"),
    (NO_OUTFLOW, "Without drainage"),
    (SUPPLIED, "With both"),
    ("distance to inferior vena cava", "To the vena cava"),
)


def colour_of_share(share: float, threshold: Threshold) -> str:
    """Danger below the least remnant, a warning near it."""
    look = theme.current()
    if share < threshold.least_percent:
        return look.danger
    return look.warning if share < threshold.ample_percent else look.good


class RemnantBar(QWidget):
    """How much of the functional organ stays, with a mark at the least that should."""

    def __init__(self) -> None:
        super().__init__()
        self.share: float | None = None
        self.supplied: float | None = None
        self.threshold = THRESHOLDS["healthy"]
        self.rough = False
        self.setFixedHeight(54)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_plan(self, share: float | None, supplied: float | None, threshold: Threshold, *, rough: bool) -> None:
        self.share, self.supplied, self.threshold, self.rough = share, supplied, threshold, rough
        if share is not None:
            self.setToolTip(
                f"{share:.1f} % of the functional liver stays. Least for {threshold.said}: {threshold.least_percent:.0f} % "
                f"({threshold.source}). A warning, not a verdict."
            )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0.5, 34, self.width() - 1, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.surface_3))
        painter.drawRoundedRect(bar, 4.5, 4.5)
        if self.share is not None:
            ink = QColor(colour_of_share(self.share, self.threshold))
            pale = QColor(ink)
            pale.setAlpha(110)
            painter.setBrush(pale if self.supplied is not None else ink)
            painter.drawRoundedRect(
                QRectF(bar.left(), bar.top(), bar.width() * self.share / 100, bar.height()), 4.5, 4.5
            )
            if self.supplied is not None:
                painter.setBrush(ink)
                painter.drawRoundedRect(
                    QRectF(bar.left(), bar.top(), bar.width() * self.supplied / 100, bar.height()), 4.5, 4.5
                )
            painter.setPen(ink)
            painter.setFont(theme.font(19, bold=True))
            said = f"{'≈ ' if self.rough else ''}{self.share:.0f} %"
            painter.drawText(
                QRectF(0, 0, self.width(), 30), int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), said
            )
            painter.setPen(QColor(look.text_quiet))
            painter.setFont(theme.font(theme.SMALL_POINTS))
            painter.drawText(
                QRectF(0, 3, self.width(), 26),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                "of the functional liver stays",
            )
        at = bar.left() + bar.width() * self.threshold.least_percent / 100
        painter.setPen(QColor(look.text))
        painter.drawLine(int(at), int(bar.top()) - 3, int(at), int(bar.bottom()) + 3)
        painter.end()


class Numbers(QWidget):
    """The bar, a short table, and the warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = RemnantBar()
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table.setToolTip(
            "A tilde marks a quick estimate; the exact number follows when nothing has changed for a second"
        )
        self.vessels = quiet("")
        self.warnings = QLabel()
        self.warnings.setWordWrap(True)
        self.warnings.setTextFormat(Qt.TextFormat.RichText)
        self.warnings.setFont(theme.font(theme.SMALL_POINTS))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self.bar, self.table, self.vessels, self.warnings):
            column.addWidget(widget)
        self.clear()

    def clear(self) -> None:
        self.bar.set_plan(None, None, THRESHOLDS["healthy"], rough=False)
        for label in (self.table, self.vessels, self.warnings):
            label.clear()
            label.hide()
        self.hide()

    def show_plan(self, plan: ResectionPlan, *, rough: bool) -> None:
        """Fill in; ``rough`` numbers are marked as such."""
        settings = Settings.model_validate(plan.settings)
        look = theme.current()
        threshold = THRESHOLDS[settings.condition]
        share = share_percent(plan.quantities)
        self.show()
        self.bar.set_plan(share, value_of(plan.quantities, SUPPLIED), threshold, rough=rough)
        rows = []
        for name, said in LINES:
            quantity = next((q for q in plan.quantities if q.name == name), None)
            if quantity is None:
                continue
            ink = _ink(name, quantity.value, settings)
            digits = 0 if quantity.unit in ("mL", "", "%") else 1
            value = f"{quantity.value:.{digits}f} {quantity.unit}".replace("-", "−")
            mark = "≈ " if rough and quantity.unit != "" else ""
            rows.append(
                f"<tr><td style='color:{look.text_quiet}; padding-right:14px'>{said}</td>"
                f"<td align='right' style='{f'color:{ink}; font-weight:600' if ink else ''}'>{mark}{escape(value)}</td></tr>"
            )
        self.table.setText(f"<table cellspacing='0' cellpadding='2' width='100%'>{''.join(rows)}</table>")
        self.table.show()
        cut = [f"{v.name} ({v.diameter_mm:.1f} mm)" for v in plan.vessels_cut]
        more = f", and {len(cut) - 5} more" if len(cut) > 5 else ""
        self.vessels.setText(f"Cuts {', '.join(cut[:5])}{more}." if cut else "")
        self.vessels.setToolTip("\n".join(cut))
        self.vessels.setVisible(bool(cut))
        said = [f"<p style='margin:0 0 5px 0; color:{look.warning}'>{escape(w)}</p>" for w in plan.warnings]
        self.warnings.setText("".join(said))
        self.warnings.setVisible(bool(said))


def _ink(name: str, value: float, settings: Settings) -> str:
    """A warning colour where a number asks for one."""
    look = theme.current()
    asked = parse(settings.margin, "length")
    if name == MARGIN:
        return look.danger if value < 0.5 * asked else look.warning if value < asked - 1.0 else ""
    if name == "distance to inferior vena cava":
        wanted = parse(settings.protect.get("inferior_vena_cava", "0 mm"), "length")
        return look.danger if value <= 0 else look.warning if value < wanted else ""
    if name == SUPPLIED:
        threshold = THRESHOLDS[settings.condition]
        return look.danger if value < threshold.least_percent else ""
    return ""
