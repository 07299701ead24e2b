"""Objects as folders: ``meta.json`` and one ``.npy`` for each array, memory-mapped when read.

Mesh arrays are stored as ``.npy`` too, not ``.vtu``: every process reads them without VTK (ADR 0003); VTU is an export.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import KINDS, Recipe, TwinObject
from organtwin.store.atomic import said_plainly, sync_folder, write_json


@dataclass(frozen=True)
class Entry:
    """What a list of objects needs to know without reading arrays."""

    uuid: str
    kind: str
    name: str
    created: str
    replaces: str | None = None
    recipe: Recipe | None = None
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def save_object(thing: TwinObject, parent: Path) -> Path:
    """Write ``thing`` to ``parent/<uuid>``; the folder appears complete or not at all."""
    final = parent / thing.uuid
    temporary = parent / f".{thing.uuid}.{os.getpid()}.tmp"
    with said_plainly(final):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            meta, arrays = _split(thing)
            for name, array in arrays.items():
                with (temporary / f"{name}.npy").open("wb") as stream:
                    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
                    stream.flush()
                    os.fsync(stream.fileno())
            write_json(temporary / "meta.json", {"kind": thing.kind, "arrays": list(arrays), **meta})
            temporary.rename(final)
            sync_folder(parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return final


def set_replaces(folder: Path, uuid: str) -> None:
    """Say of an object that no project has yet that it takes the place of another."""
    write_json(folder / "meta.json", {**_meta(folder), "replaces": uuid})


def load_object(folder: Path) -> TwinObject:
    """Read an object; arrays are memory-mapped and read-only.

    Raises
    ------
    BadInput
        When the folder is damaged, naming the file.
    """
    meta = _meta(folder)
    cls = KINDS.get(meta.pop("kind", ""))
    if cls is None:
        raise BadInput(
            "This object is of a kind this version does not know", where=str(folder), remedy="Update OrganTwin."
        )
    for name in meta.pop("arrays"):
        path = folder / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BadInput("An array of this object is missing or damaged", where=str(path)) from error
        first, _, key = name.partition(".")
        if key:
            meta.setdefault(first, {})[key] = array
        else:
            meta[first] = array
    return cls.model_validate(meta)


def read_entry(folder: Path) -> Entry:
    """The object's meta data only."""
    meta = _meta(folder)
    recipe = meta.pop("recipe", None)
    known = {key: meta.pop(key) for key in ("uuid", "kind", "name", "created", "replaces")}
    notes = tuple(meta.pop("notes", ()))
    meta.pop("arrays", None)
    return Entry(**known, recipe=Recipe.model_validate(recipe) if recipe else None, notes=notes, facts=meta)


def _meta(folder: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput("The description of an object is missing or damaged", where=str(folder / "meta.json")) from error
    return data


def _split(thing: TwinObject) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Arrays, and arrays one level down in dictionaries, apart from everything that is JSON."""
    arrays: dict[str, np.ndarray] = {}
    leave_out: set[str] = set()
    for name in type(thing).model_fields:
        value = getattr(thing, name)
        if isinstance(value, np.ndarray):
            arrays[name] = value
            leave_out.add(name)
        elif isinstance(value, dict) and value and all(isinstance(v, np.ndarray) for v in value.values()):
            arrays.update({f"{name}.{key}": array for key, array in value.items()})
            leave_out.add(name)
    return thing.model_dump(mode="json", exclude=leave_out), arrays
