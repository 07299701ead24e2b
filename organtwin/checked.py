"""Data from files and people, checked against a record: a mistake becomes one sentence."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from organtwin.errors import BadInput

MOST_ITEMS = 100_000  # of a YAML text


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
        if first["type"] == "missing":
            raise BadInput(f"{what}: '{place}' is needed") from error
        message = str(first["msg"]).removeprefix("Value error, ")
        raise BadInput(f"{what}: {place + ': ' if place else ''}{message}") from error


def plain_yaml(text: str) -> Any:
    """Plain data of a YAML text that a stranger may have written: no other types, and no more of it than can be looked through.
    A few lines of references to references can mean millions of items.

    Raises
    ------
    yaml.YAMLError
        Also when it is nested too deeply, refers to itself, or says too much.
    """
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _items_of(node, {}) > MOST_ITEMS:
            raise yaml.YAMLError(f"it says more than {MOST_ITEMS} things")
        return loader.construct_document(node)
    except (RecursionError, ValueError) as error:  # a date that is none, too deep
        raise yaml.YAMLError("it is nested too deeply, or has a value that is none") from error
    finally:
        loader.dispose()


def _items_of(node: Any, known: dict[int, int]) -> int:
    """How many items a node stands for, with every reference followed; one that leads to itself never ends."""
    if id(node) not in known:
        known[id(node)] = MOST_ITEMS + 1
        inside = node.value if isinstance(node.value, list) else ()
        parts = (one for part in inside for one in (part if isinstance(part, tuple) else (part,)))
        known[id(node)] = 1 + sum(_items_of(one, known) for one in parts)
    return known[id(node)]


def _nan_in(data: Any) -> tuple[str, ...] | None:
    """Where the first NaN stands in plain data."""
    if isinstance(data, dict | list | tuple):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            inside = _nan_in(value)
            if inside is not None:
                return (str(key), *inside)
    return () if isinstance(data, float) and data != data else None
