"""What a network expects and what its answer means: the JSON file beside the weights."""

from __future__ import annotations

import hashlib
import json
import math
import re
from itertools import permutations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from organtwin.checked import validated
from organtwin.errors import BadInput
from organtwin.model import Frozen

MOST_PATCH_VOXELS = 512**3
PAIRS = ("RL", "AP", "IS")


class Intensity(Frozen):
    """How values become what the network was trained on.

    Parameters
    ----------
    scheme : str
        "none"; "ct": clip to ``low`` and ``high``, subtract ``mean``, divide by ``std`` (the percentiles and moments that
        nnU-Net keeps in its dataset fingerprint); "z-score": the scan's own mean and standard deviation, after clipping where
        ``low`` and ``high`` are given; "range": ``low`` and ``high`` become ``to``, clipped; "percentiles": the same, with low
        and high in percent of the scan's own values.
    """

    scheme: Literal["none", "ct", "z-score", "range", "percentiles"] = "none"
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: Annotated[float, Field(gt=0)] | None = None
    to: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _whole(self) -> Intensity:
        needed = {"ct": ("low", "high", "mean", "std"), "range": ("low", "high"), "percentiles": ("low", "high")}
        missing = [name for name in needed.get(self.scheme, ()) if getattr(self, name) is None]
        if missing:
            raise ValueError(f"the scheme '{self.scheme}' needs '{missing[0]}'")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("'low' must be below 'high'")
        return self


class Description(Frozen):
    """A network, described.

    Parameters
    ----------
    name, about, licence, source : str
        The licence is that of the weights, and is shown whenever they run.
    modality : list of str
        Scans that it was trained on, as in ["CT"]; any when empty.
    axes : str
        Whereto each spatial axis of its input grows, from the slowest to the fastest: "SPL" is the order of a SimpleITK array
        of an LPS image (nnU-Net), "RAS" that of a nibabel array (MONAI).
    patch, spacing_mm : three numbers
        In the order of ``axes``. A network of two dimensions has 1 as its first patch size.
    channels : list of Intensity
        One for each input channel; all are made from the same scan.
    labels : dict
        Number of an output channel (or value of a label output) to the key of a structure; 0 is the background of "softmax".
    activation : "softmax", "sigmoid" or "labels"
        How the answer is read: one class wins; each channel is by itself above ``threshold``; numbers of labels.
    logits : bool
        Whether the activation is still to be applied.
    overlap : float
        Of neighbouring patches, as a part of their length.
    mirroring : list of int
        Axes along which the patch is also shown mirrored, as nnU-Net does in tests.
    interpolation : int
        Order of the spline that resamples the scan.
    sha256 : str
        Of the ONNX file, where it is to be checked.
    """

    name: str
    about: str = ""
    licence: Annotated[str, Field(min_length=1)]
    source: str = ""
    modality: tuple[str, ...] = ()
    axes: str = "SPL"
    patch: tuple[
        Annotated[int, Field(ge=1, le=2048)], Annotated[int, Field(ge=1, le=2048)], Annotated[int, Field(ge=1, le=2048)]
    ]
    spacing_mm: tuple[Annotated[float, Field(gt=0.01, le=100)], Annotated[float, Field(gt=0.01, le=100)], Annotated[float, Field(gt=0.01, le=100)]]  # fmt: skip
    channels: Annotated[tuple[Intensity, ...], Field(min_length=1, max_length=16)] = (Intensity(),)
    labels: Annotated[dict[int, str], Field(min_length=1)]
    activation: Literal["softmax", "sigmoid", "labels"] = "softmax"
    logits: bool = True
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    overlap: Annotated[float, Field(ge=0, le=0.9)] = 0.5
    mirroring: tuple[Literal[0, 1, 2], ...] = ()
    interpolation: Annotated[int, Field(ge=0, le=3)] = 1
    sha256: str = ""

    @field_validator("axes")
    @classmethod
    def _three_directions(cls, value: str) -> str:
        known = {"".join(choice) for order in permutations(PAIRS) for choice in _choices(order)}
        if value.upper() not in known:
            raise ValueError(f"'{value}' is not three directions such as SPL or RAS")
        return value.upper()

    @field_validator("labels")
    @classmethod
    def _keys(cls, value: dict[int, str]) -> dict[int, str]:
        for number, key in value.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", key):
                raise ValueError(f"'{key}' is no key of a structure: small letters, digits and _")
            if not 0 <= number <= 65535:
                raise ValueError(f"{number} cannot be the number of a label")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Description:
        if math.prod(self.patch) > MOST_PATCH_VOXELS:
            raise ValueError("the patch is larger than a scan")
        if self.activation != "sigmoid" and 0 in self.labels:
            raise ValueError("0 is the background and names no structure")
        return self


def _choices(order: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [(a, b, c) for a in order[0] for b in order[1] for c in order[2]]


def read_description(model: Path) -> Description:
    """The description beside an ONNX file.

    Raises
    ------
    BadInput
        When either file is missing, the description is wrong, or the weights are not those that it names.
    """
    if not model.is_file():
        raise BadInput("There is no such network", where=str(model), remedy="Give the path of an .onnx file.")
    path = model.with_suffix(".json")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            "The network has no description", where=str(path),
            remedy="Write one beside it; docs/networks.md says what goes into it.",
        ) from None  # fmt: skip
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput("The network's description is no JSON", where=str(path)) from error
    try:
        description = validated(Description, data, "a network's description")
    except BadInput as error:
        raise BadInput(error.what, where=path.name, remedy=error.remedy) from error
    if description.sha256:
        with model.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != description.sha256.lower():
            raise BadInput(
                "The network's weights are not those that its description names", where=model.name,
                remedy="Get both files from the same place again.",
            )  # fmt: skip
    return description
