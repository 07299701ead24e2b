"""Labels of nothing yet: quick to write, and read back as what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from organtwin.model import Segmentation
from organtwin.space import Grid
from organtwin.store.objects import load_object, save_object


def test_empty_labels_read_back_and_take_no_room(tmp_path: Path) -> None:
    grid = Grid.make((128, 128, 128), (1, 1, 1))
    empty = Segmentation(name="new", grid=grid, labels=np.zeros(grid.shape, np.uint8), segments=())
    folder = save_object(empty, tmp_path)
    back = load_object(folder)
    assert isinstance(back, Segmentation)
    assert back.labels.shape == grid.shape
    assert back.labels.dtype == np.uint8
    assert not np.any(back.labels)
    file = folder / "labels.npy"
    assert file.stat().st_size > 128**3
    assert 512 * file.stat().st_blocks < 128**3 / 8
    assert not np.load(file).any()
