"""Real cuts through tetrahedra: along a plane, a drawn curve, a blade's way, a margin, or any triangle surface."""

from organtwin.mesh.cutting.cut import Cut, crossings, cut
from organtwin.mesh.cutting.sheets import Flat, Offset, Sheet, Swept, Triangulated, blade

__all__ = ["Cut", "Flat", "Offset", "Sheet", "Swept", "Triangulated", "blade", "crossings", "cut"]
