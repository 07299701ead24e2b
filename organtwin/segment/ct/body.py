"""The patient's body: everything inside the skin, without the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext

SKIN_HU = -300.0
TABLE_SHELL_MM = 4.0  # the table's walls are thinner than twice this, the body is not
LEAST_BODY_ML = 30.0


def find_body(context: CTContext) -> NDArray[np.bool_]:
    """The largest thick thing that is not air, its cavities filled slice by slice.

    Raises
    ------
    BadInput
        When nothing in the scan is a body.
    """
    solid = context.hu > SKIN_HU
    inside = np.zeros_like(solid)
    # a cavity (lung, bowel gas) is filled in its own slice: it may be open at the top or bottom of the scan
    for k, flat in enumerate(context.open(solid, TABLE_SHELL_MM)):
        inside[k] = ndimage.binary_fill_holes(flat)
    core = context.open(inside, 2 * TABLE_SHELL_MM)
    labels, count = ndimage.label(core)
    if count == 0:
        raise _no_body()
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = labels == int(sizes.argmax())
    if context.volume_ml(body) < LEAST_BODY_ML or not _holds_tissue(context.hu[body]):
        raise _no_body()
    # give back the thin parts that touch (skin folds, fingertips), but not the table below
    body = context.grow(body, 2 * TABLE_SHELL_MM) & inside | body
    for k, flat in enumerate(body):
        body[k] = ndimage.binary_fill_holes(flat)
    labels, count = ndimage.label(body)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()))


def _holds_tissue(values: NDArray[np.float32]) -> bool:
    """Soft tissue makes up part of every body, and a body is not of one value."""
    soft = np.mean((values > -150) & (values < 250))
    return bool(soft > 0.15 and np.ptp(values) > 20)


def _no_body() -> BadInput:
    return BadInput(
        "No body was found in this scan", remedy="The CT engine needs a CT of a person in Hounsfield units."
    )
