"""Measured flow from a CSV file."""

from __future__ import annotations

from pathlib import Path

from organtwin.errors import BadInput
from organtwin.model.cases import Samples
from organtwin.vessel.waveform_csv import samples_from_csv

LARGEST = 10_000_000  # bytes: one heart beat is a few kilobytes


def read_waveform(path: Path) -> Samples:
    """Time and flow of one heart beat: see :func:`organtwin.vessel.waveform_csv.samples_from_csv`.

    Raises
    ------
    BadInput
        When the file cannot be read, is no text, or its table is wrong.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadInput("This file is far too large for the flow of one heart beat", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"The waveform cannot be read: {error.strerror}", where=str(path)) from error
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return samples_from_csv(text, path.name)
    raise BadInput("This file is not text", where=str(path), remedy="Save the table as CSV.")
