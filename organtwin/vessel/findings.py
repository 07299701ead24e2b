"""Narrow and wide places of a measured vessel.

Along each way through the tree the normal diameter is a robust local line through the diameters of clear sections (Cleveland,
J. Am. Stat. Assoc. 74, 1979), begun from a running median so that a lesion does not pull it. Where the vessel departs from
it there is a candidate; its reference is then read on both sides of it, right beyond its shoulders, and carried to its
worst place. A stenosis is graded against that, and against the vessel beyond it as in NASCET (N. Engl. J. Med. 325, 1991).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from organtwin.model.centerline import Centerline, Finding

Numbers = NDArray[np.float64]

SPAN = 5.0  # diameters to each side for the normal diameter
STENOSIS = 20.0  # percent of the diameter: less is not listed
DILATED, ANEURYSM = 1.25, 1.5  # times the normal diameter (the latter: Johnston et al., J. Vasc. Surg. 13, 1991)
BOTH_SIDES = 0.6  # of the least lesion: so much it must depart from the nearer of its two sides
EDGE = 0.04  # a lesion ends where the diameter is within this of the normal one
SHOULDER = 1.5  # diameters beyond a lesion on which its reference is read
IN_VIEW = 0.5  # of a lesion must be clear of forks and ends
NECK = 0.12  # of its diameter: a neck ends where the vessel differs by more
AORTIC_ANEURYSM_MM = {"abdominal": 30.0, "thoracic": 45.0}


@dataclass(frozen=True)
class _Way:
    """Even samples along branches that go on into each other: ``at`` are the points of the centreline."""

    at: NDArray[np.int64]
    along: Numbers
    diameter: Numbers
    clear: NDArray[np.bool_]
    normal: Numbers


def of_line(line: Centerline, voxel_mm: float) -> tuple[Finding, ...]:
    """The findings of a measured centreline, from the inlet on; ``voxel_mm`` is the coarsest spacing of what it came from."""
    if line.clear is None:
        return ()
    found: list[Finding] = []
    for branches in ways(line):
        way = _way(line, branches)
        if way is None:
            continue
        wide = list(_dilatations(line, way, voxel_mm))
        found += wide
        taken = np.zeros(len(way.at), bool)
        for one in wide:
            taken |= (way.along >= one.start_mm) & (way.along <= one.stop_mm)
        found += _stenoses(line, way, taken, voxel_mm)
    return tuple(sorted(found, key=lambda f: (f.branch, f.at_mm)))


def ways(line: Centerline) -> list[list[int]]:
    """Branches (their indices) chained into ways: each goes on along the widest child, if that is the same vessel still."""
    children: list[list[int]] = [[] for _ in line.branches]
    starts = []
    for number, branch in enumerate(line.branches):
        if branch.parent >= 0:
            children[branch.parent].append(number)
        else:
            starts.append([number])
    for chain in starts:
        while below := sorted(children[chain[-1]], key=lambda k: -line.branches[k].radius_mm):
            widest = line.branches[below[0]].radius_mm
            own = line.branches[chain[-1]].radius_mm
            alone = len(below) == 1 or line.branches[below[1]].radius_mm < 0.8 * widest
            goes_on = widest >= 0.66 * own and alone
            starts += [[k] for k in (below[1:] if goes_on else below)]
            if not goes_on:
                break
            chain.append(below[0])
    return starts


def _way(line: Centerline, branches: list[int]) -> _Way | None:
    parts = [np.arange(b.first + (n > 0), b.last + 1) for n, b in enumerate(line.branches[k] for k in branches)]
    at = np.concatenate(parts)
    along, diameter = np.asarray(line.distance_mm)[at], line.diameter_mm[at]
    clear = np.asarray(line.clear)[at]
    if clear.sum() < 5:
        return None
    diameter = np.where(clear, diameter, np.interp(along, along[clear], diameter[clear]))
    return _Way(at, along, diameter, clear, _normal(along, diameter, clear))


def _normal(along: Numbers, diameter: Numbers, clear: NDArray[np.bool_]) -> Numbers:
    """The diameter that a healthy vessel would have there: a robust local line through the clear ones."""
    s, d = along[clear], diameter[clear]
    span = SPAN * float(np.median(d))
    knots = np.linspace(along[0], along[-1], max(5, int(np.ceil(4 * (along[-1] - along[0]) / span)) + 1))
    start = np.array(
        [np.median(d[np.abs(s - k) <= max(span, np.sort(np.abs(s - k))[min(8, len(s) - 1)])]) for k in knots]
    )
    fit = start
    for _ in range(4):
        off = d - np.interp(s, knots, fit)
        scale = max(1.4826 * float(np.median(np.abs(off))), 0.01 * float(np.median(d)))
        robust = np.clip(1 - (off / (4.0 * scale)) ** 2, 0, None) ** 2
        made = []
        for n, knot in enumerate(knots):
            reach = max(span, 1.01 * float(np.sort(np.abs(s - knot))[min(8, len(s) - 1)]))
            weight = robust * np.clip(1 - (np.abs(s - knot) / reach) ** 3, 0, None) ** 3
            total = weight.sum()
            if total < 1e-3 * len(s):
                made.append(fit[n])
                continue
            mean_s, mean_d = (weight @ s) / total, (weight @ d) / total
            spread = weight @ (s - mean_s) ** 2
            slope = (weight @ ((s - mean_s) * (d - mean_d))) / max(float(spread), 1e-9)
            slope = np.clip(slope, -0.1, 0.1)  # a vessel tapers by less
            made.append(mean_d + slope * (knot - mean_s))
        fit = np.array(made)
    return np.maximum(np.interp(along, knots, fit), 0.2 * float(np.median(d)))


def _runs(yes: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last of each run."""
    edges = np.flatnonzero(np.diff(np.r_[False, yes, False].astype(np.int8)))
    yield from zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)


@dataclass(frozen=True)
class _Lesion:
    first: int
    last: int
    worst: int
    reference: float
    before: float | None
    beyond: float | None


def _lesions(way: _Way, departs: NDArray[np.bool_], sign: float, taken: NDArray[np.bool_]) -> Iterator[_Lesion]:
    """Runs where the vessel departs from normal, with references from their own shoulders; ``sign`` 1 for wide ones."""
    ratio = sign * (way.diameter / way.normal - 1)
    calm = gaussian_filter1d(ratio, 1.0)
    off = calm > EDGE
    for first, last in _runs(off & ~taken):
        run = slice(first, last + 1)
        inside = way.clear[run]
        if not (departs[run] & inside).any() or inside.mean() < IN_VIEW:
            continue
        worst = first + int(np.where(inside, ratio[run], -np.inf).argmax())
        reach = SHOULDER * float(way.normal[worst])
        sides: list[tuple[float, float] | None] = []
        for low, high in (
            (way.along[first] - reach, way.along[first]),
            (way.along[last], way.along[last] + reach),
        ):
            own = (way.along >= low) & (way.along <= high) & way.clear & ~taken & ~off
            enough = own.sum() >= 3 and np.ptp(way.along[own]) >= 0.2 * way.normal[worst]
            sides.append((float(way.along[own].mean()), float(np.median(way.diameter[own]))) if enough else None)
        before, beyond = sides
        if before and beyond:
            part = (way.along[worst] - before[0]) / (beyond[0] - before[0])
            reference = (1 - part) * before[1] + part * beyond[1]
        else:
            one = before or beyond
            reference = one[1] if one else float(way.normal[worst])
        yield _Lesion(first, last, worst, reference, before[1] if before else None, beyond[1] if beyond else None)


def _stenoses(line: Centerline, way: _Way, taken: NDArray[np.bool_], voxel_mm: float) -> Iterator[Finding]:
    narrow = way.diameter < (1 - 0.7 * STENOSIS / 100) * way.normal
    for lesion in _lesions(way, narrow, -1.0, taken):
        least = float(way.diameter[lesion.worst])
        percent = 100 * (1 - least / lesion.reference)
        if percent < STENOSIS or lesion.reference - least < voxel_mm:
            continue
        if min(lesion.before or np.inf, lesion.beyond or np.inf) * (1 - BOTH_SIDES * STENOSIS / 100) < least:
            continue  # it grows narrower and stays so: a taper
        confidence, why = _trust(way, lesion, least, voxel_mm)
        error = 100 * 0.5 * voxel_mm / lesion.reference
        if percent - error < STENOSIS:
            confidence *= 0.7
            why.append(f"{percent:.0f} % is within the error of what is no stenosis")
        yield _finding(
            line, way, lesion, "stenosis", confidence, why,
            percent_diameter=percent,
            percent_area=100 * (1 - (least / lesion.reference) ** 2),
            nascet_percent=None if lesion.beyond is None else 100 * (1 - least / lesion.beyond),
        )  # fmt: skip


def _dilatations(line: Centerline, way: _Way, voxel_mm: float) -> Iterator[Finding]:
    wide = way.diameter > 1.15 * way.normal
    none = np.zeros(len(way.at), bool)
    seen = False
    for lesion in _lesions(way, wide, 1.0, none):
        most = float(way.diameter[lesion.worst])
        ratio = most / lesion.reference
        if (
            ratio < DILATED
            or most - lesion.reference < voxel_mm
            or way.along[lesion.last] - way.along[lesion.first] < 0.4 * lesion.reference
        ):
            continue
        if max(lesion.before or 0.0, lesion.beyond or 0.0) * (1 + BOTH_SIDES * (DILATED - 1)) > most:
            continue
        seen = True
        confidence, why = _trust(way, lesion, lesion.reference, voxel_mm)
        if abs(ratio - ANEURYSM) < 0.5 * voxel_mm / lesion.reference:
            why.append("right between a dilatation and an aneurysm")
        yield _sac(line, way, lesion, "aneurysm" if ratio >= ANEURYSM else "dilatation", confidence, why)
    if not seen and line.structure == "aorta":
        yield from _wide_aorta(line, way)


def _wide_aorta(line: Centerline, way: _Way) -> Iterator[Finding]:
    """An aorta that is wide all along has no normal part to compare with: the diameter itself then says it."""
    iliacs = [b for b in line.branches if b.name.startswith("iliac")]
    fork = min((float(line.distance_mm[b.first]) for b in iliacs), default=None)
    abdominal = np.zeros(len(way.at), bool) if fork is None else np.abs(way.along - fork) < 120.0
    limit = np.where(abdominal, AORTIC_ANEURYSM_MM["abdominal"], AORTIC_ANEURYSM_MM["thoracic"])
    for first, last in _runs((way.diameter > limit) & way.clear):
        if way.along[last] - way.along[first] < 10.0:
            continue
        worst = first + int(way.diameter[first : last + 1].argmax())
        lesion = _Lesion(first, last, worst, float(way.normal[worst]), None, None)
        why = [f"wider than {limit[worst]:.0f} mm; no normal part beside it to compare with"]
        yield _sac(line, way, lesion, "aneurysm", 0.6, why)


def _sac(line: Centerline, way: _Way, lesion: _Lesion, what: str, confidence: float, why: list[str]) -> Finding:
    run = slice(lesion.first, lesion.last + 1)
    area = np.pi * way.diameter[run] ** 2 / 4
    volume = float(np.trapezoid(area, way.along[run]))
    neck = _neck(way, lesion)
    if neck is None:
        why.append("no neck before it is in view")
    return _finding(
        line, way, lesion, what, confidence, why,
        ratio=float(way.diameter[lesion.worst]) / lesion.reference,
        volume_mm3=volume,
        neck_diameter_mm=None if neck is None else neck[0],
        neck_length_mm=None if neck is None else neck[1],
    )  # fmt: skip


def _neck(way: _Way, lesion: _Lesion) -> tuple[float, float] | None:
    """Diameter and length of the even, clear part right before a sac: up to a fork, an end, or where the width changes."""
    stop = lesion.first
    if stop < 3:
        return None
    near = max(stop - 5, 0)
    base = float(np.median(way.diameter[near:stop]))
    start = stop
    while start > 0 and way.clear[start - 1] and abs(way.diameter[start - 1] / base - 1) < NECK:
        start -= 1
    length = float(way.along[stop] - way.along[start])
    if length < 1.0:
        return None
    return float(np.median(way.diameter[start:stop])), length


def _trust(way: _Way, lesion: _Lesion, thin: float, voxel_mm: float) -> tuple[float, list[str]]:
    confidence, why = 0.95, []
    if lesion.before is None or lesion.beyond is None:
        confidence *= 0.7
        side = "either side" if lesion.before is None and lesion.beyond is None else "one side"
        why.append(f"no normal part is in view on {side}")
    run = slice(lesion.first, lesion.last + 1)
    hidden = 1 - float(way.clear[run].mean())
    if hidden > 0.1:
        confidence *= 1 - 0.6 * hidden
        why.append(f"a fork or an end lies in {100 * hidden:.0f} % of it")
    across = thin / voxel_mm
    if across < 4:
        confidence *= max(across / 4, 0.2)
        why.append(f"only {across:.1f} voxels across")
    return confidence, why


def _finding(
    line: Centerline, way: _Way, lesion: _Lesion, what: str, confidence: float, why: list[str], **more: float | None
) -> Finding:
    worst = int(way.at[lesion.worst])
    number = next(k for k, b in enumerate(line.branches) if b.first <= worst <= b.last)
    x, y, z = (float(c) for c in line.points_mm[worst])
    both = lesion.before is not None and lesion.beyond is not None
    rests = ["against the vessel on both sides" if both else "against what is seen of the vessel", *why]
    return Finding.model_validate(
        {
            "what": what,
            "branch": number,
            "name": line.branches[number].name,
            "at_mm": float(way.along[lesion.worst]),
            "start_mm": float(way.along[lesion.first]),
            "stop_mm": float(way.along[lesion.last]),
            "point_mm": (x, y, z),
            "diameter_mm": float(way.diameter[lesion.worst]),
            "least_mm": float(line.least_mm[worst]) if line.least_mm is not None else 0.0,
            "most_mm": float(line.most_mm[worst]) if line.most_mm is not None else 0.0,
            "reference_mm": lesion.reference,
            "confidence": round(confidence, 2),
            "why": "; ".join(rests),
            **more,
        }
    )
