"""FHIR R4 as JSON: bundles of any type, single resources, and NDJSON of bulk export.

A bundle is read entry by entry, so that a file of a million observations needs no tree of them all in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from organtwin.errors import BadInput
from organtwin.io.observations.fhir_resources import Reading
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.tray import Tray

_REMEDY = "Export it again, whole."
_LONGEST_LINE = 64 * 1024**2


def knows(file: Opened) -> bool:
    """JSON that says in its beginning that it is a resource."""
    start = file.start.lstrip()
    return start[:1] in ("{", "[") and '"resourceType"' in start and not knows_lines(file)


def knows_lines(file: Opened) -> bool:
    """One whole resource on a line, and another after it. The first lines may be damaged: one whole one is enough."""
    lines = file.start.lstrip().split("\n")
    if len(lines) < 2 or '"resourceType"' not in file.start:
        return False
    whole = 0
    for line in lines[:20]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        whole += isinstance(found, dict) and "resourceType" in found
    return whole >= 1 and (whole > 1 or lines[1].lstrip()[:1] == "{")


def read(file: Opened, tray: Tray) -> None:
    tray.place = "entry {}"
    reading = Reading(tray)
    text = file.whole()
    try:
        for n, (url, resource) in enumerate(_resources(text), 1):
            if n % 5000 == 0:
                tray.progress(f"entry {n}")
            reading.take(resource, n, url)
    except JSONDecodeError as error:
        said = "The file is damaged" if text.rstrip()[-1:] in ("}", "]") else "The file is cut off"
        raise BadInput(
            f"{said}: its JSON breaks at line {error.lineno}, column {error.colno}", where=file.name, remedy=_REMEDY
        ) from error
    except RecursionError as error:
        raise BadInput("The file is nested deeper than FHIR can be", where=file.name, remedy=_REMEDY) from error
    except ValueError as error:  # a number of thousands of digits
        raise BadInput("The file is damaged: it has a number that is none", where=file.name, remedy=_REMEDY) from error
    reading.close()


def read_lines(file: Opened, tray: Tray) -> None:
    tray.place = "line {}"
    reading = Reading(tray)
    with file.open() as stream:
        n = 0
        while line := stream.readline(_LONGEST_LINE):
            n += 1
            if n % 5000 == 0:
                tray.progress(f"line {n}")
            try:
                found = json.loads(line.removeprefix(b"\xef\xbb\xbf") if n == 1 else line) if line.strip() else None
            except (ValueError, RecursionError) as error:
                why = "is nested too deep" if isinstance(error, RecursionError) else "is no JSON"
                tray.refuse("unreadable", f"The line {why}", n, _shown(line))
                continue
            if isinstance(found, dict):
                reading.take(found, n, "")
            elif found is not None:
                tray.refuse("unreadable", "The line is no resource", n, _shown(line))
    reading.close()


def _shown(line: bytes) -> str:
    """The beginning of a line for the quarantine; nothing of one that tells who somebody is."""
    if any(word in line for word in (b'"name"', b'"family"', b'"address"', b'"telecom"', b'"identifier"')):
        return ""
    return line[:300].decode("utf-8", "replace")


def _resources(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources of a file, each with its fullUrl: a bundle's entries one after the other, or all others at once."""
    at = _blank(text, 0)
    decode = json.JSONDecoder().raw_decode
    if text[at : at + 1] == "[":
        for value in _items(text, at):
            yield from _unpacked(value)
        return
    if _is_bundle(text[at : at + 4096]) or '"entry"' in text[at : at + 65536]:
        yield from _bundle(text, at)
        return
    value, end = decode(text, at)
    if _blank(text, end) < len(text):
        raise JSONDecodeError("more after the end", text, end)
    yield from _unpacked(value)


def _is_bundle(start: str) -> bool:
    return '"Bundle"' in start


def _unpacked(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A resource; a bundle in a bundle becomes its entries."""
    if not isinstance(value, dict):
        yield "", {}
    elif value.get("resourceType") == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            yield from _of_entry(entry)
        yield "", {"resourceType": "Bundle", "link": value.get("link")}
    else:
        yield "", value


def _of_entry(entry: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(entry, dict):
        yield "", {}
        return
    request = entry.get("request")
    if isinstance(request, dict) and request.get("method") == "DELETE":
        return
    resource = entry.get("resource")
    if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
        yield from _unpacked(resource)
    elif isinstance(resource, dict):
        yield str(entry.get("fullUrl") or ""), resource


def _bundle(text: str, at: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The members of the outermost object, one at a time."""
    decode = json.JSONDecoder().raw_decode
    rest: dict[str, Any] = {}
    at = _blank(text, at + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise JSONDecodeError("a name is missing", text, at)
        key, at = scanstring(text, at + 1, True)
        at = _blank(text, at)
        if text[at : at + 1] != ":":
            raise JSONDecodeError("a colon is missing", text, at)
        at = _blank(text, at + 1)
        if key == "entry" and text[at : at + 1] == "[":
            items = _items(text, at)
            while True:
                try:
                    entry = next(items)
                except StopIteration as stop:
                    at = stop.value
                    break
                yield from _of_entry(entry)
        else:
            rest[key], at = decode(text, at)
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != "}":
            raise JSONDecodeError("the object does not end", text, at)
    if (end := _blank(text, at + 1)) < len(text):
        raise JSONDecodeError("more after the end", text, end)
    yield "", rest


def _items(text: str, at: int) -> Any:
    """The items of an array that begins at ``at``; returns where it ended."""
    decode = json.JSONDecoder().raw_decode
    at = _blank(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = decode(text, at)
        yield value
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != "]":
            raise JSONDecodeError("the list does not end", text, at)
    return at + 1


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t"):
        at += 1
    return at
