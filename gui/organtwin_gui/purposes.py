"""A choice of what data may be used for."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtWidgets import QComboBox

from organtwin.errors import BadInput
from organtwin.privacy.consent import policy


def purposes(nothing: str) -> QComboBox:
    """The purposes of the policy; before them ``nothing``, which stands for none (as the data of each: its key, or "")."""
    box = QComboBox()
    box.addItem(nothing, "")
    with suppress(BadInput):  # a policy that cannot be read: whatever leaves is refused with that sentence
        for key, words in policy().purposes.items():
            box.addItem(f"{key.capitalize()}: {words}", key)
    return box
