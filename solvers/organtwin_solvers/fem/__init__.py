"""What flow and tissue share: DOLFINx in the right import order, and an OrganMesh as a DOLFINx mesh.

Importing this package imports nothing heavy; :mod:`organtwin_solvers.fem.backend` does.
"""
