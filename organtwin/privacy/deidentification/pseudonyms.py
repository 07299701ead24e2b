"""What takes the place of names, UIDs and dates: the same for the same, as long as the key is the same, and nobody's without it."""

from __future__ import annotations

import hmac
import re
import secrets
import stat
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from organtwin.errors import BadInput

LONGEST_SHIFT_DAYS = 365


@dataclass(frozen=True)
class Pseudonyms:
    """All follow from a secret key by HMAC-SHA-256."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @classmethod
    def of_file(cls, file: Path) -> Pseudonyms:
        """With the key of a file, which is made if it is not there: so that later copies of a patient fit to earlier ones.

        Raises
        ------
        BadInput
            When it is no key, or others may read it.
        """
        if not file.exists():
            made = secrets.token_bytes(32)
            try:
                file.touch(mode=0o600, exist_ok=False)
                file.write_text(made.hex() + "\n")
            except OSError as error:
                raise BadInput("The file of the key cannot be written", where=str(file)) from error
            return cls(made)
        try:
            key = bytes.fromhex(file.read_text().strip())
        except (OSError, ValueError) as error:
            raise BadInput("This file holds no key for pseudonyms", where=str(file)) from error
        if len(key) != 32:
            raise BadInput("This file holds no key for pseudonyms", where=str(file))
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadInput("Others can read the file of the key", where=str(file), remedy=f"chmod 600 {file}")
        return cls(key)

    def uid(self, uid: str) -> str:
        """A UID of the form 2.25 (PS3.5, B.2)."""
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def patient(self, person: str) -> str:
        """A name for a patient."""
        return f"patient-{self._digest('patient', person).hex()[:10]}"

    def shift_days(self, person: str) -> int:
        """By how many days a patient's dates are moved back: 1 to 365, the same for all of them."""
        return 1 + int.from_bytes(self._digest("days", person)[:4], "big") % LONGEST_SHIFT_DAYS

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.new(self.key, f"{what}\n{text}".encode(), "sha256").digest()


def moved(text: str, days: int) -> str:
    """A DICOM date or date-time ``days`` earlier, its time of day as it was; "" where it is no date."""
    found = re.match(r"(\d{4})[.-]?(\d{2})?[.-]?(\d{2})?(.*)$", text.strip())
    if found is None:
        return ""
    year, month, day, rest = found.groups()
    try:
        then = date(int(year), int(month or 1), int(day or 1)) - timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    if re.search(r"[^\d.+\-]", rest):
        rest = ""
    return f"{then:%Y%m%d}"[: 4 if month is None else 6 if day is None else 8] + rest
