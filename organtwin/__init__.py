"""The twin: images, segments, meshes, cases and results of one patient. No Qt, no finite elements."""

__version__ = "0.1.0"
