"""A compilation that was killed does not hold up those that come after it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from organtwin_solvers.fem.backend import forget_abandoned


def test_the_source_of_a_killed_compilation_is_taken_away_and_others_stay(tmp_path: Path) -> None:
    long_ago = time.time() - 3600
    for name, age in (("a", long_ago), ("b", time.time()), ("c", long_ago)):
        source = tmp_path / f"libffcx_forms_{name}.c"
        source.write_text("")
        os.utime(source, (age, age))
    (tmp_path / "libffcx_forms_c.cpython-312-x86_64-linux-gnu.so").write_text("")
    assert forget_abandoned(tmp_path) == 1
    assert sorted(file.name for file in tmp_path.glob("*.c")) == ["libffcx_forms_b.c", "libffcx_forms_c.c"]
