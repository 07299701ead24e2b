"""Readings out of files: FHIR, Apple Health, Fitbit, Garmin, Google, glucose meters and sensors, and plain tables.

:func:`read_observations` is the one door. A format is a file here and a line in ``formats.py``.
"""

from organtwin.io.observations.read import read_observations

__all__ = ["read_observations"]
