"""Blood that thins, in a straight round pipe: against the exact profile, pressure gradient and wall shear.

In steady developed flow the shear stress is G r / 2 whatever the law, so the shear rate g at a radius solves
mu(g) g = G r / 2, and the flow is pi times the integral of r^2 g (Bird, Armstrong and Hassager, 1987).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from organtwin_solvers.flow.rheology import Rheology, rheology
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import pipe, toward_wall
from scipy.integrate import cumulative_simpson
from scipy.optimize import brentq

from organtwin.model import FlowCase
from organtwin.model.flow_case import Blood

RADIUS, LENGTH = 1.0, 12.0
BLOOD = Blood(law="carreau-yasuda")


@dataclass(frozen=True)
class Exact:
    """Radii (n,) mm from the axis to the wall, velocity (n,) mm/s there, and the gradient G, Pa/mm."""

    r: np.ndarray
    velocity: np.ndarray
    gradient: float

    @property
    def shear(self) -> float:
        return 0.5 * self.gradient * float(self.r[-1])


def shear_rates(law: Rheology, stress: np.ndarray) -> np.ndarray:
    def rate(tau: float) -> float:
        return brentq(lambda g: law.viscosity(np.array(g)) * g - tau, 0.0, tau / law.at_infinite + 1e-9, xtol=1e-12)

    return np.array([rate(tau) for tau in stress])


def exact(flow: float) -> Exact:
    law, r = rheology(BLOOD), np.linspace(0.0, RADIUS, 401)

    def rates(gradient: float) -> np.ndarray:
        return shear_rates(law, 0.5 * gradient * r)

    def carried(gradient: float) -> float:
        return float(np.pi * cumulative_simpson(r**2 * rates(gradient), x=r)[-1])

    newtonian = 8.0 * flow / (np.pi * RADIUS**4)
    gradient = brentq(lambda g: carried(g) - flow, newtonian * law.at_infinite, newtonian * law.at_rest, rtol=1e-9)
    fallen = cumulative_simpson(rates(gradient), x=r, initial=0.0)
    return Exact(r, fallen[-1] - fallen, gradient)


@dataclass(frozen=True)
class Computed:
    """Errors of the profile and of the wall's shear where the flow is developed, relative to their greatest; and G."""

    profile: float
    gradient: float
    shear: float


def round_pipe(rings: int) -> Callable[[np.ndarray], np.ndarray]:
    """Cells closer at the wall; and points as far out as gives the polygon the area of the circle."""
    closer, sector = toward_wall(RADIUS, 2.0), np.pi / (3.0 * rings)
    reach = np.sqrt(sector / np.sin(sector))
    return lambda points: closer(points) * [reach, reach, 1.0]


def computed(flow: float, rings: int) -> tuple[Computed, Exact]:
    reference = exact(flow)
    organ = pipe(RADIUS, LENGTH, rings, 3 * rings, shape=round_pipe(rings))
    case = FlowCase(
        blood=BLOOD, inlets=({"cap": "inlet", "flow": f"{flow} mm^3/s"},), numerics={"tolerance": 1e-4}
    )  # fmt: skip
    fields = solve(organ, case).fields
    x, y, z = organ.points_mm.T
    developed = (z > 0.5 * LENGTH) & (z < 0.85 * LENGTH)
    r = np.hypot(x, y)
    velocity = fields["velocity_mm_per_s"][0, :, 2]
    off = velocity[developed] - np.interp(r[developed], reference.r, reference.velocity)
    pressure = fields["pressure_pa"][0]
    gradient = -np.polyfit(z[developed], pressure[developed], 1)[0]
    on_wall = np.zeros(len(r), bool)
    on_wall[np.unique(organ.boundary("wall"))] = True
    shear = fields["wall_shear_pa"][0, developed & on_wall].mean()
    found = Computed(float(np.sqrt(np.mean(off**2)) / reference.velocity[0]), float(gradient), float(shear))
    return found, reference


@pytest.mark.parametrize("flow", [10.0, 250.0])
def test_the_exact_profile_is_the_parabola_where_the_law_is_newtonian(monkeypatch, flow):
    monkeypatch.setitem(globals(), "BLOOD", BLOOD.model_copy(update={"viscosity_at_rest": "3.5000001 mPa*s"}))
    found = exact(flow)
    parabola = 2.0 * flow / (np.pi * RADIUS**2) * (1.0 - (found.r / RADIUS) ** 2)
    np.testing.assert_allclose(found.velocity, parabola, atol=1e-5 * parabola[0])


@pytest.mark.parametrize(("flow", "apparent"), [(10.0, 2.2), (250.0, 1.2)])
def test_blood_that_thins_has_the_exact_profile_gradient_and_wall_shear(flow, apparent):
    """At shear rates of about 10 and 300 1/s at the wall: ``apparent`` viscosities that much above the infinite one."""
    found, reference = computed(flow, rings=6)
    newtonian = 8.0 * 3.5e-3 * flow / (np.pi * RADIUS**4)
    coarse, _ = computed(flow, rings=3)
    assert reference.gradient / newtonian > apparent
    assert found.profile < min(0.012, coarse.profile / 3.0)
    assert found.gradient == pytest.approx(reference.gradient, rel=0.01)
    assert found.shear == pytest.approx(reference.shear, rel=0.015)
