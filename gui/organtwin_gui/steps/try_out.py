"""Try out."""

from __future__ import annotations

from organtwin_gui.steps.step import Step


class TryOutStep(Step):
    name = "Try out"
    icon = "try_out"
    purpose = "Try treatments on the twin before one is chosen."

    def build(self) -> None:
        pass

    def refresh(self) -> None:
        pass
