"""The verification cases of physiology hold."""

from __future__ import annotations

import pytest

from organtwin.monitor import NullMonitor
from organtwin.validation import find


@pytest.mark.parametrize("name", ["circulation", "baroreflex", "respiration", "glucose"])
def test_every_row_is_within_what_it_accepts(name: str) -> None:
    rows = find(name).run(True, NullMonitor())
    failed = [f"{r.quantity}: {r.computed:g} instead of {r.reference:g}" for r in rows if not r.passed]
    assert not failed
