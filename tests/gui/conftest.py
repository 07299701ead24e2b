"""The real main window under a virtual display, with its own preferences, and a check that it leaves nothing behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def opengl():
    from organtwin_gui.views import OpenGL, probe

    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        return OpenGL(works=False, renderer="", reason="offscreen", software=True)
    return probe()


@pytest.fixture
def window(qtbot, tmp_path, opengl, monkeypatch):
    from organtwin_gui import theme
    from organtwin_gui.preferences import Preferences
    from organtwin_gui.window import MainWindow
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    monkeypatch.setenv("ORGANTWIN_NO_QUESTIONS", "1")
    theme.apply(QApplication.instance(), theme.DARK)
    preferences = Preferences(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    preferences.projects_folder = tmp_path / "projects"
    threads = set(threading.enumerate())
    made = MainWindow(preferences, opengl)
    made.resize(1366, 768)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    qtbot.wait(50)
    left = [t for t in set(threading.enumerate()) - threads if t.is_alive() and not t.daemon]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def finished(qtbot) -> Callable:
    """Waits until no job of a window runs."""

    def wait(window, timeout_ms: int = 240_000) -> None:
        qtbot.waitUntil(lambda: not window.bridge.running(), timeout=timeout_ms)

    return wait


@pytest.fixture
def picture(tmp_path) -> Callable[[object, str], Path]:
    """Saves what a window shows."""

    def grab(widget, name: str) -> Path:
        path = Path(os.environ.get("ORGANTWIN_PICTURES", str(tmp_path))) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert widget.grab().save(str(path))
        return path

    return grab
