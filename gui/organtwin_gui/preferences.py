"""What the app remembers between runs: recent projects, theme, sizes, where projects are made."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

RECENT = 10


class Preferences:
    """A thin, typed face on QSettings."""

    def __init__(self, settings: QSettings | None = None) -> None:
        self._settings = settings or QSettings("OrganTwin", "OrganTwin")

    @property
    def recent(self) -> list[Path]:
        """Projects opened lately that still exist, newest first."""
        stored = self._settings.value("recent", []) or []
        names = [stored] if isinstance(stored, str) else list(stored)
        return [Path(n) for n in names if (Path(n) / "project.json").exists()]

    def remember_project(self, folder: Path) -> None:
        others = [str(p) for p in self.recent if p != folder]
        self._settings.setValue("recent", [str(folder), *others][:RECENT])

    @property
    def theme(self) -> str:
        return str(self._settings.value("theme", "dark"))

    @theme.setter
    def theme(self, name: str) -> None:
        self._settings.setValue("theme", name)

    @property
    def projects_folder(self) -> Path:
        """Where new projects are made."""
        return Path(str(self._settings.value("projects_folder", str(Path.home() / "OrganTwin"))))

    @projects_folder.setter
    def projects_folder(self, folder: Path) -> None:
        self._settings.setValue("projects_folder", str(folder))

    def state(self, name: str) -> QByteArray | None:
        value = self._settings.value(f"state/{name}")
        return value if isinstance(value, QByteArray) else None

    def keep_state(self, name: str, value: QByteArray) -> None:
        self._settings.setValue(f"state/{name}", value)
