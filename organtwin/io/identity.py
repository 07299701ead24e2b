"""Who the patient is stays outside: pseudonyms, cleaned texts, and a warning where a picture may carry a name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

Person = tuple[str, str, str]  # id, name, birth date


def same_person(a: Person, b: Person) -> bool:
    """Whether two headers can be of one patient: nothing that both state differs."""
    return all(not x or not y or x == y for x, y in zip(_plain(a)[:2], _plain(b)[:2], strict=True))


def _plain(person: Person) -> Person:
    """As typed by different scanners: case, separators and blanks do not count."""
    patient_id, name, born = (re.sub(r"[\s^=,]+", " ", part).strip().upper() for part in person)
    return patient_id, name, born


@lru_cache(maxsize=256)
def pseudonym(person: Person) -> str:
    """A stable name for a patient that does not tell who it is: the same for the same id, name and birth date.

    The hash is slow on purpose (scrypt, RFC 7914), so that trying all names of a town is not quick.
    """
    plain = _plain(person)
    if not any(plain):
        return "patient-unknown"
    digest = hashlib.scrypt("\n".join(plain).encode(), salt=b"organtwin pseudonym 1", n=2**12, r=8, p=1, dklen=4)
    return f"patient-{digest.hex()}"


def shifted_date(person: Person, date: str) -> str:
    """A day (DICOM DA) moved into the past by 30 to 394 days, the same number for all scans of a patient: how long lies between
    them stays true, the date does not (DICOM PS3.15, Retain Longitudinal Temporal Information with Modified Dates).

    "" where it is no date, or nobody knows whose it is.
    """
    plain = _plain(person)
    try:
        day = datetime.strptime(date.strip(), "%Y%m%d")
    except ValueError:
        return ""
    if not any(plain):
        return ""
    return (day - timedelta(days=_shift(plain))).strftime("%Y%m%d")


@lru_cache(maxsize=256)
def _shift(plain: Person) -> int:
    digest = hashlib.scrypt("\n".join(plain).encode(), salt=b"organtwin dates 1", n=2**12, r=8, p=1, dklen=4)
    return 30 + int.from_bytes(digest, "big") % 365


def clean(text: str, people: Iterable[Person]) -> str:
    """A description without the words that name the patient."""
    words = {word for person in people for part in _plain(person) for word in part.split() if len(word) > 2}
    kept = [word for word in re.split(r"(\W+)", text) if word.upper() not in words]
    return re.sub(r"\s{2,}", " ", "".join(kept)).strip(" -_^,")


def surrogate_uid(*parts: str) -> str:
    """A valid UID (2.25 form) that is the same for the same parts."""
    number = int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:15], "big")
    return f"2.25.{number}"
