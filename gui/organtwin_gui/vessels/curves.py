"""What is drawn along a vessel. No widgets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.model import Centerline, structure
from organtwin.model.centerline import Finding
from organtwin_gui.plots.series import Series

WORDS = {"stenosis": "Stenosis", "dilatation": "Dilatation", "aneurysm": "Aneurysm"}


@dataclass(frozen=True, eq=False)
class Way:
    """From the inlet to the end of a branch: ``points`` are indices into the centreline, ``along_mm`` their distances."""

    name: str
    branch: int
    points: NDArray[np.int64]
    along_mm: NDArray[np.float64]

    def nearest(self, along_mm: float) -> int:
        """Index into :attr:`points` of the point nearest to a distance."""
        return int(np.argmin(np.abs(self.along_mm - along_mm)))

    def leads_over(self, line: Centerline, branch: int) -> bool:
        """Whether a branch (its index) is on this way."""
        own = line.branches[branch]
        return bool(np.isin(np.arange(own.first + 1, own.last + 1), self.points).all())


def called(branch: str) -> str:
    """A branch's name for people: those named after a structure have its key, and perhaps a number."""
    key, _, number = branch.partition(" ")
    name = structure(key).name if "_" in key else key
    return f"{name} {number}".strip()


def ways(line: Centerline) -> list[Way]:
    """One for every branch that ends, the longest first."""
    parents = {branch.parent for branch in line.branches}
    found = []
    for index, branch in enumerate(line.branches):
        if index not in parents:
            points = line.way(index)
            found.append(Way(called(branch.name), index, points, np.asarray(line.distance_mm, float)[points]))
    return sorted(found, key=lambda way: -way.along_mm[-1])


def findings_on(line: Centerline, way: Way) -> list[Finding]:
    """The narrow and wide places that a way leads over."""
    return [finding for finding in line.findings if way.leads_over(line, finding.branch)]


def diameters(line: Centerline, way: Way) -> list[Series]:
    """Diameters along a way in mm; gaps where the section is not of this branch alone."""
    clear = np.ones(len(way.points), bool) if line.clear is None else np.asarray(line.clear)[way.points]
    named = [("Area's diameter", line.diameter_mm), ("Smallest", line.least_mm), ("Largest", line.most_mm)]
    return [
        Series(name, "", way.along_mm, np.where(clear, np.asarray(values, float)[way.points], np.nan))
        for name, values in named
        if values is not None
    ]


def said(finding: Finding) -> str:
    """A finding in two short lines."""
    where = f"{called(finding.name)}, at {finding.at_mm:.0f} mm"
    if finding.what == "stenosis":
        nascet = "" if finding.nascet_percent is None else f", NASCET {finding.nascet_percent:.0f} %"
        return f"{WORDS[finding.what]} {finding.percent_diameter:.0f} %{nascet}\n{finding.percent_area:.0f} % of area; {where}"
    return f"{WORDS[finding.what]} {finding.most_mm:.1f} mm, {finding.ratio:.2f} times the usual\n{where}"


def explained(finding: Finding) -> str:
    """The rest of it, in a few lines."""
    lines = [
        f"{called(finding.name)}, {finding.start_mm:.0f} to {finding.stop_mm:.0f} mm from the inlet ({finding.length_mm:.0f} mm long)",
        f"at its worst {finding.diameter_mm:.1f} mm ({finding.least_mm:.1f} to {finding.most_mm:.1f} mm), usual {finding.reference_mm:.1f} mm",
    ]
    if finding.volume_mm3:
        lines.append(f"sac {finding.volume_mm3 / 1000:.1f} mL")
    if finding.neck_diameter_mm is not None and finding.neck_length_mm is not None:
        lines.append(f"neck {finding.neck_diameter_mm:.1f} mm wide, {finding.neck_length_mm:.0f} mm long")
    lines.append(f"sure to {100 * finding.confidence:.0f} %{': ' + finding.why if finding.why else ''}")
    return "\n".join(lines)
