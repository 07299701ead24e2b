"""Steps from one project format to the next, one file each: ``to_2.py`` holds ``def run(folder)``. Format 1 is the first."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from organtwin.store.atomic import write_json


def migrate(folder: Path, found: Any, wanted: int) -> None:
    """Bring a project to the ``wanted`` format, a step at a time; each step leaves a whole project."""
    for version in range(int(found) + 1, wanted + 1):
        importlib.import_module(f"organtwin.store.migrations.to_{version}").run(folder)
        path = folder / "project.json"
        head = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {**head, "format": version})
