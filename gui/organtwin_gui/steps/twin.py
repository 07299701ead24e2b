"""Twin."""

from __future__ import annotations

from organtwin_gui.steps.step import Step


class TwinStep(Step):
    name = "Twin"
    icon = "twin"
    purpose = "Fit models of the body to the readings, and see what is to be expected."

    def build(self) -> None:
        pass

    def refresh(self) -> None:
        pass
