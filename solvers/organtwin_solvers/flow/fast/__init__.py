"""The fast scheme: linear tetrahedra, compiled assembly, velocity and pressure together."""
