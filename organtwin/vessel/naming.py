"""Names and roles for the openings of a vessel, from where they lie in the patient (LPS: x left, y posterior, z up).

Rules of thumb of anatomy, with plain names where they do not apply:

- aorta with an arch (its line rises well above both its ends): ``inlet`` is the end that lies further to the front,
  ``descending`` the other; branches that leave near the top and end above their origin are, along the flow,
  ``brachiocephalic``, ``carotid_left`` and ``subclavian_left`` when there are three (``arch_branch_1``, ... otherwise);
- aorta without an arch: ``inlet`` is the upper thick end; two ends of similar height at the bottom are ``iliac_left`` and
  ``iliac_right``, a single one ``descending``; a side branch to the front is ``celiac`` or ``sma`` (from above), one to a
  side ``renal_left`` or ``renal_right``;
- veins bring blood to the heart: the inlets of the inferior vena cava, the portal vein and the hepatic veins are the ends
  away from their one thick end; the superior vena cava flows down;
- pulmonary artery: ``inlet`` is the thickest end, the ends are ``pulmonary_left`` and ``pulmonary_right``;
- anything else: ``inlet`` is the thickest end, the others ``outlet`` or ``outlet_1``, ... from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from organtwin.vessel.centerline import Centerline
from organtwin.vessel.openings import Opening


def named(openings: Sequence[Opening], line: Centerline, structure: str) -> list[Opening]:
    """The same openings with names and roles; the inlets first."""
    if len(openings) < 2:
        return [replace(o, name="inlet", role="inlet") for o in openings]
    if structure in ("aorta", "blood_pool"):
        out = _aorta(list(openings), line)
    elif structure in ("inferior_vena_cava", "superior_vena_cava", "portal_vein", "hepatic_vein"):
        out = _vein(list(openings), structure)
    elif structure == "pulmonary_artery":
        out = _pulmonary(list(openings))
    else:
        out = _plain(list(openings))
    return sorted(_distinct(out), key=lambda o: o.role != "inlet")


def _call(opening: Opening, name: str, role: str = "outlet") -> Opening:
    return replace(opening, name=name, role=role)


def _numbered(openings: list[Opening], name: str, role: str = "outlet") -> list[Opening]:
    """From above; no number where there is one."""
    ordered = sorted(openings, key=lambda o: -o.centre_mm[2])
    return [_call(o, name if len(ordered) == 1 else f"{name}_{at}", role) for at, o in enumerate(ordered, 1)]


def _plain(openings: list[Opening]) -> list[Opening]:
    inlet = max(openings, key=lambda o: o.area_mm2)
    return [_call(inlet, "inlet", "inlet"), *_numbered([o for o in openings if o is not inlet], "outlet")]


def _aorta(openings: list[Opening], line: Centerline) -> list[Opening]:
    widest = max(o.radius_mm for o in openings)
    thick = [o for o in openings if o.radius_mm >= 0.55 * widest]
    stem = max(
        openings, key=lambda o: o.area_mm2
    )  # one end of an arch; the iliac arteries also rise, to the thicker aorta
    pairs = [(stem, o) for o in openings if o is not stem]
    arched = [p for p in pairs if _rise(line, p) > 1.5 * widest]
    if arched:
        return _with_arch(openings, line, max(arched, key=lambda p: line.length(line.path(p[0].end, p[1].end))))
    return _straight(openings, thick, line)


def _rise(line: Centerline, pair: tuple[Opening, Opening]) -> float:
    """How far the line between two openings rises above the higher of them."""
    top = line.points_mm[line.path(pair[0].end, pair[1].end)][:, 2].max()
    return float(top - max(o.centre_mm[2] for o in pair))


def _with_arch(openings: list[Opening], line: Centerline, pair: tuple[Opening, Opening]) -> list[Opening]:
    inlet, descending = sorted(pair, key=lambda o: o.centre_mm[1])
    trunk = line.path(inlet.end, descending.end)
    place = {int(p): at for at, p in enumerate(trunk)}
    top = float(line.points_mm[trunk][:, 2].max())
    rest = [o for o in openings if o is not inlet and o is not descending]

    def leaves_at(o: Opening) -> int:
        return next(place[int(p)] for p in line.path(o.end, inlet.end) if int(p) in place)

    arch: list[Opening] = []
    lower: list[Opening] = []
    for o in rest:
        origin = line.points_mm[trunk[leaves_at(o)]]
        near_top = origin[2] > top - 4 * inlet.radius_mm
        (arch if near_top and o.centre_mm[2] > origin[2] else lower).append(o)
    # a trunk that forks after leaving the arch: from the patient's right to left
    arch.sort(key=lambda o: (leaves_at(o), o.centre_mm[0]))
    names = (
        ["brachiocephalic", "carotid_left", "subclavian_left"]
        if len(arch) == 3
        else [f"arch_branch_{k + 1}" for k in range(len(arch))]
    )
    out = [_call(inlet, "inlet", "inlet"), *(_call(o, name) for o, name in zip(arch, names, strict=True))]
    bottom = _bottom([descending, *lower])
    sides = [o for o in lower if o not in bottom]
    return [
        *out,
        *(_iliacs(bottom) if descending in bottom else [_call(descending, "descending"), *_numbered(bottom, "outlet")]),
        *_sides(sides, line, inlet, descending),
    ]


def _straight(openings: list[Opening], thick: list[Opening], line: Centerline) -> list[Opening]:
    inlet = max(thick, key=lambda o: o.centre_mm[2])
    rest = [o for o in openings if o is not inlet]
    bottom = _bottom(rest)
    lowest = min(rest, key=lambda o: o.centre_mm[2])
    sides = [o for o in rest if o not in bottom]
    return [_call(inlet, "inlet", "inlet"), *_iliacs(bottom), *_sides(sides, line, inlet, lowest)]


def _bottom(openings: list[Opening]) -> list[Opening]:
    """The lowest end, with any others that face down beside it and are not much thinner."""
    lowest = min(openings, key=lambda o: o.centre_mm[2])
    return [
        o
        for o in openings
        if o is lowest
        or (
            o.normal[2] < -0.5
            and o.radius_mm > 0.4 * lowest.radius_mm
            and o.centre_mm[2] < lowest.centre_mm[2] + 8 * lowest.radius_mm
        )
    ]


def _iliacs(bottom: list[Opening]) -> list[Opening]:
    if len(bottom) == 1:
        return [_call(bottom[0], "descending")]
    if len(bottom) == 2:
        right, left = sorted(bottom, key=lambda o: o.centre_mm[0])
        return [_call(left, "iliac_left"), _call(right, "iliac_right")]
    return _numbered(bottom, "outlet")


def _sides(openings: list[Opening], line: Centerline, inlet: Opening, outlet: Opening) -> list[Opening]:
    """Branches of the abdominal aorta: the unpaired ones leave to the front, the renal arteries to the sides."""
    trunk = line.path(inlet.end, outlet.end)
    on_trunk = set(trunk.tolist())
    front: list[tuple[float, Opening]] = []
    out, others = [], []
    for o in openings:
        way = line.path(o.end, inlet.end)
        origin = line.points_mm[next(int(p) for p in way if int(p) in on_trunk)]
        heading = o.centre_mm - origin
        forward, sideways = -heading[1], heading[0]
        if forward > abs(sideways):
            front.append((float(origin[2]), o))
        elif abs(sideways) > 0.7 * abs(heading[2]):
            out.append(_call(o, "renal_left" if sideways > 0 else "renal_right"))
        else:
            others.append(o)
    front.sort(key=lambda f: -f[0])
    if len(front) == 2:
        out += [_call(front[0][1], "celiac"), _call(front[1][1], "sma")]
    else:
        out += _numbered([o for _, o in front], "visceral")
    return [*out, *_numbered(others, "outlet")]


def _vein(openings: list[Opening], structure: str) -> list[Opening]:
    up = sorted(openings, key=lambda o: o.centre_mm[2])
    widest = max(o.radius_mm for o in openings)
    thick = [o for o in up if o.radius_mm > 0.6 * widest]
    if structure == "superior_vena_cava":
        outlet = thick[0]
    elif structure == "portal_vein":
        inlet = min(openings, key=lambda o: o.centre_mm[2])
        return [_call(inlet, "inlet", "inlet"), *_numbered([o for o in openings if o is not inlet], "outlet")]
    else:
        outlet = thick[-1]
    return [*_numbered([o for o in openings if o is not outlet], "inlet", "inlet"), _call(outlet, "outlet")]


def _pulmonary(openings: list[Opening]) -> list[Opening]:
    inlet = max(openings, key=lambda o: o.area_mm2)
    rest = [o for o in openings if o is not inlet]
    if len(rest) != 2:
        return _plain(openings)
    right, left = sorted(rest, key=lambda o: o.centre_mm[0])
    return [_call(inlet, "inlet", "inlet"), _call(left, "pulmonary_left"), _call(right, "pulmonary_right")]


def _distinct(openings: list[Opening]) -> list[Opening]:
    """No name twice: the second of its kind becomes name_2."""
    seen: dict[str, int] = {}
    out = []
    for o in openings:
        seen[o.name] = seen.get(o.name, 0) + 1
        out.append(o if seen[o.name] == 1 else replace(o, name=f"{o.name}_{seen[o.name]}"))
    return out


def nearest(openings: Sequence[Opening], point_mm: np.ndarray) -> Opening | None:
    """The opening within two of its radii of a point."""
    close = [o for o in openings if np.linalg.norm(o.centre_mm - point_mm) < 2 * o.radius_mm + 2.0]
    return min(close, key=lambda o: float(np.linalg.norm(o.centre_mm - point_mm)), default=None)
