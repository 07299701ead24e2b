"""YAML that a person wrote: read without trust, and each mistake told with its line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from organtwin.checked import plain_yaml, validated
from organtwin.errors import BadInput


@dataclass(frozen=True)
class YamlText:
    """Keys and values (``data``) of a text; ``where`` is the name of its file."""

    data: dict[str, Any]
    where: str
    _tree: Any

    @classmethod
    def read(cls, text: str, where: str, what: str, example: str) -> YamlText:
        """Parameters ``what`` is read ("a protocol"), and the command that shows an ``example``.

        Raises
        ------
        BadInput
            One sentence with the line: no YAML, a doubled key, no list of keys and values.
        """
        try:
            data = plain_yaml(text)
            tree = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or str(error)
            raise BadInput(f"This is not YAML: {problem}", where=f"{where}{line}") from error
        _no_doubles(tree, where)
        if not isinstance(data, dict):
            raise BadInput(f"{what.capitalize()} is a list of keys and values", where=where, remedy=f"See {example}.")
        return cls(data, where, tree)

    def as_model[M: BaseModel](self, model: type[M], what: str) -> M:
        """The whole text checked; what is wrong is told with its line."""
        try:
            return validated(model, self.data, what)
        except BadInput as error:
            cause = error.__cause__
            place = _guilty(cause) if isinstance(cause, ValidationError) else ()
            raise BadInput(error.what, where=self.line(*place), remedy=error.remedy) from cause

    def line(self, *place: str | int) -> str:
        """File and line of what a path of keys and numbers leads to, as near as it gets."""
        node, line = self._tree, 1 if self._tree is None else self._tree.start_mark.line + 1
        for part in place:
            inside = getattr(node, "value", None)
            if not isinstance(inside, list) or not inside:
                break
            if isinstance(inside[0], tuple):
                found = next(((key, value) for key, value in inside if key.value == str(part)), None)
                if found is None:
                    continue  # the name of a kind, which pydantic puts into the path
                line, node = found[0].start_mark.line + 1, found[1]
            elif isinstance(part, int) and part < len(inside):
                node = inside[part]
                line = node.start_mark.line + 1
        return f"{self.where}, line {line}"


def _guilty(error: ValidationError) -> tuple[Any, ...]:
    wrong = error.errors()
    return next((e for e in wrong if e["type"] == "extra_forbidden"), wrong[0])["loc"]


def _no_doubles(tree: Any, where: str) -> None:
    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))
        keys = set[str]()
        for part in node.value:
            if not isinstance(part, tuple):
                waiting.append(part)
                continue
            key, value = part
            if str(key.value) in keys:
                raise BadInput(
                    f"The key '{key.value}' is there twice", where=f"{where}, line {key.start_mark.line + 1}"
                )
            keys.add(str(key.value))
            waiting.append(value)
