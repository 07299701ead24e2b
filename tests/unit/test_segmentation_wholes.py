"""A structure that is painted in parts answers when it is asked for as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation
from organtwin.operations.registry import find
from organtwin.space import Grid


def lumina(*keys: str) -> Segmentation:
    """A tube along z, its right half the first structure, its left half the second."""
    grid = Grid.make((24, 24, 30), (1.0, 1.0, 1.0))
    _, j, i = np.indices(grid.shape)
    tube = (i - 11.5) ** 2 + (j - 11.5) ** 2 < 36
    labels = np.where(tube, np.where(i < 12, 1, 2), 0).astype(np.uint8)
    segments = [Segment.of(n, key, float((labels == n).sum()), 1 - n / 10) for n, key in enumerate(keys, start=1)]
    return Segmentation(name="a", grid=grid, labels=labels, segments=tuple(segments))


def test_a_dissected_aorta_is_whole_when_its_lumina_are_taken_together() -> None:
    parts = lumina("aorta_true_lumen", "aorta_false_lumen")
    whole = parts.with_whole("aorta")
    assert [s.key for s in whole.segments] == ["aorta"]
    assert (whole.mask("aorta") == (np.asarray(parts.labels) > 0)).all()
    assert whole.segment("aorta").volume_mm3 == np.count_nonzero(parts.labels)
    assert whole.segment("aorta").confidence == pytest.approx(0.8)  # no surer than its least sure part


def test_what_is_painted_itself_stays_as_it_is() -> None:
    painted = lumina("aorta", "aorta_false_lumen")
    assert painted.with_whole("aorta") is painted
    assert painted.with_whole("liver") is painted
    with pytest.raises(BadInput, match="no structure 'liver'"):
        painted.with_whole("liver").mask("liver")


def test_the_surface_of_a_dissected_aorta_can_be_asked_for() -> None:
    (surface,) = find("surface")(
        {"segmentation": lumina("aorta_true_lumen", "aorta_false_lumen")}, {"structures": ["aorta"]}
    )
    assert surface.structure == "aorta"
