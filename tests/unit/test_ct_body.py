"""The body in a CT: a table's foam is no lung, a lung that the picture cuts is one."""

from __future__ import annotations

import numpy as np

from organtwin.model import Volume
from organtwin.segment.ct.context import CTContext
from organtwin.space import Grid

SHAPE, SPACING = (24, 90, 90), (4.0, 4.0, 4.0)


def picture() -> np.ndarray:
    """An oval trunk in air, in (k, j, i)."""
    j, i = np.mgrid[: SHAPE[1], : SHAPE[2]]
    values = np.full(SHAPE, -1000.0)
    values[:, ((j - 40) / 26) ** 2 + ((i - 45) / 36) ** 2 < 1] = 50
    return values


def context(values: np.ndarray) -> CTContext:
    noisy = values + np.random.default_rng(0).normal(0, 25, values.shape)
    volume = Volume(name="v", grid=Grid.make(SHAPE[::-1], SPACING), values=noisy.astype(np.int16), modality="CT")
    return CTContext(volume, working_mm=4.0)


def test_the_foam_of_a_table_is_neither_body_nor_lung() -> None:
    values = picture()
    values[:, 72:90, 10:80] = -750  # as bright as lung, and it touches the edge of the picture
    seen = context(values)
    assert not seen.body[:, 72:].any()
    assert not seen.lungs[0].any()


def test_a_lung_that_the_picture_cuts_belongs_to_the_body() -> None:
    values = picture()
    j, i = np.mgrid[: SHAPE[1], : SHAPE[2]]
    values[:, ((j - 40) / 18) ** 2 + ((i - 28) / 14) ** 2 < 1] = -800
    cut = values[:, :, 26:]
    volume = Volume(
        name="v",
        grid=Grid.make(cut.shape[::-1], SPACING),
        values=(cut + np.random.default_rng(0).normal(0, 25, cut.shape)).astype(np.int16),
        modality="CT",
    )
    body = CTContext(volume, working_mm=4.0).body
    assert body[12, 40, 2], "the lung at the edge"
    assert not body[12, 5, 40], "the air in front"
