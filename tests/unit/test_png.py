"""Pictures of reports."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.image import imread

from organtwin.report.png import png


def test_a_picture_that_is_wider_than_high_reads_back_to_the_byte():
    picture = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    again = np.rint(imread(io.BytesIO(png(picture)), format="png") * 255).astype(np.uint8)
    np.testing.assert_array_equal(again, picture)
