"""Throughput of a batch on one and on two workers, and the memory that all of its processes hold together.

    python benchmarks/batch_speed.py [--studies 8] [--series FOLDER_OR_FILE] [--engine ct] [--json]

Studies are made from one scan (the sample by default), each resampled and shifted in value a little differently, so that
none is like another. Each study has one thread. The machine must be quiet: two workers need two free cores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from organtwin.io.export import export
from organtwin.io.study import read, scan
from organtwin.model import Volume

SAMPLE = Path(__file__).parents[1] / "sample_dicom" / "series"
PROTOCOL = """
name: speed
steps:
  - do: segment
    name: organs
    with: {{engine: {engine}{more}}}
limits: {{memory_gb: 4, minutes: 30, threads: 1}}
"""


def make(source: Path, folder: Path, count: int, spacing_mm: float) -> None:
    """Studies of about ``spacing_mm`` from one scan."""
    from scipy import ndimage

    with scan([source]) as study:
        volume = read(study.best())[0]
    for n in range(count):
        grid = volume.grid.with_spacing((spacing_mm + 0.05 * n,) * 3)
        factor = [a / b for a, b in zip(grid.shape, volume.grid.shape, strict=True)]
        values = ndimage.zoom(np.asarray(volume.values), factor, order=1, grid_mode=True, mode="nearest")
        export(Volume(name=f"case {n}", grid=grid, values=(values + n).astype(np.int16), modality="CT", value_unit="HU"),
               folder / f"case{n}.nii.gz")  # fmt: skip


def memory_mb(leader: int) -> float:
    """What a process and all that it started hold for themselves."""
    import os

    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents.setdefault(int((entry / "stat").read_text().rpartition(")")[2].split()[1]), []).append(
                int(entry.name)
            )
        except OSError:
            continue
    total, ask = 0, [leader]
    while ask:
        pid = ask.pop()
        ask += parents.get(pid, [])
        try:
            _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        except (OSError, ValueError):
            continue
        total += (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return total / 1024**2


def timed(studies: Path, out: Path, protocol: Path, workers: int) -> dict[str, float]:
    """One batch; seconds from the first study's start to the last one's end, and the most memory seen."""
    command = [sys.executable, "-m", "organtwin.cli.main", "batch", str(studies), "-o", str(out), "--protocol", str(protocol),
               "--workers", str(workers), "--json"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[dict[str, object]] = []
    listening = threading.Thread(
        target=lambda: lines.extend(json.loads(li) for li in process.stderr or () if li[:1] == "{")
    )
    listening.start()
    most, began = 0.0, time.monotonic()
    while process.poll() is None:
        most = max(most, memory_mb(process.pid))
        time.sleep(0.2)
    listening.join()
    whole = time.monotonic() - began
    summary = json.loads((process.stdout and process.stdout.read()) or "{}")
    if summary.get("failed", 1):
        raise SystemExit(f"studies failed: {(out / 'failed.csv').read_text()}")
    working = max(float(str(line["elapsed_s"])) for line in lines if line["event"] == "progress")
    return {"working_s": round(working, 1), "whole_s": round(whole, 1), "peak_memory_mb": round(most)}


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--studies", type=int, default=8)
    told.add_argument("--series", type=Path, default=SAMPLE)
    told.add_argument("--spacing", type=float, default=2.5, help="mm")
    told.add_argument("--engine", default="ct")
    told.add_argument("--options", default="", help="of the engine, as YAML in one line")
    told.add_argument("--json", action="store_true")
    given = told.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="organtwin-batch-speed-"))
    try:
        (folder / "in").mkdir()
        make(given.series, folder / "in", given.studies, given.spacing)
        protocol = folder / "protocol.yaml"
        protocol.write_text(
            PROTOCOL.format(engine=given.engine, more=f", options: {given.options}" if given.options else "")
        )
        runs = {n: timed(folder / "in", folder / f"out{n}", protocol, n) for n in (1, 2)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratio = runs[1]["working_s"] / runs[2]["working_s"]
    if given.json:
        print(json.dumps({"studies": given.studies, "runs": runs, "ratio": round(ratio, 2)}, indent=1))
        return
    for n, one in runs.items():
        rate = 3600 * given.studies / one["working_s"]
        print(f"{n} worker{'s' if n > 1 else ' '}: {one['working_s']:7.1f} s working ({one['whole_s']:.1f} s in all), "
              f"{rate:5.0f} studies an hour, {one['peak_memory_mb']:5.0f} MB")  # fmt: skip
    print(f"throughput on two workers: {ratio:.2f} x one")


if __name__ == "__main__":
    main()
