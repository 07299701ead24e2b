"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real scans: $ORGANTWIN_REAL_DATA, or shared/data beside the checkout."""
    given = os.environ.get("ORGANTWIN_REAL_DATA")
    folder = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "README.md").exists():
        pytest.skip("real scans are not here (set ORGANTWIN_REAL_DATA)")
    return folder
