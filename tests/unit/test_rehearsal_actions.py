"""What a surgeon does besides touching and cutting: hold, clip, burn, sew, drain. Each says what it did, or refuses."""

from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv
from organtwin_solvers.rehearsal.engine import Engine
from organtwin_solvers.validation.block import block

from organtwin.errors import BadInput
from organtwin.model import Centerline, Surface
from organtwin.model.centerline import Branch
from organtwin.model.rehearsal import Ablate, Clip, Drain, Fix, Scene, Settle, Suture
from organtwin.model.tissue_case import Material, Region
from organtwin.rehearsal.frame import BURNT

SCENE = Scene(material=Material(young="5 kPa", poisson=0.45), fixed=(Region(boundary="x0"),))
TOP = (45.0, 15.0, 20.0)


def surface(name: str, structure: str, mesh: pv.PolyData) -> Surface:
    return Surface(
        name=name,
        structure=structure,
        points_mm=np.asarray(mesh.points, float),
        triangles=mesh.regular_faces.astype(np.int32),
    )


def ball(centre: tuple[float, float, float], radius: float) -> pv.PolyData:
    return pv.Icosphere(radius=radius, center=centre, nsub=3)


def pipe() -> pv.PolyData:
    """A vessel of 2.5 mm radius along x, through the middle of the block."""
    angle, along = np.meshgrid(np.linspace(0, 2 * np.pi, 24, endpoint=False), np.linspace(2, 48, 60))
    points = np.stack([along, 15 + 2.5 * np.cos(angle), 10 + 2.5 * np.sin(angle)], axis=-1).reshape(-1, 3)
    row, turn = np.meshgrid(np.arange(59), np.arange(24), indexing="ij")
    a, b = 24 * row + turn, 24 * row + (turn + 1) % 24
    quads = np.stack([a, b, b + 24, a + 24], axis=-1).reshape(-1, 4)
    return pv.PolyData.from_regular_faces(points, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))


@pytest.fixture(scope="module")
def table() -> Engine:
    line = np.stack([np.linspace(2, 48, 24), np.full(24, 15.0), np.full(24, 10.0)], axis=1)
    tree = Centerline(
        name="Portal vein, tree",
        segmentation="s",
        structure="portal_vein",
        inlet="",
        branches=(
            Branch(name="trunk", parent=-1, cap="", first=0, last=11),
            Branch(name="left branch", parent=0, cap="", first=11, last=23),
        ),
        points_mm=line,
        distance_mm=line[:, 0],
        radius_mm=np.full(24, 2.5),
        area_mm2=np.full(24, 19.6),
    )
    return Engine(
        {
            "mesh": block((15, 9, 6), (50.0, 30.0, 20.0)),
            "inside-1": surface("Tumour", "tumour", ball((38.0, 15.0, 10.0), 7.0)),
            "inside-2": surface("Portal vein", "portal_vein", pipe()),
            "tree-1": tree,
        },
        SCENE,
    )


@pytest.fixture
def engine(table: Engine) -> Engine:
    start = table.snapshot()
    yield table
    table.restore(start)


def test_a_pin_holds_what_is_there_and_is_freed_again(engine: Engine) -> None:
    assert "Held" in engine.do(Fix(at_mm=TOP))
    assert "pin 1" in engine.stepper.held
    with pytest.raises(BadInput, match="held already"):
        engine.do(Fix(at_mm=TOP))
    assert engine.do(Fix(at_mm=TOP, free=True)) == "Freed."
    assert list(engine.stepper.held) == ["fixed 1"]


def test_the_last_thing_that_holds_the_organ_is_not_freed(engine: Engine) -> None:
    with pytest.raises(BadInput, match="float away"):
        engine.do(Fix(at_mm=(0.0, 15.0, 20.0), free=True))
    assert "fixed 1" in engine.stepper.held


def test_a_place_far_from_the_organ_is_refused(engine: Engine) -> None:
    with pytest.raises(BadInput, match="mm from the organ"):
        engine.do(Fix(at_mm=(300.0, 0.0, 0.0)))
    with pytest.raises(BadInput, match="finite"):
        engine.do(Fix(at_mm=(float("nan"), 0.0, 0.0)))


def test_a_clip_closes_the_vessel_it_is_put_on_and_names_the_branch(engine: Engine) -> None:
    assert engine.do(Clip(at_mm=(14.0, 15.0, 12.5))) == "Clipped: trunk."
    there = engine.frame().carried_mm["Portal vein"]
    at_clip = np.abs(there[:, 0] - 14.0) < 1.0
    away = np.abs(there[:, 0] - 35.0) < 1.0
    radius = np.linalg.norm(there[:, 1:] - (15.0, 10.0), axis=1)
    assert radius[at_clip].max() < 1.0
    assert radius[away].min() > 2.2
    assert engine.frame().measures.vessels_clipped == ("trunk",)


def test_a_clip_where_no_vessel_is_says_how_far_the_nearest_is(engine: Engine) -> None:
    with pytest.raises(BadInput, match="mm away"):
        engine.do(Clip(at_mm=(25.0, 60.0, 10.0)))


def test_an_ablation_burns_the_volume_of_its_ellipsoid_and_says_what_of_the_tumour_it_covers(engine: Engine) -> None:
    said = engine.do(Ablate(tip_mm=(38.0, 15.0, 10.0), axis=(0.0, 0.0, -1.0), along="9 mm", across="9 mm"))
    wanted = 4 / 3 * np.pi * 9**3
    assert engine.history.burnt_mm3 == pytest.approx(wanted, rel=0.1)
    assert "100 % of the surface of Tumour" in said
    assert (engine.body.kinds == BURNT).sum() == 0  # it lies inside
    burnt = engine.body.part == 1
    assert engine.body.materials[1].shear_pa == pytest.approx(7 * engine.body.materials[0].shear_pa)
    assert engine.body.volume_mm3[burnt].sum() == pytest.approx(engine.history.burnt_mm3)


def test_an_ablation_outside_burns_nothing_and_says_so(engine: Engine) -> None:
    with pytest.raises(BadInput, match="burns no tissue"):
        engine.do(Ablate(tip_mm=(200.0, 0.0, 0.0), axis=(1.0, 0.0, 0.0)))


def test_a_suture_draws_two_places_together(engine: Engine) -> None:
    a, b = (40.0, 0.0, 20.0), (40.0, 30.0, 20.0)
    engine.do(Suture(from_mm=a, to_mm=b))
    engine.do(Settle())
    link = engine.stepper.links[0]
    x = engine.stepper.x
    gap = np.linalg.norm(link.weights_a @ x[link.nodes_a] - link.weights_b @ x[link.nodes_b])
    assert gap < 25.0


def test_a_suture_from_a_place_to_itself_is_refused(engine: Engine) -> None:
    with pytest.raises(BadInput, match="are one"):
        engine.do(Suture(from_mm=TOP, to_mm=TOP))


def test_a_drained_tumour_shrinks_and_the_tissue_follows(engine: Engine) -> None:
    said = engine.do(Drain(inside="Tumour", keep=0.3))
    engine.do(Settle())
    assert "Drained" in said
    there = pv.PolyData.from_regular_faces(engine.frame().carried_mm["Tumour"], engine.carried[0].triangles)
    assert there.volume < 0.6 * ball((38.0, 15.0, 10.0), 7.0).volume
    assert np.isfinite(engine.stepper.x).all()
    assert engine.body.volume_mm3.sum() < engine.history.volume_mm3


@pytest.mark.parametrize("inside", ["Portal vein", "Cyst"])
def test_what_cannot_be_drained_is_refused_with_what_can(engine: Engine, inside: str) -> None:
    with pytest.raises(BadInput, match=r"cannot be drained.*Tumour"):
        engine.do(Drain(inside=inside))


def test_a_refused_action_leaves_the_engine_as_it_was(engine: Engine) -> None:
    before = engine.digest()
    with pytest.raises(BadInput):
        engine.do(Drain(inside="Cyst"))
    assert engine.digest() == before
    assert engine.history.steps == 0


def test_warming_up_touches_the_tissue_and_leaves_nothing_behind() -> None:
    engine = Engine({"mesh": block((5, 3, 2), (50.0, 30.0, 20.0))}, SCENE)
    twin = Engine({"mesh": block((5, 3, 2), (50.0, 30.0, 20.0))}, SCENE)
    engine.warm()
    assert engine.digest() == twin.digest()
    assert (engine.tool, engine.tick, engine.history) == (None, 0, twin.history)
    assert len(engine.stepper.loads) == len(twin.stepper.loads)
    for one in (engine, twin):
        one.do(Fix(at_mm=TOP, radius="4 mm"))
        one.step()
    assert engine.digest() == twin.digest()
