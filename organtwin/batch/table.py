"""The table: a row for each study, as CSV and Parquet, and the list of those that were set aside."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from organtwin.batch.folder import BatchFolder, Cell, Outcome
from organtwin.batch.review import marks
from organtwin.io.writing import whole_file
from organtwin.store.atomic import write_text

FIRST = ("id", "status", "sentence", "patient", "series", "modality", "size", "spacing_mm")
LAST = ("quality", "flags", "remarks", "not_found", "corrected", "mark", "note", "seconds", "peak_memory_mb")
HIDDEN = ("state",)


def rows(folder: BatchFolder, outcomes: Sequence[Outcome]) -> list[dict[str, Cell]]:
    """All rows, each with the same columns: what is known of every study, then its numbers, then its flags."""
    reviewed = marks(folder)
    told: list[dict[str, Cell]] = []
    for outcome in outcomes:
        mark = reviewed.get(outcome.id)
        told.append(
            {
                "id": outcome.id, "status": outcome.status, "sentence": outcome.sentence, **outcome.row,
                "corrected": bool(outcome.row.get("corrected", False)), "mark": mark.mark if mark else "", "note": mark.note if mark else "",
                "seconds": outcome.seconds, "peak_memory_mb": outcome.peak_memory_mb,
            }
        )  # fmt: skip
    numbers = dict.fromkeys(key for row in told for key in row if key not in (*FIRST, *LAST, *HIDDEN))
    volumes = [key for key in numbers if key.endswith("_ml")]
    columns = (*FIRST, *volumes, *(key for key in numbers if key not in volumes), *LAST)
    return [{key: row.get(key) for key in columns} for row in told]


def write_table(folder: BatchFolder, outcomes: Sequence[Outcome]) -> list[Path]:
    """Write ``table.csv``, ``table.parquet`` and ``failed.csv``; returns the files."""
    all_rows = rows(folder, outcomes)
    columns = list(all_rows[0]) if all_rows else [*FIRST, *LAST]
    written = [_csv(folder.root / "table.csv", columns, all_rows)]
    failed: list[dict[str, Cell]] = [
        {"id": o.id, "step": o.step, "sentence": o.sentence} for o in outcomes if o.status == "failed"
    ]
    written.append(_csv(folder.root / "failed.csv", ["id", "step", "sentence"], failed))
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:  # the table is in CSV; Parquet comes with the extra
        return written
    columns_of = {name: [row.get(name) for row in all_rows] for name in columns}
    table = pa.table({name: pa.array(values, _type(pa, values)) for name, values in columns_of.items()})
    path = folder.root / "table.parquet"
    with whole_file(path) as stream:
        pq.write_table(table, stream)
    return [*written, path]


def _type(pa: object, values: list[Cell]) -> object:
    """One type for a column, whoever filled it."""
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, bool) for value in there):
        return pa.bool_()  # type: ignore[attr-defined]
    if there and all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        return pa.float64()  # type: ignore[attr-defined]
    return pa.string()  # type: ignore[attr-defined]


def _csv(path: Path, columns: Sequence[str], lines: Sequence[dict[str, Cell]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else _harmless(value) for key, value in line.items()} for line in lines)
    write_text(path, text.getvalue())
    return path


def _harmless(value: Cell) -> Cell:
    """A text that a spreadsheet would take for a formula is given as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
