"""What a surgeon or a cardiologist does to a vessel, done to its mesh; only what must be is meshed anew."""

from organtwin.mesh.procedures.perform import perform

__all__ = ["perform"]
