"""What a cut does to all that lies on the table: tissue, what holds it, what it carries, and the record of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh.cutting import Cut, Sheet, blade, cut
from organtwin.mesh.cutting.nearest import NearestOnSurface
from organtwin.model.tissue_case import Material
from organtwin.rehearsal.frame import CUT
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.carried import Carried, Skin, Torn
from organtwin_solvers.rehearsal.history import Severed
from organtwin_solvers.rehearsal.laws import Elastic
from organtwin_solvers.rehearsal.naming import branch_at
from organtwin_solvers.rehearsal.supports import Held, Link, Springs

Points = NDArray[np.float64]
Choice = Callable[[Cut, Points, Points], NDArray[Any]]

NAMED = 4  # vessels in a sentence
HALF = 0.5  # of a tumour that must be taken with the tissue for its margin to count


@dataclass(frozen=True)
class Opened:
    """What came of a cut: volumes taken (mm3) and of crumbs, what is loose, vessels cut, the margin (mm) at rest."""

    taken_mm3: float = 0.0
    crumbs: int = 0
    crumbs_mm3: float = 0.0
    parted_mm3: tuple[float, ...] = ()
    loose: int = 0
    enclosed: bool = False
    severed: tuple[Severed, ...] = ()
    margin_mm: float | None = None
    margin_of: str = ""
    dihedral_deg: tuple[float, float] = field(default=(0.0, 0.0))


def edge_mm(body: Body) -> float:
    """Length of the edges of a regular tetrahedron of the body's mean volume."""
    return float((6.0 * np.sqrt(2.0) * body.volume_mm3.mean()) ** (1.0 / 3.0))


def open_along(engine: Any, sheets: Sequence[Sheet], *, at_rest: bool = False, take: Choice | None = None) -> Opened:
    """Cut the engine's body along sheets, one after another, and take away the pieces that ``take`` chooses at the end.

    ``take`` gets the cut, the places of its points now, and those at rest. Nothing of the engine has changed when this
    raises.

    Raises
    ------
    BadInput
        When no sheet goes through anything, or nothing would be left or held.
    """
    stepper = engine.stepper
    body, x, v = stepper.body, stepper.x, stepper.v
    held, springs, links, carried = dict(stepper.held), list(stepper.springs), list(stepper.links), list(engine.carried)
    pieces_before = _pieces(body)
    torn: list[Torn] = []
    refused: BadInput | None = None
    made, gone = None, np.zeros(0, np.int64)
    for sheet in sheets:
        try:
            made = cut(
                x, body.tets, body.triangles, sheet, rest_mm=body.rest_mm, at_rest=at_rest, pinned=between_parts(body)
            )
        except BadInput as nothing:
            refused = nothing
            continue
        places = [thing.points_mm if at_rest else thing.positions(x) for thing in carried]
        across = [thing.crossed(sheet, where, made.near) for thing, where in zip(carried, places, strict=True)]
        torn += [
            t for thing, hit in zip(carried, across, strict=True) if thing.kind != "other" for t in thing.tears(*hit)
        ]
        rest, x, v = made.carry(body.rest_mm), made.carry(x), made.carry(v)
        kinds = np.where(made.triangle_parent >= 0, body.kinds[made.triangle_parent], CUT).astype(np.uint8)
        last = sheet is sheets[-1]
        gone = np.union1d(take(made, x, rest), made.crumbs) if last and take is not None else made.crumbs
        skin = Skin(rest, made.triangles, kinds != CUT)
        carried = [thing.after(made, rest, skin, gone, hit) for thing, (hit, _) in zip(carried, across, strict=True)]
        left = made.without(gone)
        if not len(left.tets):
            raise BadInput("Nothing of the organ would be left", remedy="Take less.")
        held = {name: one for name, old in held.items() if len((one := _held(old, left, x)).nodes)}
        springs = [_springs(old, left, body, rest) for old in springs]
        links = [new for old in links if (new := _link(old, left)) is not None]
        body = body.with_(
            rest_mm=rest,
            tets=left.tets,
            part=body.part[left.parent],
            size=None if body.size is None else body.size[left.parent],
            triangles=left.triangles,
            kinds=kinds[np.isin(made.piece, gone, invert=True)[made.triangle_tet]],
        )
    if made is None:
        raise refused or BadInput("There is nothing to cut along")
    if not held and not any(len(s.nodes) for s in springs):
        raise BadInput(
            "That would take away all that holds the organ: the rest would float away",
            remedy="Hold the part that stays first.",
        )
    removed = np.setdiff1d(gone, made.crumbs)
    margin, of = _margin(carried, torn, body, removed)
    severed = tuple(_severed(engine, t) for t in torn if _kind(carried, t.name) == "vessel")
    stepper.held, stepper.springs, stepper.links = held, springs, links
    stepper.adopt(body, x, v)
    engine.carried = tuple(carried)
    taken_mm3 = float(made.piece_mm3[gone].sum())
    before = engine.history.margin_mm
    engine.note(
        taken_mm3=engine.history.taken_mm3 + taken_mm3,
        severed=(*engine.history.severed, *severed),
        margin_mm=before if margin is None else min(margin, np.inf if before is None else before),
    )
    now = _pieces(body)
    return Opened(
        taken_mm3=taken_mm3,
        crumbs=len(made.crumbs),
        crumbs_mm3=float(made.piece_mm3[made.crumbs].sum()),
        parted_mm3=tuple(now.volumes[1:]) if len(now.volumes) > len(pieces_before.volumes) else (),
        loose=_loose(now, held, springs, body),
        enclosed=bool(len(removed)) and _enclosed(made, removed),
        severed=severed,
        margin_mm=margin,
        margin_of=of,
        dihedral_deg=made.dihedral_deg,
    )


def warm_up() -> None:
    """Have everything that a cut needs compiled, by cutting a cube: the first time takes some seconds."""
    corners = np.stack(np.meshgrid(*3 * [np.arange(3.0)], indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(27).reshape(3, 3, 3)
    base = np.stack(np.meshgrid(*3 * [np.arange(2)], indexing="ij"), axis=-1).reshape(-1, 3)
    tets = []
    for axes in permutations(range(3)):
        steps = np.cumsum([np.zeros(3, int), *np.eye(3, dtype=int)[list(axes)]], axis=0)
        tets.append(np.stack([number[tuple((base + step).T)] for step in steps], axis=1))
    filled = quality.oriented(corners, np.concatenate(tets))
    skin = quality.boundary(filled)
    kinds = np.zeros(len(skin), np.uint8)
    body = Body(corners, filled, np.zeros(len(filled), np.int16), (Elastic.of(Material()),), skin, kinds)
    ends = np.array([[0.9, -1.0, 2.0], [1.1, 3.0, 2.0]])
    (sheet,) = blade(ends, np.tile([0.0, 0.0, -1.0], (2, 1)), 3.0, 1.0, 0.5, 0.5)
    made = cut(corners, filled, skin, sheet)
    rest = made.carry(corners)
    triangle = np.array([[0.3, 1.1, 1.2], [1.7, 1.1, 1.2], [2.5, 1.4, 1.4]])
    thing = Carried.bound("", "vessel", triangle, np.array([[0, 1, 2]], np.int32), body)
    hit, _ = thing.crossed(sheet, thing.positions(corners), made.near)
    thing.after(made, rest, Skin(rest, made.triangles, made.triangle_parent >= 0), made.crumbs, hit)
    _pieces(body)


# -- what is said --------------------------------------------------------------------------------------------------------


def consequences(done: Opened) -> str:
    """The second half of the sentence on a cut."""
    said = []
    if done.margin_mm is not None:
        said.append(
            f"the cut goes through {done.margin_of}"
            if done.margin_mm <= 0
            else f"margin to {done.margin_of} {done.margin_mm:.1f} mm"
        )
    if done.severed:
        said.append(f"cut: {_named(done.severed)}")
    if done.enclosed:
        said.append("it lies all inside: no way leads out, and a hollow is left")
    if done.parted_mm3:
        said.append(f"parted: {' and '.join(f'{v / 1e3:.1f} mL' for v in done.parted_mm3)}")
    if done.loose:
        said.append("a piece is held by nothing" if done.loose == 1 else f"{done.loose} pieces are held by nothing")
    if done.crumbs:
        said.append(
            f"{'a crumb' if done.crumbs == 1 else f'{done.crumbs} crumbs'} of {done.crumbs_mm3 / 1e3:.2f} mL went"
        )
    return "".join(f"; {part}" for part in said)


def _named(severed: Sequence[Severed]) -> str:
    """The widest vessels by name, each once."""
    widest = {s.branch: s for s in sorted(severed, key=lambda s: s.diameter_mm)}  # the last of a name stays
    ordered = sorted(widest.values(), key=lambda s: -s.diameter_mm)
    shown = [f"{s.branch} ({s.diameter_mm:.0f} mm{', clipped' if s.clipped else ''})" for s in ordered[:NAMED]]
    more = [f"{len(ordered) - NAMED} narrower"] if len(ordered) > NAMED else []
    return ", ".join([*shown, *more])


def took(engine: Any, done: Opened) -> str:
    """How much was taken, of all that there was."""
    return f"Took {done.taken_mm3 / 1e3:.0f} mL away ({100 * done.taken_mm3 / engine.history.volume_mm3:.0f} %)"


# -- pieces ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pieces:
    of_points: NDArray[np.int64]
    volumes: NDArray[np.float64]


def _pieces(body: Body) -> _Pieces:
    """Piece of each point (n,), -1 of none, and volumes at rest from the largest to the smallest."""
    label = _joined(body.tets, len(body.rest_mm))
    volume = np.bincount(label[body.tets[:, 0]], body.volume_mm3, len(label))
    present = np.flatnonzero(volume)
    order = present[np.argsort(-volume[present], kind="stable")]
    number = np.full(len(label), -1, np.int64)
    number[order] = np.arange(len(order))
    return _Pieces(number[label], volume[order])


@numba.njit(cache=True, nogil=True)
def _joined(tets: Any, count: int) -> Any:
    """Of each point the smallest point that tetrahedra join it with."""
    root = np.arange(count)
    for m in range(len(tets)):
        for k in range(1, 4):
            i, j = tets[m, 0], tets[m, k]
            while root[i] != i:
                root[i] = root[root[i]]
                i = root[i]
            while root[j] != j:
                root[j] = root[root[j]]
                j = root[j]
            if i < j:
                root[j] = i
            else:
                root[i] = j
    for i in range(count):
        j = i
        while root[j] != j:
            j = root[j]
        root[i] = j
    return root


def _loose(pieces: _Pieces, held: dict[str, Held], springs: Sequence[Springs], body: Body) -> int:
    nodes = np.concatenate([np.zeros(0, np.int32), *(h.nodes for h in held.values()), *(s.nodes for s in springs)])
    return len(pieces.volumes) - len(np.setdiff1d(pieces.of_points[nodes], [-1]))


def _enclosed(made: Cut, removed: NDArray[Any]) -> bool:
    """Whether what is taken touches no surface that was there before."""
    return not (np.isin(made.piece[made.triangle_tet], removed) & (made.triangle_parent >= 0)).any()


def between_parts(body: Body) -> NDArray[np.bool_]:
    """Points where tetrahedra of several parts meet: moving them would change the volumes of these parts."""
    low, high = np.full(len(body.rest_mm), 32767, np.int16), np.full(len(body.rest_mm), -1, np.int16)
    if not body.part.any():
        return np.zeros(len(low), bool)
    for k in range(4):
        np.minimum.at(low, body.tets[:, k], body.part)
        np.maximum.at(high, body.tets[:, k], body.part)
    return np.asarray(high > low)


# -- what holds ------------------------------------------------------------------------------------------------------------


def _members(nodes: NDArray[Any], made: Cut) -> NDArray[np.int32]:
    """Points of now between points that were all among ``nodes``, both sides of a cut, of those still used."""
    was = np.zeros(int(max(made.a.max(), made.b.max())) + 1, bool)
    was[nodes] = True
    used = np.zeros(len(made.a), bool)
    used[made.tets] = True
    same = made.twin == made.a  # points of before, moved a little perhaps, and their copies
    return np.flatnonzero(used & was[made.a] & (was[made.b] | same)).astype(np.int32)


def _held(old: Held, made: Cut, x: Points) -> Held:
    """The same hold on both sides of the cut: each point stays as far from its target as the tissue around it was."""
    nodes = _members(old.nodes, made)
    targets = np.full((int(max(made.a.max(), made.b.max())) + 1, 3), np.nan)
    targets[old.nodes] = old.targets_mm
    wanted = made.carry(targets)[nodes]
    moved = np.isnan(wanted).any(axis=1)  # moved toward a point that is not held
    wanted[moved] = x[nodes[moved]]
    return Held(nodes, wanted)


def _springs(old: Springs, made: Cut, body: Body, rest: Points) -> Springs:
    """The same stiffness for each area of what is left of the sprung surface."""
    n = len(body.rest_mm)
    sprung = np.zeros(n, bool)
    sprung[old.nodes] = True
    patch = np.flatnonzero(sprung[body.triangles].all(axis=1))
    child = (made.triangle_parent >= 0) & np.isin(made.triangle_parent, patch)
    before = _node_areas(body.rest_mm, body.triangles[patch])
    after = _node_areas(rest, made.triangles[child])
    foundation = np.zeros(n)
    foundation[old.nodes] = old.stiffness / np.maximum(before[old.nodes], 1e-12)
    nodes = np.intersect1d(_members(old.nodes, made), np.unique(made.triangles[child])).astype(np.int32)
    places = np.zeros((n, 3))
    places[old.nodes] = old.rest_mm
    stiffness = made.carry(foundation)[nodes] * after[nodes]
    normals = None
    if old.normals is not None:
        spread = np.zeros((n, 3))
        spread[old.nodes] = old.normals
        normals = made.carry(spread)[nodes]
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Springs(nodes, stiffness, made.carry(places)[nodes], normals)


def _node_areas(points: Points, triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
    return np.bincount(triangles.ravel(), np.repeat(third, 3), len(points))


def _link(old: Link, made: Cut) -> Link | None:
    """The same thread: a point of it that was doubled shares its weight; None when an end went with what was taken."""
    ends = [_end(old.nodes_a, old.weights_a, made), _end(old.nodes_b, old.weights_b, made)]
    if any(not len(nodes) for nodes, _ in ends):
        return None
    (a, wa), (b, wb) = ends
    return Link(a, wa, b, wb, old.stiffness, old.length_mm)


def _end(nodes: NDArray[np.int32], weights: NDArray[np.float64], made: Cut) -> tuple[NDArray[np.int32], Points]:
    was = np.zeros(len(made.a))
    was[nodes] = weights
    used = np.zeros(len(made.a), bool)
    used[made.tets] = True
    copies = np.bincount(made.twin[used], minlength=len(made.a))
    now = np.flatnonzero(used & (was[made.twin] > 0)).astype(np.int32)
    share = was[made.twin[now]] / np.maximum(copies[made.twin[now]], 1)
    return now, share / max(float(share.sum()), 1e-300)


# -- what is inside --------------------------------------------------------------------------------------------------------


def _kind(carried: Sequence[Any], name: str) -> str:
    return next((thing.kind for thing in carried if thing.name == name), "other")


def _severed(engine: Any, torn: Torn) -> Severed:
    branch, diameter = branch_at(engine, torn.name, np.array(torn.at_mm))
    closed = any(clip.surface == torn.name and clip.branch == branch for clip in engine.history.closed)
    return Severed(branch, torn.at_mm, torn.diameter_mm if diameter is None else diameter, closed)


def least_distance(thing: Any, rest_mm: Points, faces: NDArray[np.int32]) -> float:
    """Least distance at rest (mm) between a surface inside and triangles, negative when these reach into it."""
    places = np.concatenate([rest_mm[np.unique(faces)], rest_mm[faces].mean(axis=1)])
    return float(NearestOnSurface(thing.points_mm, thing.triangles).distance(places).min())


def _margin(
    carried: Sequence[Any], torn: Sequence[Torn], body: Body, removed: NDArray[Any]
) -> tuple[float | None, str]:
    """Least distance at rest between a taken tumour and what was cut (0 when the cut goes through it), and its name."""
    best: tuple[float | None, str] = (None, "")
    cut_through = {t.name for t in torn}
    for thing in carried:
        if thing.kind != "tumour" or not (thing.name in cut_through or (len(removed) and thing.taken.mean() > HALF)):
            continue
        margin = 0.0
        faces = body.triangles[body.kinds == CUT]
        if thing.name not in cut_through and len(faces):
            margin = max(least_distance(thing, body.rest_mm, faces), 0.0)
        if best[0] is None or margin < best[0]:
            best = (margin, thing.name)
    return best
