"""Solves one flow and saves it: run by mpiexec from the tests. Arguments: kind of case, file."""

import sys

import numpy as np
from organtwin_solvers.fem.backend import MPI
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import tee

from organtwin.model import FlowCase

NUMERICS = {
    "steady": {"mode": "steady", "tolerance": 1e-6},
    "beating": {"mode": "pulsatile", "period": "0.8 s", "cycles": 1, "steps_per_cycle": 40, "frames_per_cycle": 4},
}


def main(kind: str, file: str) -> None:
    case = FlowCase.model_validate(
        {
            "blood": {"law": "carreau-yasuda" if kind == "beating" else "newtonian"},
            "inlets": [{"cap": "inlet", "flow": "1 mL/s", "waveform": "constant" if kind == "steady" else "systolic"}],
            "targets": {},
            "numerics": {"linear_tolerance": 1e-10, **NUMERICS[kind]},
        }
    )
    result = solve(tee(8.0, 16.0, 16.0, cells=4), case)
    if MPI.COMM_WORLD.rank == 0:
        np.savez(file, ranks=MPI.COMM_WORLD.size, **{name: np.asarray(a) for name, a in result.fields.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
