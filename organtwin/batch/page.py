"""The page of a batch: every study with its pictures and volumes, what needs a look first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from organtwin import __version__
from organtwin.batch.cohort import outliers, spreads
from organtwin.batch.folder import BatchFolder, Outcome
from organtwin.batch.protocol import Protocol
from organtwin.batch.table import rows
from organtwin.batch.thumbnails import PLANES
from organtwin.model import structure
from organtwin.store.atomic import write_text


def write_page(folder: BatchFolder, outcomes: Sequence[Outcome], protocol: Protocol) -> Path:
    """Write ``index.html``; it needs nothing but the pictures beside it, and no network."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("organtwin.batch"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    data = page_data(folder, outcomes)
    text = environment.get_template("page.html").render(
        protocol=protocol, version=__version__, written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        data=json.dumps(data).replace("<", "\\u003c"),
    )  # fmt: skip
    path = folder.root / "index.html"
    write_text(path, text)
    return path


def page_data(folder: BatchFolder, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What the page shows, as JSON."""
    all_rows = rows(folder, outcomes)
    cohort = spreads(all_rows)
    studies = []
    for row in all_rows:
        name = str(row["id"])
        far = outliers(row, cohort)
        flags = [flag for flag in str(row.get("flags") or "").split(" | ") if flag]
        flags += [
            f"{label(column)}: {row[column]:.4g} mL, far from the median of {cohort[column].median:.4g} mL"
            for column in far
        ]
        pictures = [f"studies/{name}.otwin/batch/{plane}.png" for plane in PLANES]
        studies.append(
            {
                "id": name, "status": row["status"], "sentence": row["sentence"], "series": row["series"] or "",
                "patient": row["patient"] or "", "size": row["size"] or "", "spacing": row["spacing_mm"] or "",
                "volumes": {column: row[column] for column in cohort if row.get(column) is not None},
                "numbers": {key: value for key, value in row.items() if _other_number(key, value)},
                "far": far, "flags": flags, "quality": row.get("quality") or "",
                "remarks": [text for text in str(row.get("remarks") or "").split(" | ") if text], "not_found": row.get("not_found") or "", "corrected": row["corrected"],
                "mark": row["mark"], "note": row["note"], "seconds": row["seconds"],
                "pictures": [p for p in pictures if (folder.root / p).exists()],
                "open": f"organtwin gui {folder.project(name)}" if row["status"] == "done" else "",
            }
        )  # fmt: skip
    return {
        "studies": studies,
        "cohort": {
            column: {**{k: v if abs(v) < 1e300 else None for k, v in asdict(s).items()}, "label": label(column), "colour": _colour(column)}
            for column, s in cohort.items()
        },
    }  # fmt: skip


def label(column: str) -> str:
    """A column's name for people."""
    key = column.removesuffix("_ml")
    more = ""
    for ending in ("largest", "smallest"):
        if key.endswith(f"_{ending}"):
            key, more = key.removesuffix(f"_{ending}"), f", {ending}"
    return structure(key).name + more


def _colour(column: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(
        *structure(column.removesuffix("_ml").removesuffix("_largest").removesuffix("_smallest")).colour
    )


def _other_number(key: str, value: object) -> bool:
    """What a study's card lists below its volumes: quantities of vessels and hearts, not every mean and confidence."""
    shown = isinstance(value, float) and key not in ("seconds", "peak_memory_mb")
    return shown and not key.endswith(("_ml", "_confidence", "_mean", "_sd"))
