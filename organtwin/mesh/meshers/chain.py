"""Trying meshers in turn until one gives a sound mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import SolveFailed
from organtwin.mesh import child, quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.meshers import gmsh_program

Fill = Callable[
    [NDArray[np.float64], NDArray[np.int32], Callable[[], None], float], tuple[NDArray[np.float64], NDArray[np.int32]]
]


@dataclass(frozen=True)
class Mesher:
    """``keeps_surface``: its boundary is the surface it was given, triangle by triangle."""

    name: str
    fill: Fill
    timeout_s: float
    keeps_surface: bool = True


@dataclass(frozen=True)
class Tetrahedra:
    """Positive tetrahedra without unused points, who made them, and what the meshers before it failed of."""

    points: NDArray[np.float64]
    tets: NDArray[np.int32]
    mesher: str
    keeps_surface: bool
    failures: tuple[str, ...]


def _gmsh(algorithm: str) -> Fill:
    def fill(
        points: NDArray[np.float64], triangles: NDArray[np.int32], beat: Callable[[], None], timeout_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        return gmsh_program.tetrahedra(points, triangles, algorithm, beat, timeout_s)

    return fill


def _python(name: str) -> Fill:
    def fill(
        points: NDArray[np.float64], triangles: NDArray[np.int32], beat: Callable[[], None], timeout_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        made = child.call(
            f"organtwin.mesh.meshers.in_process:{name}", {"points": points, "triangles": triangles}, beat, timeout_s
        )
        return made["points"], made["tets"]

    return fill


MESHERS: tuple[Mesher, ...] = (
    Mesher("gmsh HXT", _gmsh("hxt"), 120.0),
    Mesher("gmsh Delaunay", _gmsh("delaunay"), 120.0),
    Mesher("netgen", _python("netgen"), 240.0),
    Mesher("fTetWild", _python("ftetwild"), 900.0, keeps_surface=False),
)


def fill(
    points: NDArray[np.float64],
    triangles: NDArray[np.int32],
    *,
    beat: Callable[[], None] = lambda: None,
    meshers: Sequence[Mesher] = MESHERS,
) -> Tetrahedra:
    """Tetrahedra inside a closed surface by the first mesher that succeeds.

    Raises
    ------
    SolveFailed
        When none does; the sentence names what each failed of.
    """
    failures: list[str] = []
    expected = tri.volume(points, triangles)
    for mesher in meshers:
        try:
            made, tets = mesher.fill(points, triangles, beat, mesher.timeout_s)
            _check(made, tets, points, triangles, mesher, expected)
        except child.ChildFailed as failure:
            failures.append(f"{mesher.name} {failure}")
            continue
        kept, numbered, _ = tri.compact(np.asarray(made, float), quality.oriented(made, tets))
        return Tetrahedra(kept, numbered, mesher.name, mesher.keeps_surface, tuple(failures))
    raise SolveFailed(
        "No mesher could fill the surface", where="; ".join(failures), remedy="Use a larger edge or more smoothing."
    )


def _check(
    made: NDArray[np.float64],
    tets: NDArray[np.int32],
    points: NDArray[np.float64],
    triangles: NDArray[np.int32],
    mesher: Mesher,
    expected: float,
) -> None:
    """Refuse a mesh that is empty, not finite, of another volume, or with another surface."""
    if len(tets) == 0:
        raise child.ChildFailed("made no tetrahedra")
    if not np.isfinite(made).all() or int(tets.max()) >= len(made) or int(tets.min()) < 0:
        raise child.ChildFailed("made tetrahedra without points")
    turned = quality.oriented(made, tets)
    volume = quality.volumes(made, turned)
    if volume.min() <= 0:
        raise child.ChildFailed("made flat tetrahedra")
    if abs(volume.sum() - expected) > (1e-6 if mesher.keeps_surface else 0.03) * expected:
        raise child.ChildFailed(f"filled {volume.sum():.6g} mm^3 of {expected:.6g}")
    if mesher.keeps_surface:
        if not np.allclose(made[: len(points)], points, atol=1e-9 + 1e-12 * np.abs(points).max()):
            raise child.ChildFailed("moved the surface")
        shell = np.sort(quality.boundary(turned), axis=1)
        if len(shell) != len(triangles) or set(map(tuple, shell.tolist())) != set(
            map(tuple, np.sort(triangles, axis=1).tolist())
        ):
            raise child.ChildFailed("changed the surface")
