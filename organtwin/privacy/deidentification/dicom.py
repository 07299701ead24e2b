"""A DICOM data set without identity: PS3.15-2024e Annex E, Basic Profile, with its Clean Structured Content Option, and where
asked for the options Retain Longitudinal Temporal Information with Modified Dates and Retain Patient Characteristics.

Where the table leaves a choice (X/Z, X/D ...) the one is taken that is sound whatever type the attribute has in its object:
Z before X, D before Z; sequences go. What the table does not name stays, but for private attributes, unknown ones, curves, overlays and
UIDs that are not DICOM's own; and no text that stays may hold a word of what was taken away.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels.utils import get_expected_length
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian

from organtwin import __version__
from organtwin.errors import BadInput
from organtwin.privacy.deidentification.pseudonyms import Pseudonyms, moved
from organtwin.privacy.deidentification.table import EDITION, Rule, rules

REMOVED = "REMOVED"
KIND_OF_OBJECT = r"1\.2\.840\.10008\.5\.1\.[0-9.]{3,20}"
FREE_TEXT = ("SegmentDescription",)  # that the table does not name
TEXTS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
DUMMIES = {
    "AE": REMOVED, "AS": "000Y", "CS": REMOVED, "DA": "19000101", "DT": "19000101000000", "DS": "0", "IS": "0", "LO": REMOVED,
    "LT": REMOVED, "PN": REMOVED, "SH": REMOVED, "ST": REMOVED, "TM": "000000", "UC": REMOVED, "UR": "about:blank", "UT": REMOVED,
    "US": 0, "SS": 0, "UL": 0, "SL": 0, "FL": 0.0, "FD": 0.0, "OB": b"\0\0", "OW": b"\0\0", "UN": b"\0\0",
}  # fmt: skip
NAMING = (0x00100010, 0x00100020, 0x00100030, 0x00101000, 0x00101001, 0x00101005, 0x00101060, 0x00080050, 0x00080090,
          0x00081050, 0x00081070, 0x00081060, 0x00081048, 0x00080080, 0x00200010, 0x00104000, 0x00100050, 0x00321032,
          0x00400006, 0x0040A075, 0x00700084, 0x300A0292)  # fmt: skip
# of whose words nothing may be left elsewhere
OLDEST = 89  # years: the age from which people are few enough to be found by it (45 CFR 164.514(b)(2)(i)(C))

PICTURES_OF_SCREENS = ("1.2.840.10008.5.1.4.1.1.7",)  # secondary captures, with what follows
MARKED_BY_HABIT = (
    "US",
    "ES",
    "XC",
    "OP",
    "GM",
    "SM",
    "DOC",
    "OT",
    "SC",
    "IVUS",
    "RF",
    "XA",
)  # modalities with texts in the picture
DOCUMENTS = ("1.2.840.10008.5.1.4.1.1.104.", "1.2.840.10008.5.1.4.1.1.66")  # encapsulated documents; raw data
DOCUMENTS_KEPT = ("1.2.840.10008.5.1.4.1.1.66.1", "1.2.840.10008.5.1.4.1.1.66.2", "1.2.840.10008.5.1.4.1.1.66.3",
                  "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.5", "1.2.840.10008.5.1.4.1.1.66.6",
                  "1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.66.8")  # fmt: skip
GLUED, RARE = 5, 6  # letters: words that are found in the middle of others, and that no picture holds by chance
REPORTS = "1.2.840.10008.5.1.4.1.1.88."
HEADS = ("HEAD", "BRAIN", "SKULL", "FACE", "NECK", "ORBIT", "SINUS")

CODES = {  # PS3.16, CID 7050
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "content": ("113104", "Clean Structured Content Option"),
    "dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "characteristics": ("113108", "Retain Patient Characteristics Option"),
}


class Refused(BadInput):
    """A data set of which no copy without identity can be made."""


@dataclass(frozen=True)
class Deidentifier:
    """Cleans data sets. One instance gives the same patient, object and date the same replacement each time.

    ``shift_dates``: dates are moved by an amount of the patient's own instead of removed. ``keep_characteristics``: sex, age
    (90 and more become 90), size and weight stay. ``allow_burned_in``: the pictures were looked at.
    """

    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)
    shift_dates: bool = False
    keep_characteristics: bool = False
    allow_burned_in: bool = False
    person: str = ""  # that all data sets are of, where it is known from elsewhere

    def __call__(self, dataset: Dataset) -> FileDataset:
        """A cleaned copy, ready to be saved.

        Raises
        ------
        Refused
            When it may show a name in its picture, or is a document that nobody can clean.
        """
        self._admissible(dataset)
        person = self.person or person_of(dataset)
        words = naming_words(dataset)
        days = self.pseudonyms.shift_days(person)
        clean = Dataset()
        for element in self._kept(dataset, days):
            clean.add(element)
        pseudonym = self.pseudonyms.patient(person)
        clean.PatientName, clean.PatientID = pseudonym, pseudonym
        if str(clean.get("SOPClassUID", "")).startswith(REPORTS):
            clean.ReferencedPerformedProcedureStepSequence = Items([])  # of type 2 there: empty, and nowhere else
        _wash(clean, words)
        if "PixelData" in clean:
            clean.PixelData = _pixels_alone(dataset, words)
        if "SOPInstanceUID" not in clean or not clean.SOPInstanceUID:
            clean.SOPInstanceUID = self.pseudonyms.uid(_content(dataset))  # every file must have one of its own
        self._declare(clean)
        return self._file(dataset, clean)

    # -- what may be cleaned ----------------------------------------------------------------------------------------

    def _admissible(self, dataset: Dataset) -> None:
        kind = str(dataset.get("SOPClassUID", ""))
        if (
            kind.startswith(DOCUMENTS)
            and kind not in DOCUMENTS_KEPT
            and not kind.startswith(tuple(f"{k}." for k in DOCUMENTS_KEPT))
        ):
            raise Refused(f"This is {UID(kind).name}, whose inside cannot be cleaned")
        if "PixelData" in dataset and not self.allow_burned_in and (why := burned_in(dataset)):
            raise Refused(
                f"The picture may show the patient's name ({why})",
                remedy="Look at it; if it shows none: --allow-burned-in.",
            )

    # -- attributes -------------------------------------------------------------------------------------------------

    def _kept(self, dataset: Dataset, days: int) -> Iterator[DataElement]:
        known = rules()
        for element in dataset:
            tag = element.tag
            repeating = 0x5000 <= tag.group <= 0x50FF or 0x6000 <= tag.group <= 0x60FF
            if tag.is_private or repeating or tag.group <= 2 or tag.element == 0:
                continue
            if not dictionary_has_tag(tag):
                continue
            rule = known.get(int(tag))
            made = self._unlisted(element, days) if rule is None else self._by(rule, element, days)
            if made is not None:
                yield made

    def _unlisted(self, element: DataElement, days: int) -> DataElement | None:
        if element.VR == "SQ":
            return _with(element, self._items(element, days))
        if element.VR == "UI":
            return _with(element, self._uids(element.value, "ClassUID" in element.keyword))
        return None if element.keyword in FREE_TEXT else element

    def _by(self, rule: Rule, element: DataElement, days: int) -> DataElement | None:
        if self.shift_dates and rule.modified_dates == "C":
            return self._shifted(element, days)
        if self.keep_characteristics and rule.patient_characteristics in ("K", "C"):
            return _characteristic(element)
        if element.VR == "SQ":
            return self._sequence(rule, element, days)
        if rule.basic == "U" or element.VR == "UI":
            return (
                None if rule.basic == "X" else _with(element, self._uids(element.value, "ClassUID" in element.keyword))
            )
        if rule.basic == "X":
            return None
        if rule.basic.endswith("D"):
            return _with(element, DUMMIES.get(element.VR, ""))
        return _with(element, "" if element.VR in (*TEXTS, "AS", "DA", "DT", "TM", "DS", "IS") else None)

    def _sequence(self, rule: Rule, element: DataElement, days: int) -> DataElement | None:
        if rule.structured_content == "C" or rule.basic == "X/Z/U*":
            return _with(element, self._items(element, days))
        if rule.basic == "Z":
            return _with(element, Items([]))
        if rule.basic == "D":
            return _with(element, Items([_dummy(item) for item in element.value or ()]))
        return None

    def _items(self, element: DataElement, days: int) -> Items:
        cleaned = []
        for item in element.value or ():
            copy = Dataset()
            for one in self._kept(item, days):
                copy.add(one)
            cleaned.append(copy)
        return Items(cleaned)

    def _shifted(self, element: DataElement, days: int) -> DataElement | None:
        if element.VR == "TM":  # the time of day stays
            return element
        if element.VR not in ("DA", "DT"):
            return _with(element, "") if element.VR != "SQ" else _with(element, self._items(element, days))
        return _with(element, "\\".join(moved(text, days) for text in _texts(element.value)))

    def _uids(self, value: object, kinds: bool = False) -> list[str]:
        """New ones for all but those that the standard itself gives a meaning. Some programs make UIDs of their own below
        the standard's root, with numbers of patients and days in them; ``kinds``: it is of a class, which may be newer than we are."""

        def stays(uid: str) -> bool:
            return not uid or uid in UID_dictionary or (kinds and re.fullmatch(KIND_OF_OBJECT, uid) is not None)

        return [uid if stays(uid) else self.pseudonyms.uid(uid) for uid in _texts(value)]

    # -- what it says of itself -------------------------------------------------------------------------------------

    def _declare(self, clean: Dataset) -> None:
        used = ["basic", "content"]
        used += ["dates"] if self.shift_dates else []
        used += ["characteristics"] if self.keep_characteristics else []
        clean.PatientIdentityRemoved = "YES"
        clean.DeidentificationMethod = [f"DICOM PS3.15-{EDITION} Annex E", f"OrganTwin {__version__}"]
        items = []
        for name in used:
            code, meaning = CODES[name]
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
            items.append(item)
        clean.DeidentificationMethodCodeSequence = Items(items)
        clean.LongitudinalTemporalInformationModified = "MODIFIED" if self.shift_dates else "REMOVED"

    def _file(self, dataset: Dataset, clean: Dataset) -> FileDataset:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(str(clean.get("SOPClassUID", "")) or "1.2.840.10008.5.1.4.1.1.7")
        meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
        meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
        meta.ImplementationClassUID = UID("2.25.305828488182831875890203105390285383139")
        meta.ImplementationVersionName = "ORGANTWIN"
        made = FileDataset("", clean, file_meta=meta, preamble=b"\0" * 128)
        little, implicit = dataset.original_encoding[1], dataset.original_encoding[0]
        made.set_original_encoding(
            implicit if implicit is not None else meta.TransferSyntaxUID.is_implicit_VR,
            little if little is not None else meta.TransferSyntaxUID.is_little_endian,
            dataset.original_character_set,
        )
        return made


def person_of(dataset: Dataset) -> str:
    """What makes a patient the same in several files."""
    parts = (str(dataset.get(name, "") or "") for name in ("PatientID", "PatientName", "PatientBirthDate"))
    said = [re.sub(r"[\s^=,]+", " ", part).strip().upper() for part in parts]
    return said[0] or "\n".join(said)


def burned_in(dataset: Dataset) -> str:
    """Why a picture may show a name; "" where nothing speaks for it."""
    said = str(dataset.get("BurnedInAnnotation", "") or "").upper()
    if said == "YES":
        return "it says so itself: Burned In Annotation is YES"
    if said == "NO":
        return ""
    if str(dataset.get("SOPClassUID", "")).startswith(PICTURES_OF_SCREENS):
        return "it is a secondary capture"
    kinds = [str(k).upper() for k in _texts(dataset.get("ImageType"))]
    if "SCREEN SAVE" in kinds:
        return "it is a picture of a screen"
    modality = str(dataset.get("Modality", "") or "").upper()
    return (
        f"pictures of the modality {modality} often do, and this one does not say that it does not"
        if modality in MARKED_BY_HABIT
        else ""
    )


def shows_a_face(dataset: Dataset) -> bool:
    """Whether a face could be made from the slices: nothing here takes that away."""
    text = " ".join(
        str(dataset.get(k, "") or "")
        for k in ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
    )
    return any(word in text.upper() for word in HEADS)


def naming_words(dataset: Dataset) -> set[str]:
    """The words of names, numbers and places in the attributes that identify, in all levels."""
    words: set[str] = set()
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                words |= naming_words(item)
        elif element.VR == "PN" or int(element.tag) in NAMING:
            for text in _texts(element.value):
                shortest = 2 if element.VR == "PN" else 3
                words |= {
                    w.upper()
                    for w in re.split(r"[\s^=,;:/\\()]+", text)
                    if len(w) >= shortest and w.upper() not in COMMON
                }
    return words


COMMON = frozenset({"MR", "MS", "DR", "VON", "VAN", "THE", "AND", "FOR", "DR.", "MRS", "PROF", "UNKNOWN", "ANONYMOUS", "ANONYMIZED", "NONE", "HOSPITAL", "CLINIC",
                    "UNIVERSITY", "CENTER", "CENTRE", "PATIENT", "STUDY", "HEAD", "CHEST", "ABDOMEN", "BRAIN", REMOVED})  # fmt: skip


def _wash(dataset: Dataset, words: set[str]) -> None:
    """Take these words out of all texts that are left."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                _wash(item, words)
        elif element.VR in TEXTS and element.keyword not in (
            "PatientName",
            "PatientID",
            "Modality",
            "SpecificCharacterSet",
        ):
            texts = _texts(element.value)
            told = {word for word in words if len(word) > 2} if element.VR == "CS" else words  # AP, LL are views
            washed = [_washed(text, told) for text in texts]
            if washed != texts:
                element.value = washed if len(washed) > 1 else washed[0]
        elif isinstance(element.value, bytes) and element.keyword != "PixelData" and _holds(element.value, words):
            element.value = b""


def _washed(text: str, words: set[str]) -> str:
    inside = [word for word in words if len(word) >= GLUED]
    kept = [
        part
        for part in re.split(r"([\s^=,;:/()_.-]+)", text)
        if part.upper() not in words and not any(word in part.upper() for word in inside)
    ]
    washed = re.sub(r"\s{2,}", " ", "".join(kept)).strip()
    # a number may have been taken apart at its points
    return "" if any(word in washed.upper() for word in inside) else washed


def _holds(data: bytes, words: set[str]) -> bool:
    upper = data.upper()
    return any(word.encode(errors="ignore") in upper for word in words if len(word) >= GLUED)


def _pixels_alone(dataset: Dataset, words: set[str]) -> bytes:
    """The pixels without what can be put beside them: bytes after the last, and overlays in the bits that no pixel uses."""
    data = bytes(dataset.PixelData)
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and syntax.is_compressed:
        if any(len(word) >= RARE and word.encode(errors="ignore") in data.upper() for word in words):
            raise Refused("The packed picture has a comment that names the patient")
        return data
    try:
        wanted = get_expected_length(dataset)
    except (AttributeError, TypeError, ValueError):
        return data
    data = data[: wanted + wanted % 2]
    allocated, stored = int(dataset.BitsAllocated), int(dataset.get("BitsStored", 0) or 0)
    if allocated not in (8, 16) or not 0 < stored < allocated:
        return data
    if int(dataset.get("PixelRepresentation", 0) or 0):  # negative numbers use all bits
        overlays = (e for e in dataset if 0x6000 <= e.tag.group <= 0x60FF and e.tag.element == 0x0100)
        if any(int(e.value or 1) != 1 for e in overlays):
            raise Refused("An overlay is drawn into unused bits of the picture")
        return data
    low = int(dataset.get("HighBit", stored - 1)) + 1 - stored
    kind = np.dtype(f"u{allocated // 8}").newbyteorder("<" if dataset.original_encoding[1] is not False else ">")
    mask = kind.type(((1 << stored) - 1) << max(low, 0) & ((1 << allocated) - 1))
    pixels = np.frombuffer(data, kind, len(data) // kind.itemsize)
    return (pixels & mask).astype(kind).tobytes() if np.any(pixels & ~mask) else data


def _content(dataset: Dataset) -> str:
    parts = [str(dataset.get(name, "")) for name in ("InstanceNumber", "ImagePositionPatient", "AcquisitionNumber")]
    return "\n".join([*parts, hashlib.sha256(dataset.get("PixelData", b"") or b"").hexdigest()])


def _characteristic(element: DataElement) -> DataElement:
    if element.VR != "AS":
        return element if element.VR in ("CS", "DS", "US", "IS") else _with(element, "")
    text = str(element.value or "")
    years = int(text[:3]) if re.fullmatch(r"\d{3}Y", text) else 0
    return _with(element, f"{OLDEST + 1:03d}Y") if years > OLDEST else element


def _dummy(item: Dataset) -> Dataset:
    """An item with the same attributes and nothing of what they said."""
    made = Dataset()
    for element in item:
        if not element.tag.is_private:
            made.add(_with(element, Items([]) if element.VR == "SQ" else DUMMIES.get(element.VR, "")))
    return made


def _with(element: DataElement, value: object) -> DataElement:
    return DataElement(element.tag, element.VR, value)


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) or hasattr(value, "append") else [str(value)]
