"""The two ways something ends early: bad input, said in one sentence, and a cancelled job."""

from __future__ import annotations


class OrganTwinError(Exception):
    """A failure that a person reads: one sentence, no traceback.

    Parameters
    ----------
    what : str
        What is wrong, as a sentence.
    where : str, optional
        File, slice, triangle or face it was found at.
    remedy : str, optional
        What to do about it.

    Attributes
    ----------
    places_mm : tuple of (x, y, z)
        LPS points that a view can show, for example the middles of failing triangles.
    """

    exit_code = 4
    places_mm: tuple[tuple[float, float, float], ...] = ()

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The message in full: what, where and what to do."""
        place = f" ({self.where})" if self.where else ""
        advice = f" {self.remedy}" if self.remedy else ""
        return f"{self.what.rstrip('.')}{place}.{advice}"


class BadInput(OrganTwinError):
    """The input cannot be used; nothing was changed."""

    exit_code = 3


class SolveFailed(OrganTwinError):
    """A computation did not converge or lost its accuracy."""

    exit_code = 4


class Cancelled(OrganTwinError):
    """The user asked to stop."""

    exit_code = 5

    def __init__(self) -> None:
        super().__init__("Cancelled")
