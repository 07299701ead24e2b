"""Where things are: voxel grids in patient coordinates (DICOM LPS, millimetres)."""

from organtwin.space.grid import Grid, direction_letters

__all__ = ["Grid", "direction_letters"]
