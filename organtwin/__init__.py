"""The twin: images, segments, meshes, cases and results of one patient. No Qt, no finite elements.

For scripts and notebooks: ``from organtwin.script import Twin``.
"""

__version__ = "0.1.0"
