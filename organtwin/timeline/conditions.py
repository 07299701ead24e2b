"""Is a recorded condition one of those meant?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from organtwin.model.observations import Event


def named(event: Event, words: Iterable[str]) -> bool:
    """ICD-10 codes by their beginning, names by the beginning of a word in them."""
    code, name = event.code.upper(), event.display.lower()
    for word in words:
        if re.fullmatch(r"[A-Z]\d\d", word):
            if code.startswith(word):
                return True
        elif re.search(rf"\b{re.escape(word.lower())}", name):
            return True
    return False
