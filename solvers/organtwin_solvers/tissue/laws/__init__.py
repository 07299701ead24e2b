"""The laws by name. A new law is one file with its strain energy, and one line here."""

from __future__ import annotations

from organtwin.errors import BadInput
from organtwin_solvers.tissue.laws import (
    guccione,
    holzapfel_ogden,
    linear,
    mooney_rivlin,
    neo_hookean,
    ogden,
    veronda_westmann,
    yeoh,
)
from organtwin_solvers.tissue.laws.base import Law, Parameter

LAWS: dict[str, Law] = {
    module.LAW.name: module.LAW
    for module in (
        neo_hookean,
        mooney_rivlin,
        yeoh,
        ogden,
        veronda_westmann,
        guccione,
        holzapfel_ogden,
        linear,
    )
}


def law(name: str) -> Law:
    """The law of that name.

    Raises
    ------
    BadInput
        When there is none.
    """
    try:
        return LAWS[name]
    except KeyError:
        raise BadInput(f"There is no material law '{name}'", remedy=f"There are: {', '.join(LAWS)}.") from None


__all__ = ["LAWS", "Law", "Parameter", "law"]
