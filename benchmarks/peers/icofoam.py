"""OpenFOAM's icoFoam on a hexahedral mesh of the same pipe with about as many unknowns. python -m peers.icofoam RINGS STEPS

Second order in space (linear) and time (backward), PISO with two corrections, as its tutorials run it; of the two usual
pressure solvers (PCG with DIC, GAMG) the faster counts. Needs icoFoam and blockMesh on the path (Debian: openfoam).
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from peers.pipe_flow import EXACT, LENGTH_MM, START_S, WARM_UP, Measured, layers, relative_error, step_s, velocity

ENVIRONMENT = {"WM_PROJECT_DIR": "/usr/share/openfoam", "FOAM_ETC": "/usr/share/openfoam/etc"}
PRESSURE_SOLVERS = {
    "PCG/DIC": "solver PCG; preconditioner DIC;",
    "GAMG": "solver GAMG; smoother GaussSeidel;",
}


def missing() -> str:
    """What is not there, in words; empty when everything is."""
    absent = [program for program in ("icoFoam", "blockMesh", "postProcess") if shutil.which(program) is None]
    return f"OpenFOAM is not installed (no {', '.join(absent)} on the path)" if absent else ""


def main(rings: int, steps: int) -> None:
    found = []
    for name, solver in PRESSURE_SOLVERS.items():
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(Path(folder), rings, steps, name, solver))
    min(found, key=lambda measured: measured.cpu_s).print()


def measure(case: Path, rings: int, steps: int, name: str, pressure_solver: str) -> Measured:
    """Set up, run and judge one case."""
    dt, total = step_s(rings), WARM_UP + steps
    write(
        case / "system" / "controlDict",
        "dictionary",
        CONTROL.format(end=f"{total * dt:.12g}", dt=f"{dt:.12g}", steps=total),
    )
    write(case / "system" / "fvSchemes", "dictionary", SCHEMES)
    write(case / "system" / "fvSolution", "dictionary", SOLUTION.format(pressure=pressure_solver))
    write(case / "system" / "blockMeshDict", "dictionary", blocks(rings))
    write(case / "constant" / "transportProperties", "dictionary", f"nu {EXACT.kinematic_viscosity * 1e-6:.12g};")
    write(
        case / "0" / "U",
        "volVectorField",
        field("[0 1 -1 0 0 0 0]", "uniform (0 0 0)", "fixedValue", "uniform (0 0 0)"),
    )
    execute(case, "blockMesh")
    execute(case, "postProcess", "-func", "writeCellCentres", "-time", "0")
    execute(case, "postProcess", "-func", "writeCellVolumes", "-time", "0")
    centres, volumes = read(case / "0" / "C"), read(case / "0" / "V")[:, 0]
    faces = read(case / "0" / "C", patch="inlet")

    initial = axial(centres, START_S)
    write(
        case / "0" / "U", "volVectorField",
        field("[0 1 -1 0 0 0 0]", vectors(initial), "timeVaryingMappedFixedValue", "uniform (0 0 0)"),
    )  # fmt: skip
    gradient = 1e3 * (EXACT.steady + EXACT.gradient(START_S)) / (1e6 * EXACT.density)
    pressure = gradient * (1e-3 * LENGTH_MM - centres[:, 2])
    write(case / "0" / "p", "volScalarField", field("[0 2 -2 0 0 0 0]", scalars(pressure), "zeroGradient", ""))
    data = case / "constant" / "boundaryData" / "inlet"
    data.mkdir(parents=True)
    (data / "points").write_text(listed(faces))
    for step in range(total + 2):
        (data / f"{step * dt:.12g}").mkdir()
        (data / f"{step * dt:.12g}" / "U").write_text(listed(axial(faces, START_S + step * dt)))

    cpu, wall = timed(case)
    last = max((p for p in case.iterdir() if re.fullmatch(r"[\d.e-]+", p.name)), key=lambda p: float(p.name))
    computed = 1e3 * read(last / "U")
    error = relative_error(1e3 * np.hypot(*centres[:, :2].T), computed, volumes, START_S + float(last.name))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0
    note = f"{len(centres)} hexahedra, {name}"
    return Measured("OpenFOAM icoFoam", 4 * len(centres), steps, cpu, wall, error, memory, note)


def timed(case: Path) -> tuple[float, float]:
    """CPU seconds that icoFoam reports, and wall seconds, for the steps after the first few."""
    cpu, wall = [], []
    with subprocess.Popen(
        ["icoFoam"], cwd=case, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.startswith("ExecutionTime"):
                cpu.append(float(line.split()[2]))
                wall.append(time.perf_counter())
    if run.returncode or len(cpu) <= WARM_UP:
        raise SystemExit("icoFoam failed")
    return cpu[-1] - cpu[WARM_UP - 1], wall[-1] - wall[WARM_UP - 1]


def execute(case: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=case, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def axial(places: np.ndarray, time_s: float) -> np.ndarray:
    """Exact velocity vectors (m/s) at places (m)."""
    speed = 1e-3 * velocity(1e3 * np.hypot(places[:, 0], places[:, 1]), time_s)
    return np.column_stack([np.zeros((len(places), 2)), speed])


def blocks(rings: int) -> str:
    """A square core and four blocks around it; as many cells as the tetrahedral mesh has points, nearly."""
    around = max(round((1 + 3 * rings * (rings + 1) - rings**2) / (4 * rings)), 1)
    radius, core, length = 1e-3 * EXACT.radius, 0.55e-3 * EXACT.radius, 1e-3 * LENGTH_MM
    corners = [(np.cos(a), np.sin(a)) for a in np.deg2rad([225, 315, 45, 135])]
    vertices = [(s * x, s * y, z) for z in (0.0, length) for s in (core, radius) for x, y in corners]
    cells = f"({rings} {rings} {layers(rings)}) simpleGrading (1 1 1)"
    hexes = [f"hex (0 1 2 3 8 9 10 11) {cells}"]
    walls, inlet, outlet, arcs = [], ["(0 3 2 1)"], ["(8 9 10 11)"], []
    for i in range(4):
        j = (i + 1) % 4
        a, b, c, d = 4 + i, 4 + j, j, i  # outer edge, then back along the core
        hexes.append(
            f"hex ({a} {b} {c} {d} {a + 8} {b + 8} {c + 8} {d + 8}) ({rings} {around} {layers(rings)}) simpleGrading (1 1 1)"
        )
        walls.append(f"({a} {b} {b + 8} {a + 8})")
        inlet.append(f"({a} {d} {c} {b})")
        outlet.append(f"({a + 8} {b + 8} {c + 8} {d + 8})")
        middle = np.deg2rad(225 + 90 * i + 45)
        for offset, z in ((0, 0.0), (8, length)):
            arcs.append(
                f"arc {a + offset} {b + offset} ({radius * np.cos(middle):.12g} {radius * np.sin(middle):.12g} {z:.12g})"
            )
    points = "\n".join(f"({x:.12g} {y:.12g} {z:.12g})" for x, y, z in vertices)
    patches = "".join(
        f"{name} {{ type {kind}; faces ({' '.join(faces)}); }}\n"
        for name, kind, faces in (("inlet", "patch", inlet), ("outlet", "patch", outlet), ("wall", "wall", walls))
    )
    return (
        f"convertToMeters 1;\nvertices (\n{points}\n);\nblocks ({' '.join(hexes)});\nedges ({' '.join(arcs)});\n"
        f"boundary (\n{patches});\n"
    )


def field(dimensions: str, internal: str, inlet: str, value: str) -> str:
    """A velocity or pressure field."""
    pressure = inlet == "zeroGradient"
    given = f"value {value};" if value else ""
    mapped = "setAverage off; mapMethod nearest; offset (0 0 0);" if inlet.startswith("timeVarying") else ""
    outlet = "type fixedValue; value uniform 0;" if pressure else "type zeroGradient;"
    wall = "type zeroGradient;" if pressure else "type noSlip;"
    return (
        f"dimensions {dimensions};\ninternalField {internal};\nboundaryField {{\n"
        f"inlet {{ type {inlet}; {mapped} {given} }}\noutlet {{ {outlet} }}\nwall {{ {wall} }}\n}}\n"
    )


def listed(values: np.ndarray) -> str:
    rows = "\n".join(f"({x:.10g} {y:.10g} {z:.10g})" for x, y, z in values)
    return f"{len(values)}\n(\n{rows}\n)\n"


def vectors(values: np.ndarray) -> str:
    return f"nonuniform List<vector>\n{listed(values)}"


def scalars(values: np.ndarray) -> str:
    return "nonuniform List<scalar>\n{}\n(\n{}\n)\n".format(len(values), "\n".join(f"{v:.10g}" for v in values))


def read(path: Path, patch: str | None = None) -> np.ndarray:
    """Values (n, components) of a field's cells, or of a patch's faces."""
    text = path.read_text()
    if patch is not None:
        text = re.search(rf"\b{patch}\s*\{{(.*?)\n\s*\}}", text, re.S)[1]
    body = re.search(r"List<\w+>\s*(\d+)\s*\((.*?)\n?\)\s*;", text, re.S)
    return np.array(body[2].replace("(", " ").replace(")", " ").split(), float).reshape(int(body[1]), -1)


def write(path: Path, kind: str, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"FoamFile {{ version 2.0; format ascii; class {kind}; object {path.name}; }}\n"
    path.write_text(head + text)


CONTROL = """application icoFoam;
startFrom startTime; startTime 0; stopAt endTime; endTime {end}; deltaT {dt};
writeControl timeStep; writeInterval {steps}; purgeWrite 0; writeFormat ascii; writePrecision 10;
writeCompression off; timeFormat general; timePrecision 10; runTimeModifiable false;
"""
SCHEMES = """ddtSchemes { default backward; }
gradSchemes { default Gauss linear; }
divSchemes { default none; div(phi,U) Gauss linear; }
laplacianSchemes { default Gauss linear corrected; }
interpolationSchemes { default linear; }
snGradSchemes { default corrected; }
"""
SOLUTION = """solvers {{
p {{ {pressure} tolerance 1e-6; relTol 0.05; }}
pFinal {{ $p; relTol 0; }}
U {{ solver smoothSolver; smoother symGaussSeidel; tolerance 1e-5; relTol 0; }}
}}
PISO {{ nCorrectors 2; nNonOrthogonalCorrectors 0; pRefCell 0; pRefValue 0; }}
"""

if __name__ == "__main__":
    if missing():
        raise SystemExit(missing())
    main(int(sys.argv[1]), int(sys.argv[2]))
