"""Tools in a rehearsal: what they press, hold and leave standing; however they are moved, the tissue stays whole."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.rehearsal.engine import Engine
from organtwin_solvers.rehearsal.tools import between, carried
from organtwin_solvers.validation.block import block

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Close, Incise, Lay, Open, Scene, Take
from organtwin.model.tissue_case import Region
from organtwin.model.tool import Sphere
from organtwin.rehearsal.frame import CUT

SIZE = np.array([30.0, 30.0, 15.0])


def engine(
    cells: tuple[int, int, int] = (5, 5, 3), size: np.ndarray = SIZE, fixed: tuple[str, ...] = ("z0",)
) -> Engine:
    scene = Scene(fixed=tuple(Region(boundary=name) for name in fixed))
    return Engine({"mesh": block(cells, tuple(size))}, scene)


def at(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z, 0, 0, -1.0, 0, -1.0, 0])


def bring(e: Engine, *places: tuple[float, float, float], ticks: int = 1) -> str:
    """Move the tool to places one after another; what came up on the way."""
    said = []
    for place in places:
        e.move(at(*place))
        said += [e.step() for _ in range(ticks)]
    return "".join(said)


def inverted(e: Engine) -> int:
    corners = e.stepper.x[e.body.tets]
    a, b, c = (corners[:, k] - corners[:, 0] for k in (1, 2, 3))
    return int((np.einsum("ij,ij->i", a, np.cross(b, c)) <= 0).sum())


def test_a_press_is_felt_and_gone_when_the_tool_is_away() -> None:
    e = engine()
    e.do(Take(tool="ball", shape=Sphere(radius="6 mm")))
    bring(e, (15, 15, 24), *[(15, 15, 21 - 0.3 * k) for k in range(10)])
    bring(e, (15, 15, 18), ticks=60)
    assert e.tool is not None
    assert 0.05 < e.tool.force_n < 1
    assert e.tool.force[2] > 0.99 * np.linalg.norm(e.tool.force)
    assert e.tool.contact.clearance_mm(e.stepper.x, e.tool.felt) > -0.2
    bring(e, (15, 15, 60), ticks=120)
    assert e.tool.force_n == 0
    assert np.abs(e.stepper.x - e.body.rest_mm).max() < 0.02


@pytest.mark.parametrize("tool", ["probe", "retractor", "ball"])
@pytest.mark.parametrize("mm_per_s", [300, 3000])
def test_a_tool_flicked_at_a_thin_sheet_never_gets_behind_it(tool: str, mm_per_s: float) -> None:
    size = np.array([30.0, 30.0, 3.0])
    e = engine((6, 6, 1), size, ("x0", "x1", "y0", "y1"))
    e.do(Take(tool=tool))
    for tick in range(30):
        bring(e, (15.4, 15.3, max(20 - tick * mm_per_s / 60, -20.0)))
    assert e.tool is not None
    assert e.tool.felt is not None
    assert e.tool.felt[2] < -5
    middle = np.abs(e.body.rest_mm[:, :2] - 15).max(axis=1) < 4
    assert e.stepper.x[middle, 2].max() < e.tool.felt[2] + 1  # the sheet goes before the tool
    for tick in range(60):
        bring(e, (15.4, 15.3, min(-20 + tick * mm_per_s / 60, 30.0)))
    bring(e, (15.4, 15.3, 30.0), ticks=60)
    assert np.abs(e.stepper.x - e.body.rest_mm).max() < 0.1


def test_a_tool_lags_behind_the_hand_and_catches_up() -> None:
    e = engine()
    e.do(Take(tool="probe"))
    bring(e, (15, 15, 20), (15, 15, 12))
    assert e.tool is not None
    assert e.tool.felt[2] > 12.5
    bring(e, (15, 15, 12), ticks=40)
    assert e.tool.felt[2] == pytest.approx(12)


def test_a_tool_that_starts_inside_says_so_and_touches_nothing_until_it_is_out() -> None:
    e = engine()
    e.do(Take(tool="probe"))
    said = bring(e, (15, 15, 4), ticks=5)
    assert said.count("inside the organ") == 1
    assert said.endswith(".")
    assert e.tool is not None
    assert e.tool.force_n == 0
    assert np.abs(e.stepper.x - e.body.rest_mm).max() < 1e-9
    bring(e, (15, 15, 18), (15, 15, 13), ticks=10)
    assert e.tool.force_n > 0


def test_a_pose_that_is_none_is_left_unheard() -> None:
    e = engine()
    e.do(Take(tool="probe"))
    bring(e, (15, 15, 20))
    e.move(np.full(9, np.nan))
    e.step()
    e.move(np.array([0, 0, 0, 0, 0, 1.0, 0, 0, 1.0]))
    e.step()
    assert e.tool is not None
    assert np.array_equal(e.tool.felt, at(15, 15, 20))


def test_a_grasper_pulls_with_what_it_holds_and_lets_go() -> None:
    e = engine()
    with pytest.raises(BadInput, match="no grasper"):
        e.do(Close())
    e.do(Take(tool="grasper"))
    bring(e, (15, 15, 30))
    with pytest.raises(BadInput, match="Nothing is within"):
        e.do(Close())
    with pytest.raises(BadInput, match="hold nothing"):
        e.do(Open())
    bring(e, (15, 15, 15.2))
    assert "hold" in e.do(Close())
    with pytest.raises(BadInput, match="closed already"):
        e.do(Close())
    with pytest.raises(BadInput, match="cannot be left"):
        e.do(Lay(leave=True))
    bring(e, *[(15, 15, 15.2 + 0.2 * k) for k in range(20)])
    bring(e, (15, 15, 19.2), ticks=60)
    assert e.tool is not None
    assert e.tool.force[2] < -1e4  # it is drawn back
    assert e.stepper.x[:, 2].max() == pytest.approx(19, abs=0.3)
    e.do(Open())
    bring(e, (15, 15, 40), ticks=120)
    assert np.abs(e.stepper.x - e.body.rest_mm).max() < 0.05


def test_tissue_that_is_torn_at_slips_out_of_the_jaws() -> None:
    e = engine()
    e.do(Take(tool="grasper"))
    bring(e, (15, 15, 15.2))
    e.do(Close())
    turned = np.array([15, 15, 15.2, 0, 0, 1.0, 1.0, 0, 0])
    for tick in range(200):
        e.move(turned if tick % 20 < 10 else at(15, 15, 100))
        e.step()
        assert np.isfinite(e.stepper.x).all()
    assert e.stepper.x[:, 2].max() < 100
    assert e.tool is not None
    assert e.tool.force_n < 40


def test_a_retractor_stays_where_it_is_left_and_the_next_tool_is_free() -> None:
    e = engine()
    e.do(Take(tool="retractor"))
    bring(e, (15, 15, 20), (15, 15, 12), ticks=120)
    assert e.do(Lay(leave=True)).startswith("The retractor is left standing")
    dent = e.stepper.x.copy()
    e.do(Take(tool="probe"))
    bring(e, (100, 100, 100), ticks=10)
    assert np.abs(e.stepper.x - dent).max() < 0.1
    assert np.abs(dent - e.body.rest_mm).max() > 2
    e.do(Lay())
    with pytest.raises(BadInput, match="no tool in hand"):
        e.do(Lay())


def test_what_was_felt_comes_back_with_a_snapshot_and_goes_on_with_the_same_bytes() -> None:
    e = engine()
    e.do(Take(tool="probe"))
    bring(e, (15, 15, 20), *[(15 + 0.1 * k, 15, 15 - 0.3 * k) for k in range(12)])
    before, felt = e.snapshot(), e.tool.force.copy()

    def go_on() -> str:
        bring(e, *[(16 - 0.2 * k, 15, 11 + 0.1 * k) for k in range(12)])
        return e.digest()

    first = go_on()
    e.restore(before)
    e.frame()
    assert np.array_equal(e.tool.force, felt)
    assert go_on() == first


def test_the_two_sides_of_an_incision_do_not_pass_through_each_other() -> None:
    e = engine((8, 8, 5), np.array([40.0, 40.0, 25.0]))
    e.do(Incise(path_mm=((-2, 20.3, 25), (20, 20.3, 25), (42, 20.3, 25)), depth="15 mm", direction=(0, 0, -1)))
    cut = e.body.triangles[e.body.kinds == CUT]
    a, b, c = (e.body.rest_mm[cut[:, k]] for k in range(3))
    facing = np.cross(b - a, c - a)[:, 1]
    near, far = np.unique(cut[facing > 0]), np.unique(cut[facing < 0])
    e.do(Take(tool="ball", shape=Sphere(radius="8 mm")))
    for tick in range(60):
        e.move(np.array([20, min(-14 + 0.4 * tick, 0), 20, 0, 1.0, 0, 0, 0, 1.0]))
        e.step()
    gaps = []
    for node in near:  # to the point across that is nearest as seen along the press
        beside = np.abs(e.stepper.x[far][:, [0, 2]] - e.stepper.x[node, [0, 2]]).sum(axis=1)
        gaps.append(e.stepper.x[far[beside.argmin()], 1] - e.stepper.x[node, 1])
    assert np.abs(e.stepper.x[near] - e.body.rest_mm[near]).max() > 1
    assert min(gaps) > -0.3
    before = e.digest()
    e.restore(e.snapshot())
    assert e.digest() == before


def test_poses_turn_evenly_and_take_points_with_them() -> None:
    start, end = np.array([0, 0, 0, 0, 0, -1.0, 0, -1.0, 0]), np.array([2, 0, 0, 1.0, 0, 0, 0, -1.0, 0])
    middle = between(start, end, 0.5)
    assert middle[:3] == pytest.approx([1, 0, 0])
    assert middle[3:6] == pytest.approx([0.5**0.5, 0, -(0.5**0.5)])
    assert between(start, np.array([0, 0, 0, 0, 0, 1.0, 0, -1.0, 0]), 0.5)[5] == pytest.approx(0, abs=1e-12)
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert carried(carried(points, start, end), end, start) == pytest.approx(points)


def random_motions(e: Engine, motions: int, seed: int) -> None:
    """Tools of every kind thrown about, closed and opened; every state must be finite."""
    rng, kinds = np.random.default_rng(seed), ("probe", "grasper", "retractor", "ball")
    e.do(Take(tool="probe"))
    pose = at(15, 15, 40)
    for _ in range(motions):
        chance = rng.random()
        try:
            if chance < 0.02:
                e.do(Take(tool=kinds[rng.integers(4)]))
            elif chance < 0.05:
                e.do(Close(reach="8 mm"))
            elif chance < 0.07:
                e.do(Open())
        except BadInput:
            pass
        if rng.random() < 0.5:
            pose = np.concatenate([rng.uniform(-0.3, 1.3, 3) * SIZE, rng.normal(size=6)])
        else:
            pose = pose + np.concatenate([rng.normal(size=3) * 3, rng.normal(size=6) * 0.1])
        e.move(pose)
        e.step()
        assert np.isfinite(e.stepper.x).all()
        assert np.isfinite(e.stepper.v).all()
    e.do(Lay())
    for _ in range(240):
        e.step()


@pytest.mark.parametrize(
    ("motions", "seed"), [(200, 1), (200, 2), pytest.param(10_000, 3, marks=pytest.mark.slow)], ids=str
)
def test_however_a_tool_is_moved_the_tissue_is_finite_and_comes_back_whole(motions: int, seed: int) -> None:
    e = engine()
    random_motions(e, motions, seed)
    assert inverted(e) == 0
    assert np.abs(e.stepper.x - e.body.rest_mm).max() < 0.5 * SIZE.max()  # jaws may leave it twisted, but not torn out


def test_the_same_motions_give_the_same_bytes() -> None:
    digests = []
    for _ in range(2):
        e = engine()
        random_motions(e, 60, 7)
        digests.append(e.digest())
    assert digests[0] == digests[1]
