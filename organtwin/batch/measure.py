"""What a project has to say in one row: volumes, values, quantities, and what to look at again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from organtwin.batch.folder import SEGMENTED, Cell
from organtwin.batch.protocol import Table
from organtwin.model import Segmentation, Volume
from organtwin.store import Entry, Project
from organtwin.store.relations import scan_behind

LEVELS = ("good", "fair", "poor")


def measured(project: Project, table: Table) -> tuple[dict[str, Cell], list[str]]:
    """The row of a project and its flags (what a person must look at), from the objects that are live in it now.

    Volumes are in mL, diameters in mm; values in the scan's own unit, HU for CT. A structure that several segmentations hold
    is that of the newest one.
    """
    row: dict[str, Cell] = {}
    flags: list[str] = []
    remarks: list[str] = []
    entries = project.entries()
    for scan in [e for e in entries if e.kind in ("volume", "dynamic")][:1]:
        row |= _scan(scan)
    replaced = {e.replaces for e in entries}
    for entry in entries:
        if entry.uuid in replaced:
            continue
        if entry.kind == "segmentation":
            _segmentation(project, entry, table, row, flags, remarks)
        elif entry.kind == "dynamic-segmentation":
            _dynamic(project, entry, table, row)
        elif entry.kind == "centerline":
            _vessel(project, entry, row, flags)
        for quantity in entry.facts.get("quantities") or ():
            of = f"{entry.facts['structure']} " if entry.facts.get("structure") else ""
            row[column(f"{of}{quantity['name']}", quantity.get("unit", ""))] = _number(quantity["value"])
        if entry.kind in SEGMENTED:
            remarks += [note for note in entry.notes if "was not found" not in note]
            absent = [note.partition(" was not found")[0] for note in entry.notes if "was not found" in note]
            row["not_found"] = ", ".join(dict.fromkeys(filter(None, [str(row.get("not_found") or ""), *absent])))
    row["remarks"] = " | ".join(dict.fromkeys(remarks))
    return row, list(dict.fromkeys(flags))


def column(name: str, unit: str) -> str:
    """A column's name: lower case, with the unit at its end."""
    unit = {"%": "percent", "mL": "ml", "mm³": "mm3", "mm²": "mm2"}.get(unit, unit)
    return re.sub(r"[^a-z0-9]+", "_", f"{name} {unit}".lower()).strip("_")


def _scan(entry: Entry) -> dict[str, Cell]:
    grid = entry.facts["grid"]
    spacing = [sum(row[axis] ** 2 for row in grid["affine"][:3]) ** 0.5 for axis in range(3)]
    facts = entry.facts.get("acquisition") or {}
    return {
        "patient": str(facts.get("patient", "")),
        "series": entry.name,
        "modality": entry.facts.get("modality", ""),
        "size": "x".join(str(n) for n in grid["size"]),
        "spacing_mm": "x".join(f"{s:.3g}" for s in spacing),
    }


def _segmentation(
    project: Project, entry: Entry, table: Table, row: dict[str, Cell], flags: list[str], remarks: list[str]
) -> None:
    from organtwin.segment.quality import quality

    wanted = [s for s in entry.facts["segments"] if not table.structures or s["key"] in table.structures]
    keys = {int(s["label"]): str(s["key"]) for s in wanted}
    for s in wanted:
        row[f"{s['key']}_ml"] = round(float(s["volume_mm3"]) / 1000, 3)
        if s["confidence"] is not None:
            row[f"{s['key']}_confidence"] = round(float(s["confidence"]), 3)
    behind = scan_behind(entry, project.entries())
    thing, scan = project.load(entry.uuid), project.load(behind.uuid) if behind else None
    assert isinstance(thing, Segmentation)
    assert scan is None or isinstance(scan, Volume)
    if table.values and scan is not None:
        for label, (mean, spread) in _statistics(thing.labels, scan.values).items():
            if label in keys:
                unit = column("", scan.value_unit) or "value"
                row[f"{keys[label]}_{unit}_mean"] = round(mean, 2)
                row[f"{keys[label]}_{unit}_sd"] = round(spread, 2)
    if table.quality:
        found = [one for one in quality(thing, scan) if one.label in keys]
        row["quality"] = max((str(row.get("quality") or "good"), *(one.level for one in found)), key=LEVELS.index)
        for one in found:
            for flag in one.flags:
                (flags if flag.level == "poor" else remarks).append(f"{one.name}: {flag.sentence}")


def _statistics(labels: Any, values: Any) -> dict[int, tuple[float, float]]:
    """Mean and standard deviation in every label, slice by slice: the scan stays on the disk."""
    highest = int(np.max(labels)) + 1 if labels.size else 1
    count, total, square = (np.zeros(highest) for _ in range(3))
    for k in range(labels.shape[0]):
        flat = labels[k].ravel()
        if not flat.any():
            continue
        here = np.asarray(values[k], np.float64).ravel()
        count += np.bincount(flat, minlength=highest)
        total += np.bincount(flat, here, minlength=highest)
        square += np.bincount(flat, here**2, minlength=highest)
    found: dict[int, tuple[float, float]] = {}
    for label in np.flatnonzero(count):
        if label:
            mean = total[label] / count[label]
            found[int(label)] = (float(mean), float(max(square[label] / count[label] - mean**2, 0.0) ** 0.5))
    return found


def _dynamic(project: Project, entry: Entry, table: Table, row: dict[str, Cell]) -> None:
    thing: Any = project.load(entry.uuid)
    volumes = np.asarray(thing.volumes_mm3) / 1000
    for n, segment in enumerate(thing.segments):
        if not table.structures or segment.key in table.structures:
            row[f"{segment.key}_largest_ml"] = round(float(volumes[:, n].max()), 3)
            row[f"{segment.key}_smallest_ml"] = round(float(volumes[:, n].min()), 3)


def _vessel(project: Project, entry: Entry, row: dict[str, Cell], flags: list[str]) -> None:
    """Length, largest diameter and the worst narrow and wide places of a vessel that was measured."""
    thing: Any = project.load(entry.uuid)
    key = thing.structure or "vessel"
    diameters = np.asarray(thing.diameter_mm)
    clear = np.isfinite(diameters) if thing.clear is None else np.asarray(thing.clear, bool) & np.isfinite(diameters)
    if clear.any():
        row[f"{key}_largest_diameter_mm"] = round(float(diameters[clear].max()), 2)
    row[f"{key}_length_mm"] = round(float(np.max(thing.distance_mm)), 1)
    for finding in thing.findings:
        if finding.what == "stenosis":
            told, value = f"{key}_stenosis_percent", finding.percent_diameter
        else:
            told, value = f"{key}_{finding.what}_mm", finding.diameter_mm
        if value > float(row.get(told) or 0.0):
            row[told] = round(float(value), 2)
        unit = "%" if finding.what == "stenosis" else " mm"
        flags.append(f"{finding.name or key}: {finding.what}, {value:.0f}{unit}")


def _number(value: Any) -> float | None:
    number = float(value)
    return round(number, 4) if np.isfinite(number) else None
