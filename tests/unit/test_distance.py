"""Exact distances between voxel centres."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from organtwin.segment.distance import squared_mm2

SPACING_MM = np.array([0.7, 1.3, 2.5])


@pytest.mark.parametrize("shape", [(20, 33, 17), (9, 1, 12), (1, 1, 5)])
def test_distances_are_those_of_scipy_on_voxels_of_any_shape(shape):
    mask = np.random.default_rng(1).random(shape) < 0.02
    mask[0, 0, 0] = True
    expected = ndimage.distance_transform_edt(~mask, sampling=SPACING_MM[::-1])
    np.testing.assert_allclose(np.sqrt(squared_mm2(mask, SPACING_MM)), expected, atol=1e-5)


def test_nothing_is_infinitely_far():
    assert np.isinf(squared_mm2(np.zeros((3, 4, 5), bool), SPACING_MM)).all()
