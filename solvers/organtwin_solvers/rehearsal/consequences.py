"""What a cut did, as the second half of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from organtwin_solvers.rehearsal.history import Severed
from organtwin_solvers.rehearsal.opening import Opened

if TYPE_CHECKING:
    from organtwin_solvers.rehearsal.engine import Engine

NAMED = 4  # vessels in a sentence


def consequences(done: Opened) -> str:
    """What to say after "Incised 40 mm": margin, vessels, pieces, crumbs; each begins with a semicolon."""
    said = []
    if done.margin_mm is not None:
        said.append(
            f"the cut goes through {done.margin_of}"
            if done.margin_mm <= 0
            else f"margin to {done.margin_of} {done.margin_mm:.1f} mm"
        )
    if done.severed:
        said.append(f"cut: {_named(done.severed)}")
    if done.enclosed:
        said.append("it lies all inside: no way leads out, and a hollow is left")
    if done.parted_mm3:
        said.append(f"parted: {' and '.join(f'{v / 1e3:.1f} mL' for v in done.parted_mm3)}")
    if done.loose:
        said.append("a piece is held by nothing" if done.loose == 1 else f"{done.loose} pieces are held by nothing")
    if done.crumbs:
        said.append(
            f"{'a crumb' if done.crumbs == 1 else f'{done.crumbs} crumbs'} of {done.crumbs_mm3 / 1e3:.2f} mL went"
        )
    return "".join(f"; {part}" for part in said)


def _named(severed: Sequence[Severed]) -> str:
    """The widest vessels by name, each once."""
    widest = {s.branch: s for s in sorted(severed, key=lambda s: s.diameter_mm)}  # the last of a name stays
    ordered = sorted(widest.values(), key=lambda s: -s.diameter_mm)
    shown = [f"{s.branch} ({s.diameter_mm:.0f} mm{', clipped' if s.clipped else ''})" for s in ordered[:NAMED]]
    more = [f"{len(ordered) - NAMED} narrower"] if len(ordered) > NAMED else []
    return ", ".join([*shown, *more])


def took(engine: Engine, done: Opened) -> str:
    """How much was taken, of all that there was."""
    return f"Took {done.taken_mm3 / 1e3:.0f} mL away ({100 * done.taken_mm3 / engine.history.volume_mm3:.0f} %)"
