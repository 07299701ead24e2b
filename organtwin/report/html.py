"""The report as one HTML file without outside references, or as PDF from the same page."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from organtwin import __version__
from organtwin.document.staleness import stale
from organtwin.errors import BadInput
from organtwin.model import Person, Result
from organtwin.report.comparison import compare
from organtwin.report.living import living
from organtwin.report.patient import page
from organtwin.report.plans import compared_plans
from organtwin.store import Entry, Project
from organtwin.store.atomic import replaced, write_text
from organtwin.timeline.days import short_day
from organtwin.timeline.words import number_words, unit_words

Audience = Literal["clinician", "patient", "both"]
AUDIENCES: dict[str, Audience] = {"clinician": "clinician", "patient": "patient", "both": "both"}

PICTURES_PATIENCE_S = 180
LONGEST_WORD, LONGEST_NAME, LONGEST_TEXT = 34, 120, 700  # characters
DRAWN = ("volume", "segmentation", "mesh", "plan", "result")


def write_report(project: Project, path: Path, audience: Audience = "both") -> Path:
    """Write ``path``: .html, one file with all its pictures, or .pdf, the same on pages.

    Parameters
    ----------
    audience : "clinician", "patient" or "both"
        For the patient one or two pages in plain language; both: they come last.

    Raises
    ------
    BadInput
        When the ending is neither, or this machine cannot write PDF.
    """
    ending = path.suffix.lower()
    if ending not in (".html", ".htm", ".pdf"):
        raise BadInput(
            "A report is written as .html or .pdf", where=str(path), remedy="Give a name with one of these endings."
        )
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render(project, audience)
    if ending == ".pdf":
        from organtwin.report.pdf import pdf

        made = pdf(text)
        with replaced(path) as stream:
            stream.write(made)
    else:
        write_text(path, text)
    return path


def render(project: Project, audience: Audience = "both") -> str:
    """The report as HTML."""
    entries = project.entries()
    clinician = audience != "patient"
    drawing = _Pictures(project, clinician and any(e.kind in DRAWN for e in entries))
    try:
        found = living(project, entries)
        old = stale(project)
        missing, pictures = drawing.done()
    finally:
        drawing.close()
    environment = Environment(
        loader=PackageLoader("organtwin.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_breakable,
    )
    environment.filters |= {"day": short_day, "number": number_words, "unit": unit_words, "as_image": _as_image}
    now = datetime.now(UTC)
    return environment.get_template("report.html").render(
        name=_plain(project.name),
        version=__version__,
        written=now.strftime("%Y-%m-%d %H:%M UTC"),
        day=f"{now:%-d %B %Y}",
        clinician=clinician,
        patient=audience != "clinician",
        page=page(found, entries),
        living=found,
        person=_person(found.person),
        entries=[_for_template(e, old) for e in entries],
        comparisons={e.uuid: _compared(project, e, entries) for e in entries if e.kind == "procedure"},
        plans={table["of"]: table for table in compared_plans(project, entries)},
        pictures=pictures,
        picture=next(
            (pictures[k] for e in entries if e.kind == "segmentation" and (k := f"{e.uuid}-slices") in pictures), None
        ),
        missing=missing,
    )


def _as_image(svg: str) -> Markup:
    """As an image of its own, in which no text of the project can be anything but text."""
    return Markup("data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode())


def _breakable(value: Any) -> Any:
    """Text that fits: a word without end may be broken, what does not print is left out, and a name as long as a book is cut."""
    if type(value) is not str:
        return value
    most = LONGEST_TEXT if " " in value[:LONGEST_NAME] else LONGEST_NAME
    text = _without_controls(value if len(value) <= most else value[:most] + "…")
    return re.sub(rf"[^\s\u200b]{{{LONGEST_WORD}}}(?=[^\s\u200b])", lambda found: found[0] + "\u200b", text)


def _without_controls(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\n\u200b" else " " for c in text)


def _plain(text: str) -> str:
    """Without what does not print: it would be a box in a PDF."""
    return _without_controls(text).replace("\n", " ").strip()[:90] or "Unnamed project"


def _person(person: Person) -> str:
    told = [person.sex] if person.sex in ("female", "male") else []
    return ", ".join([*told, *([f"born {person.birth_year}"] if person.birth_year else [])])


class _Pictures:
    """Drawn by a process of their own while the report is put together: a machine without OpenGL then costs the pictures, not
    the report."""

    def __init__(self, project: Project, wanted: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="organtwin-report-")
        command = [sys.executable, "-m", "organtwin.report.pictures", str(project.folder), self._folder.name]
        self._process = (
            subprocess.Popen(
                command, env=project.vault.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            if wanted
            else None
        )  # fmt: skip

    def done(self) -> tuple[str, dict[str, Markup]]:
        """What is missing, in a sentence, and the pictures as base64 by the name of their file."""
        missing = ""
        if self._process is not None:
            try:
                if self._process.wait(PICTURES_PATIENCE_S) != 0:
                    missing = "This machine could not draw the 3D pictures (is OpenGL installed?); they are left out."
            except subprocess.TimeoutExpired:
                missing = "Drawing the 3D pictures took too long on this machine; some are left out."
        drawn = sorted(Path(self._folder.name).glob("*.png"))
        return missing, {p.stem: Markup(base64.b64encode(p.read_bytes()).decode()) for p in drawn}

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


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
