"""What must be known before a model's number is believed; every prediction leads to one."""

from __future__ import annotations

from organtwin.model import Frozen


class DataSheet(Frozen):
    """``verified_by`` names validation cases (``organtwin validate NAME``)."""

    purpose: str
    sources: tuple[str, ...]
    validity: str
    bias: str
    verified_by: tuple[str, ...] = ()
