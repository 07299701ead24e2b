"""Things of the program as JSON, which knows neither records nor arrays, and no number that is not finite."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel


def print_json(thing: Any) -> None:
    """Print anything of the program as JSON."""
    print(json.dumps(plain(thing), indent=1, allow_nan=False))


def plain(thing: Any) -> Any:
    """Records become objects, arrays lists, paths text; a number that is not known is null."""
    match thing:
        case BaseModel():
            return {key: plain(value) for key, value in thing}
        case _ if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            return {field.name: plain(getattr(thing, field.name)) for field in dataclasses.fields(thing)}
        case Mapping():
            return {str(key): plain(value) for key, value in thing.items()}
        case np.ndarray() | np.generic():
            return plain(thing.tolist())
        case list() | tuple() | set() | frozenset():
            return [plain(value) for value in thing]
        case float():
            return thing if math.isfinite(thing) else None
        case Path():
            return str(thing)
        case _:
            return thing
