"""Vessels as trees: centrelines with radii, their ends, and the names of the openings."""
