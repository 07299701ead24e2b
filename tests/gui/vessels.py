"""Projects with a small vessel in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.document import Document
from organtwin.model import OrganMesh


def narrow_pipe(depth: float = 0.4) -> OrganMesh:
    """A pipe of 8 mm that loses a part of its radius half-way along its 40 mm."""

    def shape(points: np.ndarray) -> np.ndarray:
        share = 1 - depth * np.exp(-(((points[:, 2] - 20) / 3) ** 2))
        return np.column_stack([points[:, :2] * share[:, None], points[:, 2]])

    return pipe(4.0, 40.0, 3, 20, shape=shape, name="Narrow vessel").with_(structure="aorta")


def forked() -> OrganMesh:
    """A channel that forks to the left and right."""
    return tee(6.0, 18.0, 15.0, 4, name="Forked vessel").with_(structure="aorta")


def project_with(folder: Path, *things: OrganMesh) -> Path:
    """A project of these objects."""
    document = Document.create(folder)
    for thing in things:
        document.add([thing], f"Add {thing.name}")
    document.close()
    return folder
