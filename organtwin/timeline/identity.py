"""Who a patient is, as far as it takes to tell two patients apart, and no further.

An identity is a few hashes: of name and birth date together, and of each number an institution gave. They are slow (scrypt,
RFC 7914) and salted, so that a list of names is not quickly tried on a stolen project; names and numbers are not kept.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from organtwin.model import Person

_SALT = b"organtwin identity 1"


def identity(name: str = "", born: str = "", numbers: Iterable[tuple[str, str]] = ()) -> str:
    """The identity of a patient: hashes with a letter before each, apart by blanks; empty when nothing is told.

    Parameters
    ----------
    name : str
        Family and given names in any order.
    born : str
        ISO 8601 date; a name counts only together with it.
    numbers : iterable of (system, value)
        What institutions call the patient.
    """
    words = " ".join(sorted(_plain(name).split()))
    parts = ["n" + _hashed(f"{words}\n{born}")] if words and born else []
    told = sorted({(system.strip(), value.strip()) for system, value in numbers if value.strip()})
    for system, value in told[:8]:
        issuer = hashlib.sha256(system.encode()).hexdigest()[:8]
        parts.append(f"i{issuer}.{_hashed(f'{system}\n{value}')}")
    return " ".join(parts)


def disagree(a: Person, b: Person) -> bool:
    """Whether two persons cannot be one.

    A name with its birth date in common proves them one, and so does a number in common. Without that, another name, another
    number of the same issuer, or another birth year sets them apart.
    """
    ours, theirs = _kinds(a.identity), _kinds(b.identity)
    shared = [kind for kind in ours if kind in theirs]
    if any(ours[kind] & theirs[kind] for kind in shared):
        return False
    return bool(shared) or (a.birth_year is not None and b.birth_year is not None and a.birth_year != b.birth_year)


def together(a: Person, b: Person) -> Person:
    """What two records of one person know between them; the first counts where they differ."""
    return Person(
        identity=" ".join(dict.fromkeys([*a.identity.split(), *b.identity.split()])),
        sex=b.sex if a.sex == "unknown" else a.sex,
        birth_year=b.birth_year if a.birth_year is None else a.birth_year,
    )


def _kinds(identity: str) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for part in identity.split():
        kinds.setdefault(part.partition(".")[0] if part.startswith("i") else "n", set()).add(part)
    return kinds


def _plain(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", plain).casefold().strip()


@lru_cache(maxsize=256)
def _hashed(text: str) -> str:
    return hashlib.scrypt(text.encode(), salt=_SALT, n=2**13, r=8, p=1, dklen=8).hex()
