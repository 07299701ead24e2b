"""Start the app: theme, the window, what was named on the command line; and end it in order."""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from organtwin import __version__
from organtwin_gui import theme
from organtwin_gui.preferences import Preferences
from organtwin_gui.views import probe
from organtwin_gui.window import MainWindow


def main(arguments: list[str]) -> int:
    """Run until the window closes; ``arguments`` may name one project or one scan."""
    app = QApplication.instance() or QApplication(arguments[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("OrganTwin")
    app.setOrganizationName("OrganTwin")
    app.setApplicationVersion(__version__)
    preferences = Preferences()
    theme.apply(app, theme.THEMES.get(preferences.theme, theme.DARK))
    window = MainWindow(preferences, opengl=probe())
    _speak_of_defects(window)
    for number in (signal.SIGINT, signal.SIGTERM):  # closed in its turn, not in the middle of painting
        signal.signal(number, lambda *_: QTimer.singleShot(0, window.close))
    window.show()
    named = [Path(a) for a in arguments[1:] if not a.startswith("-")]
    if named:
        QTimer.singleShot(0, lambda: window.open_paths(named))
    return app.exec()


def _speak_of_defects(window: MainWindow) -> None:
    """An exception in a slot becomes a notice and a traceback on the terminal, not the end of the window."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, error, trace)
        if not issubclass(kind, KeyboardInterrupt):
            window.notice.fail(f"Something unexpected went wrong: {error or kind.__name__}. Your project is unchanged.")

    sys.excepthook = hook
