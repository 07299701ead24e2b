"""The answer does not depend on how many ranks found it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("ranks_program.py")
MPIEXEC = which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def solved(kind: str, ranks: int, file: Path) -> dict[str, np.ndarray]:
    command = [MPIEXEC, "-n", str(ranks), sys.executable, str(PROGRAM), kind, str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-2000:]
    with np.load(file) as arrays:
        assert arrays["ranks"] == ranks
        return {name: arrays[name] for name in arrays.files if name != "ranks"}


@pytest.mark.parametrize("kind", ["steady", "beating"])
def test_two_ranks_find_what_one_finds(kind, tmp_path):
    """To rounding, once the linear systems are solved to it: the preconditioner is another one on two ranks."""
    one, two = (solved(kind, ranks, tmp_path / f"{ranks}.npz") for ranks in (1, 2))
    for name in ("velocity_mm_per_s", "pressure_pa", "wall_shear_pa"):
        largest = np.abs(one[name]).max()
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=2e-6 * largest, err_msg=name)
