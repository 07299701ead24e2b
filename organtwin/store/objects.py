"""Objects as folders: ``meta.json`` and one ``.npy`` for each array, memory-mapped when read (a sealed project: :mod:`.vault`).

Mesh arrays are stored as ``.npy`` too, not ``.vtu``: every process reads them without VTK (ADR 0003); VTU is an export.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.edit.patch import Patch
from organtwin.errors import BadInput
from organtwin.model import KINDS, Recipe, Segmentation, TwinObject
from organtwin.store.atomic import said_plainly, sync_folder
from organtwin.store.vault import Vault, vault_of

PATCH, LABELS = "labels.patch.npz", "labels"


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
    return _save(thing, parent, {}, None)


def _save(thing: TwinObject, parent: Path, more: dict[str, Any], instead: Callable[[Path, Vault], None] | None) -> Path:
    """``instead`` writes what takes the place of the arrays."""
    vault = vault_of(parent)
    final = parent / thing.uuid
    temporary = parent / f".{thing.uuid}.{os.getpid()}.tmp"
    with said_plainly(final):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            meta, arrays = _split(thing)
            if instead is not None:
                instead(temporary, vault)
            for name, array in arrays.items() if instead is None else ():
                vault.save_array(vault.array_path(temporary, name), array)
            vault.write_json(
                temporary / "meta.json", {"kind": thing.kind, "arrays": list(arrays), **meta, **more}, unseen=True
            )
            sync_folder(temporary)
            temporary.rename(final)
            sync_folder(parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return final


def save_edited(thing: Segmentation, base: str, patch: Patch, parent: Path) -> Path:
    """Write a segmentation as its difference to an older one, in a few hundred bytes. It reads back as any other.

    ``base`` is the uuid of the older one, which lies beside it and stays.
    """

    def as_patch(folder: Path, vault: Vault) -> None:
        vault.save_arrays(folder / PATCH, patch.arrays(), unseen=True)

    return _save(thing, parent, {"base": base}, as_patch)


def patch_of(folder: Path) -> Patch | None:
    """How an object differs from its base; None for one that stands for itself."""
    vault = vault_of(folder)
    if not vault.exists(folder / PATCH):
        return None
    try:
        return Patch.of_arrays(vault.load_arrays(folder / PATCH))
    except (OSError, ValueError, KeyError) as error:
        raise BadInput("A step of a segmentation is damaged", where=str(folder / PATCH)) from error


def _labels_along(folder: Path) -> NDArray[Any]:
    """Labels of an object that is kept as a difference: those of the nearest whole one, and all patches since."""
    patches: list[Patch] = []
    at = folder
    while not _is_whole(at) and (patch := patch_of(at)) is not None:
        patches.append(patch)
        at = at.parent / str(_meta(at)["base"])
    labels = np.array(_array(at, LABELS))
    for patch in reversed(patches):
        if patch.dtype != labels.dtype.str:
            labels = labels.astype(patch.dtype)
        patch.apply(labels)
    return labels


def differences(folder: Path) -> int:
    """How many patches lie between an object and the nearest one that is kept whole."""
    count, vault = 0, vault_of(folder)
    while not _is_whole(folder) and vault.exists(folder / PATCH):
        folder, count = folder.parent / str(_meta(folder)["base"]), count + 1
    return count


def _is_whole(folder: Path) -> bool:
    return vault_of(folder).array_path(folder, LABELS).exists()


def keep_whole(folder: Path, labels: NDArray[Any]) -> None:
    """Write all labels of an object that is kept as a difference beside it, so that reading it no longer walks a long way."""
    temporary = folder / f".{LABELS}.{os.getpid()}.tmp"
    vault = vault_of(folder)
    with said_plainly(folder):
        try:
            vault.save_array(temporary, labels)
            temporary.replace(vault.array_path(folder, LABELS))
        finally:
            temporary.unlink(missing_ok=True)


def base_of(folder: Path) -> str | None:
    """uuid of the object that this one is kept as a difference to."""
    base = _meta(folder).get("base")
    return None if base is None else str(base)


def set_replaces(folder: Path, uuid: str) -> None:
    """Say of an object that no project has yet that it takes the place of another."""
    vault_of(folder).write_json(folder / "meta.json", {**_meta(folder), "replaces": uuid})


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
    difference = meta.pop("base", None) is not None
    for name in meta.pop("arrays"):
        array = _labels_along(folder) if difference else _array(folder, name)
        first, _, key = name.partition(".")
        if key:
            meta.setdefault(first, {})[key] = array
        else:
            meta[first] = array
    return cls.model_validate(meta)


def _array(folder: Path, name: str) -> NDArray[Any]:
    vault = vault_of(folder)
    try:
        return vault.load_array(vault.array_path(folder, name))
    except (OSError, ValueError) as error:
        where = folder / f"{name}.npy"
        raise BadInput("An array of this object is missing or damaged", where=str(where)) from error


def read_entry(folder: Path) -> Entry:
    """The object's meta data only."""
    meta = _meta(folder)
    recipe = meta.pop("recipe", None)
    known = {key: meta.pop(key) for key in ("uuid", "kind", "name", "created", "replaces")}
    notes = tuple(meta.pop("notes", ()))
    for stored in ("arrays", "base"):
        meta.pop(stored, None)
    return Entry(**known, recipe=Recipe.model_validate(recipe) if recipe else None, notes=notes, facts=meta)


def _meta(folder: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = vault_of(folder).read_json(folder / "meta.json")
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
