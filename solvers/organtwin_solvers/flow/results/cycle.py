"""What the wall feels over a whole cycle, and the mean pressure: sums over many moments, not over the few frames that are kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import SolveFailed
from organtwin.model import OrganMesh
from organtwin_solvers.flow.results.wall_shear import WallShear
from organtwin_solvers.flow.rheology import Rheology

Array = NDArray[np.float64]


class CycleSums:
    """Integrals of the wall's traction, and of pressure, over one cycle, sample by sample.

    TAWSS = 1/T int |tau| dt, OSI = 1/2 (1 - |int tau dt| / int |tau| dt) (Ku et al., Arteriosclerosis 5, 1985; He and Ku,
    J. Biomech. Eng. 118, 1996), RRT = 1 / ((1 - 2 OSI) TAWSS) (Himburg et al., Am. J. Physiol. 286, 2004). All are (n_points,)
    and 0 off the wall. To keep a checkpoint, store ``time_s``, ``samples``, ``vector``, ``magnitude`` and ``pressure``, and set them again.
    """

    def __init__(self, organ: OrganMesh, blood: Rheology, shear_of: WallShear | None = None) -> None:
        self._organ, self._blood, self._shear_of = organ, blood, shear_of
        size = len(organ.points_mm)
        self.vector, self.magnitude, self.time_s, self.samples = np.zeros((size, 3)), np.zeros(size), 0.0, 0
        self.pressure = np.zeros(size)

    def afresh(self) -> CycleSums:
        """Sums of nothing yet, on the same wall."""
        return CycleSums(self._organ, self._blood, self._shear_of)

    @property
    def shear_of(self) -> WallShear:
        """What turns velocities into tractions, made when first needed."""
        self._shear_of = self._shear_of or WallShear(self._organ, self._blood)
        return self._shear_of

    def add(self, time_s: float, dt_s: float, velocity: Array, pressure: Array) -> None:
        """The moment ``time_s``, which stands for ``dt_s``: velocities (n_points, 3), mm/s, and pressures (n_points,), Pa."""
        self.add_traction(time_s, dt_s, self.shear_of.traction(velocity))
        self.pressure += dt_s * pressure

    def add_traction(self, time_s: float, dt_s: float, traction: Array) -> None:
        """The moment ``time_s``, which stands for ``dt_s``: tractions (n_points, 3), Pa."""
        if dt_s <= 0.0 or not np.isfinite(traction).all():
            raise SolveFailed(f"The wall shear at t = {time_s:.4g} s is no number, or stands for no time")
        self.vector += dt_s * traction
        self.magnitude += dt_s * np.linalg.norm(traction, axis=1)
        self.time_s += dt_s
        self.samples += 1

    @property
    def tawss_pa(self) -> Array:
        """Time-averaged wall shear stress."""
        return self.magnitude / max(self.time_s, 1e-300)

    @property
    def pressure_pa(self) -> Array:
        """Mean pressure, in the reference of what was added."""
        return self.pressure / max(self.time_s, 1e-300)

    @property
    def osi(self) -> Array:
        """Oscillatory shear index, 0 to 0.5; 0 where there is no shear."""
        whole = np.linalg.norm(self.vector, axis=1)
        ratio = np.divide(whole, self.magnitude, out=np.ones_like(whole), where=self.magnitude > 0.0)
        return 0.5 * (1.0 - np.minimum(ratio, 1.0))

    @property
    def rrt_per_pa(self) -> Array:
        """Relative residence time: 1 / |mean traction|. 0 off the wall, infinite nowhere: at most 1e6."""
        mean = np.linalg.norm(self.vector, axis=1) / max(self.time_s, 1e-300)
        return np.divide(1.0, mean, out=np.where(self.magnitude > 0.0, 1e6, 0.0), where=mean > 1e-6)
