"""Tetrahedra inside a closed surface: four meshers, each behind the same function, and the chain that tries them in turn."""

from organtwin.mesh.meshers.chain import MESHERS, Mesher, Tetrahedra, fill

__all__ = ["MESHERS", "Mesher", "Tetrahedra", "fill"]
