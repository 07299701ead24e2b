"""A ball pressed into a block in the rehearsal, against Hertz."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.rehearsal.engine import Engine
from organtwin_solvers.validation.block import block

from organtwin.model.rehearsal import Scene, Take
from organtwin.model.tissue_case import Material, Region
from organtwin.model.tool import Sphere

THICK, RADIUS, YOUNG, POISSON = 60.0, 20.0, 5000.0, 0.49


def graded(unit: np.ndarray) -> np.ndarray:
    """80 x 80 x 60 mm with its top at z = 0, finer towards the middle of the top."""
    side = 2 * unit[:, :2] - 1
    return np.column_stack([np.sign(side) * np.abs(side) ** 1.6 * 40, -((1 - unit[:, 2]) ** 1.6) * THICK])


def hertz(depth_mm: float) -> float:
    """Force on a ball (g mm/s^2), corrected for a layer bonded to its base (Dimitriadis et al., Biophys. J. 82, 2002)."""
    thin = np.sqrt(RADIUS * depth_mm) / THICK
    layer = 1 + 1.133 * thin + 1.283 * thin**2 + 0.769 * thin**3 + 0.0975 * thin**4
    return float(4 / 3 * YOUNG / (1 - POISSON**2) * np.sqrt(RADIUS) * depth_mm**1.5 * layer)


def test_a_ball_is_pressed_back_as_hertz_says() -> None:
    material = Material(young="5 kPa", poisson=POISSON)
    engine = Engine({"mesh": block((14, 14, 7), graded)}, Scene(fixed=(Region(boundary="z0"),), material=material))
    engine.do(Take(tool="ball", shape=Sphere(radius=f"{RADIUS} mm")))
    for depth in (1.0, 2.0):
        engine.move(np.array([0, 0, RADIUS - depth, 0, 0, -1.0, 0, -1.0, 0]))
        for _ in range(30):
            engine.step()
        engine.stepper.settle()
        assert engine.tool is not None
        assert engine.tool.force[2] == pytest.approx(hertz(depth), rel=0.1)
        assert np.abs(engine.tool.force[:2]).max() < 0.02 * engine.tool.force[2]
        assert abs(engine.tool.contact.clearance_mm(engine.stepper.x, engine.tool.felt)) < 0.1
