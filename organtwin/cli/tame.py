"""What is printed may hold names that strangers chose: control characters in them must not reach a terminal, where they can
change its title, its clipboard or what stands there already."""

from __future__ import annotations

import re
from typing import Any, TextIO

COLOURS = r"\x1b\[[0-9;]*m"  # what the program itself prints in colour
MOVES = r"\x1b\[[0-9;?]*[A-Za-z]"  # and its bars of progress
# C0 but tab and line ends, C1, and marks that turn the direction of what follows
CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


class Tamed:
    """A stream that lets text through, and of control sequences only these."""

    def __init__(self, stream: TextIO, allowed: str) -> None:
        self._stream = stream
        self._pattern = re.compile(f"({allowed})|{CONTROL}")

    def write(self, text: str) -> int:
        self._stream.write(self._pattern.sub(lambda found: found[1] or "", text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
