"""Data from files and people, checked against a record: a mistake becomes one sentence."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from organtwin.errors import BadInput


def validated[M: BaseModel](model: type[M], data: Any, what: str) -> M:
    """``model.model_validate(data)``, whose failure is one sentence. NaN is no value of anything: JSON would make it null."""
    place = ".".join(_nan_in(data) or ())
    if place:
        raise BadInput(f"{what}: {place}: NaN is not a number", remedy="Give a number, or leave it out.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # a mistyped key shows as two errors, one missing and one unknown: the unknown one explains both; and what is no
        # text shows as such where a text is one of two things it may be
        wrong = error.errors()
        told = [e for e in wrong if e["type"] not in ("string_type", "literal_error")] or wrong
        first = next((e for e in wrong if e["type"] == "extra_forbidden"), told[0])
        place = ".".join(str(part) for part in first["loc"] if "[" not in str(part))  # less the branch of a union
        if first["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            remedy = f"Known keys are: {known}." if len(first["loc"]) == 1 else "Check its spelling."
            raise BadInput(f"Unknown key '{place}' in {what}", remedy=remedy) from error
        message = str(first["msg"]).removeprefix("Value error, ")
        raise BadInput(f"{what}: {place + ': ' if place else ''}{message}") from error


def _nan_in(data: Any) -> tuple[str, ...] | None:
    """Where the first NaN stands in plain data."""
    if isinstance(data, dict | list | tuple):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            inside = _nan_in(value)
            if inside is not None:
                return (str(key), *inside)
    return () if isinstance(data, float) and data != data else None
