"""The report as one HTML file without outside references."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from organtwin import __version__
from organtwin.document.staleness import stale
from organtwin.errors import BadInput
from organtwin.model import Result
from organtwin.report.comparison import compare
from organtwin.report.plans import compared_plans
from organtwin.store import Entry, Project
from organtwin.store.atomic import write_text

PICTURES_PATIENCE_S = 180


def write_report(project: Project, path: Path) -> Path:
    """Write ``path``.

    Pictures are drawn by a process of its own: a machine without OpenGL then costs the pictures, not the report.

    Raises
    ------
    BadInput
        When the project is empty or the ending is not .html.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise BadInput("A report is written as .html", where=str(path), remedy="Print it to PDF from any browser.")
    entries = project.entries()
    if not entries:
        raise BadInput("The project is empty, so there is nothing to report", remedy="Import a scan first.")
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    old = stale(project)
    with tempfile.TemporaryDirectory(prefix="organtwin-report-") as folder:
        missing = _draw(project, Path(folder))
        pictures = {p.stem: base64.b64encode(p.read_bytes()).decode() for p in sorted(Path(folder).glob("*.png"))}
    environment = Environment(
        loader=PackageLoader("organtwin.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template("report.html").render(
        name=project.name,
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        entries=[_for_template(e, old) for e in entries],
        comparisons={e.uuid: _compared(project, e, entries) for e in entries if e.kind == "procedure"},
        plans={table["of"]: table for table in compared_plans(project, entries)},
        pictures=pictures,
        missing=missing,
    )
    write_text(path, text)
    return path


def _draw(project: Project, folder: Path) -> str:
    """Draw all pictures; returns a sentence where that failed."""
    command = [sys.executable, "-m", "organtwin.report.pictures", str(project.folder), str(folder)]
    try:
        environment = project.vault.environment()
        done = subprocess.run(command, capture_output=True, timeout=PICTURES_PATIENCE_S, check=False, env=environment)
    except subprocess.TimeoutExpired:
        return "Drawing the 3D pictures took too long on this machine; some are left out."
    return (
        ""
        if done.returncode == 0
        else "This machine could not draw the 3D pictures (is OpenGL installed?); they are left out."
    )


def _compared(project: Project, procedure: Entry, entries: list[Entry]) -> list[dict[str, Any]]:
    """What a procedure changed, a table for each kind of solve that was run alike before and after it."""
    results = [e for e in entries if e.kind == "result" and e.recipe is not None]
    tables = []
    for physics in ("flow", "lumped"):
        own = [e for e in results if e.facts["physics"] == physics]
        pairs = [
            (one, other)
            for one in own
            for other in own
            if one.facts["mesh"] == procedure.facts["before"]
            and other.facts["mesh"] == procedure.facts["after"]
            and one.recipe.parameters == other.recipe.parameters  # type: ignore[union-attr]
        ]
        if pairs:
            before, after = (project.load(e.uuid) for e in pairs[-1])
            assert isinstance(before, Result)
            assert isinstance(after, Result)
            tables.append({"physics": physics, "name": after.name, "rows": compare(before, after)})
    return tables


def _for_template(entry: Entry, old: set[str]) -> dict[str, Any]:
    recipe = entry.recipe
    return {
        "uuid": entry.uuid,
        "kind": entry.kind,
        "name": entry.name,
        "notes": entry.notes,
        "stale": entry.uuid in old,
        "recipe": f"{recipe.operation} {recipe.parameters}" if recipe else "",
        "versions": ", ".join(f"{k} {v}" for k, v in recipe.versions.items()) if recipe else "",
        **entry.facts,
    }
