"""Flow extensions: straight, round at their ends, joined without gaps, and usable by the solver."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.flow.setup.preflight import check
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.model import FlowCase
from organtwin.operations.registry import find


def extended(organ, **parameters):
    (made,) = find("extend")({"mesh": organ}, parameters)
    return made


def sound(organ):
    assert quality.volumes(np.asarray(organ.points_mm), np.asarray(organ.tets)).min() > 0
    assert tri.is_closed(np.asarray(organ.boundary_triangles))


@pytest.fixture(scope="module")
def fork():
    return tee(6.0, 6.0, 6.0, cells=6)


def test_openings_keep_their_names_and_move_out_by_their_diameters(fork):
    made = extended(fork, diameters=3.0, at={"left": 1.0})
    sound(made)
    assert [c.name for c in made.caps] == [c.name for c in fork.caps]
    for before, after in zip(fork.caps, made.caps, strict=True):
        apart = np.asarray(after.centre_mm) - np.asarray(before.centre_mm)
        length = 2 * before.radius_mm * (1.0 if before.name == "left" else 3.0)
        assert apart == pytest.approx(length * np.asarray(before.normal), abs=0.05 * length)
        own = np.asarray(made.points_mm)[np.unique(made.boundary(after.name))]
        assert np.abs((own - after.centre_mm) @ np.asarray(after.normal)).max() < 1e-9
        assert after.area_mm2 == pytest.approx(before.area_mm2, rel=0.02)


def test_cells_of_the_vessel_stay_as_they_are(fork):
    made = extended(fork, diameters=2.0)
    assert np.array_equal(np.asarray(made.tets)[: len(fork.tets)], fork.tets)
    assert np.array_equal(np.asarray(made.points_mm)[: len(fork.points_mm)], fork.points_mm)
    gained = sum(c.area_mm2 * 2 * c.radius_mm * 2.0 for c in fork.caps)
    assert made.report["extension_mm3"] == pytest.approx(gained, rel=0.03)


def test_a_flat_opening_becomes_a_circle():
    organ = pipe(3.0, 12.0, 4, 6)
    squeezed = organ.with_(
        points_mm=np.asarray(organ.points_mm) * [1.0, 0.6, 1.0],
        caps=tuple(
            c.model_copy(update={"area_mm2": 0.6 * c.area_mm2, "radius_mm": np.sqrt(0.6) * c.radius_mm,
                                 "centre_mm": tuple(np.asarray(c.centre_mm) * [1.0, 0.6, 1.0])})
            for c in organ.caps
        ),
    )  # fmt: skip
    made = extended(squeezed, diameters=3.0)
    sound(made)
    for cap in made.caps:
        triangles = made.boundary(cap.name)
        edges = tri.directed_edges(triangles)
        keys = tri.edge_keys(edges, len(made.points_mm))
        _, at, times = np.unique(keys, return_index=True, return_counts=True)
        rim = np.asarray(made.points_mm)[np.unique(edges[at[times == 1]])] - cap.centre_mm
        away = np.linalg.norm(rim, axis=1)
        assert away.std() / away.mean() < 0.02


def test_the_flow_solver_takes_it(fork):
    case = FlowCase.model_validate({"inlets": [{"cap": "inlet", "flow": "3 mL/s"}], "targets": {}})
    assert not [f for f in check(case, extended(fork, diameters=2.0)) if f.level == "error"]


def test_a_tube_that_would_run_into_the_vessel_is_refused_with_how_long_it_may_be(fork):
    inward = fork.with_(
        caps=tuple(
            c.model_copy(update={"normal": tuple(-np.asarray(c.normal))}) if c.name == "inlet" else c for c in fork.caps
        )
    )
    with pytest.raises(BadInput, match="would run into"):
        extended(inward, diameters=3.0)


def test_an_unknown_opening_is_named_with_those_there_are(fork):
    with pytest.raises(BadInput, match="no opening 'outlt'"):
        extended(fork, at={"outlt": 2.0})
