"""What a cut does to all that lies on the table: tissue, what holds it, what it carries, and the record of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh.cutting import Cut, Sheet, cut
from organtwin.mesh.cutting.nearest import NearestOnSurface
from organtwin.model.kinds import Kind
from organtwin.rehearsal.frame import CUT
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.carried import Carried, Skin, Torn
from organtwin_solvers.rehearsal.history import Severed
from organtwin_solvers.rehearsal.holds import held_after, link_after, springs_after
from organtwin_solvers.rehearsal.naming import branch_at
from organtwin_solvers.rehearsal.pieces import between_parts, enclosed, loose, pieces_of
from organtwin_solvers.rehearsal.supports import Held, Link, Springs

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

Points = NDArray[np.float64]
Choice = Callable[[Cut, Points, Points], NDArray[np.integer]]

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


@dataclass(frozen=True, eq=False)
class _Table:
    """What lies on the table, as far as a cut changes it."""

    body: Body
    x: Points
    v: Points
    held: dict[str, Held]
    springs: list[Springs]
    links: list[Link]
    carried: list[Carried]

    @classmethod
    def of(cls, engine: Engine) -> _Table:
        stepper = engine.stepper
        return cls(
            stepper.body,
            stepper.x,
            stepper.v,
            dict(stepper.held),
            list(stepper.springs),
            list(stepper.links),
            list(engine.carried),
        )

    def after(self, made: Cut, gone: NDArray[np.integer], across: Sequence[NDArray[np.bool_]]) -> _Table:
        """The same after a cut, without the pieces ``gone``; ``across`` (m,) are the triangles that it goes through of each
        surface inside."""
        body, left = self.body, made.without(gone)
        if not len(left.tets):
            raise BadInput("Nothing of the organ would be left", remedy="Take less.")
        rest, x, v = made.carry(body.rest_mm), made.carry(self.x), made.carry(self.v)
        kinds = np.where(made.triangle_parent >= 0, body.kinds[made.triangle_parent], CUT).astype(np.uint8)
        skin = Skin(rest, made.triangles, kinds != CUT)
        return _Table(
            body.with_(
                rest_mm=rest,
                tets=left.tets,
                part=body.part[left.parent],
                size=None if body.size is None else body.size[left.parent],
                triangles=left.triangles,
                kinds=kinds[np.isin(made.piece, gone, invert=True)[made.triangle_tet]],
            ),
            x,
            v,
            {name: one for name, old in self.held.items() if len((one := held_after(old, left, x)).nodes)},
            [springs_after(old, left, body, rest) for old in self.springs],
            [new for old in self.links if (new := link_after(old, left)) is not None],
            [thing.after(made, rest, skin, gone, hit) for thing, hit in zip(self.carried, across, strict=True)],
        )

    @property
    def floats(self) -> bool:
        """Whether nothing holds any of it."""
        return not self.held and not any(len(spring.nodes) for spring in self.springs)


def open_along(engine: Engine, sheets: Sequence[Sheet], *, at_rest: bool = False, take: Choice | None = None) -> Opened:
    """Cut the engine's body along sheets, one after another, and take away the pieces that ``take`` chooses at the end.

    ``take`` gets the cut, the places of its points now, and those at rest. Nothing of the engine has changed when this
    raises.

    Raises
    ------
    BadInput
        When no sheet goes through anything, or nothing would be left or held.
    """
    table = _Table.of(engine)
    pieces_before = pieces_of(table.body)
    torn: list[Torn] = []
    refused: BadInput | None = None
    made, gone = None, np.zeros(0, np.int64)
    for sheet in sheets:
        body, x = table.body, table.x
        try:
            made = cut(
                x, body.tets, body.triangles, sheet, rest_mm=body.rest_mm, at_rest=at_rest, pinned=between_parts(body)
            )
        except BadInput as nothing:
            refused = nothing
            continue
        gone = made.crumbs
        if take is not None and sheet is sheets[-1]:
            gone = np.union1d(take(made, made.carry(x), made.carry(body.rest_mm)), made.crumbs)
        places = [thing.points_mm if at_rest else thing.positions(x) for thing in table.carried]
        across = [thing.crossed(sheet, where, made.near) for thing, where in zip(table.carried, places, strict=True)]
        torn += [
            place
            for thing, hit in zip(table.carried, across, strict=True)
            if thing.kind != "other"
            for place in thing.tears(*hit)
        ]
        table = table.after(made, gone, [hit for hit, _ in across])
    if made is None:
        raise refused or BadInput("There is nothing to cut along")
    if table.floats:
        raise BadInput(
            "That would take away all that holds the organ: the rest would float away",
            remedy="Hold the part that stays first.",
        )
    removed = np.setdiff1d(gone, made.crumbs)
    margin, of = _margin(table.carried, torn, table.body, removed)
    severed = tuple(_severed(engine, place) for place in torn if _kind(table.carried, place.name) == "vessel")
    taken_mm3 = float(made.piece_mm3[gone].sum())
    _lay(engine, table)
    before = engine.history.margin_mm
    engine.note(
        taken_mm3=engine.history.taken_mm3 + taken_mm3,
        severed=(*engine.history.severed, *severed),
        margin_mm=before if margin is None else min(margin, np.inf if before is None else before),
    )
    now = pieces_of(table.body)
    return Opened(
        taken_mm3=taken_mm3,
        crumbs=len(made.crumbs),
        crumbs_mm3=float(made.piece_mm3[made.crumbs].sum()),
        parted_mm3=tuple(now.mm3[1:]) if len(now.mm3) > len(pieces_before.mm3) else (),
        loose=loose(now, table.held.values(), table.springs),
        enclosed=bool(len(removed)) and enclosed(made, removed),
        severed=severed,
        margin_mm=margin,
        margin_of=of,
        dihedral_deg=made.dihedral_deg,
    )


def _lay(engine: Engine, table: _Table) -> None:
    stepper = engine.stepper
    stepper.held, stepper.springs, stepper.links = table.held, table.springs, table.links
    stepper.adopt(table.body, table.x, table.v)
    engine.carried = tuple(table.carried)


def _kind(carried: Sequence[Carried], name: str) -> Kind:
    return next((thing.kind for thing in carried if thing.name == name), "other")


def _severed(engine: Engine, torn: Torn) -> Severed:
    branch, diameter = branch_at(engine, torn.name, np.array(torn.at_mm))
    closed = any(clip.surface == torn.name and clip.branch == branch for clip in engine.history.closed)
    return Severed(branch, torn.at_mm, torn.diameter_mm if diameter is None else diameter, closed)


def least_distance(thing: Carried, rest_mm: Points, faces: NDArray[np.int32]) -> float:
    """Least distance at rest (mm) between a surface inside and triangles, negative when these reach into it."""
    places = np.concatenate([rest_mm[np.unique(faces)], rest_mm[faces].mean(axis=1)])
    return float(NearestOnSurface(thing.points_mm, thing.triangles).distance(places).min())


def _margin(
    carried: Sequence[Carried], torn: Sequence[Torn], body: Body, removed: NDArray[np.integer]
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
