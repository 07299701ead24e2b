"""Tissue: quasi-static hyperelastic deformation of organ meshes."""
