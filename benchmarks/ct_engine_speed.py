"""Time and memory of the automatic CT engine on a whole scan.

    python benchmarks/ct_engine_speed.py [FOLDER] [--size 512 512 300] [--json FILE]

Without a folder the sample series is taken. The scan is resampled to the size asked for, over the same box, so that it has
the anatomy of a body and the voxels of a large scan; noise of 10 HU is added, because interpolation takes it away. Reported:
wall and processor seconds, peak memory of the process, and seconds for a million voxels. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from organtwin.model import Segmentation, Volume
from organtwin.operations.registry import find
from organtwin.segment.ct.resample import resample
from organtwin.space import Grid

SAMPLE = Path(__file__).parents[1] / "sample_dicom" / "series"
NOISE_HU = 10.0


def resized(volume: Volume, size: tuple[int, int, int]) -> Volume:
    """The scan over the same box with ``size`` (i, j, k) voxels, slab by slab so that it costs little memory."""
    grid = volume.grid.canonical()
    source = volume.grid.to_canonical(volume.values)
    shape = size[::-1]
    random = np.random.default_rng(0)
    flat = resample(source, (shape[0], *source.shape[1:])) if shape[0] != source.shape[0] else source
    values = np.empty(shape, np.int16)
    for k in range(shape[0]):
        plane = resample(flat[k], shape[1:]) + random.normal(0, NOISE_HU, shape[1:])
        values[k] = np.clip(np.rint(plane), -1024, 3071)
    spacing = grid.spacing_mm * np.asarray(grid.size) / np.asarray(size)
    return Volume(name="resized", grid=Grid.make(size, spacing), values=values, modality="CT")


def main() -> int:
    parser = argparse.ArgumentParser(description="Time and memory of the automatic CT engine")
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--size", nargs=3, type=int, default=(512, 512, 300), metavar=("I", "J", "K"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    objects = find("import")({}, {"sources": [str(options.folder)]})
    volume = resized(next(thing for thing in objects if isinstance(thing, Volume)), tuple(options.size))
    del objects
    before_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    wall, cpu = time.perf_counter(), time.process_time()
    (result,) = find("segment")({"volume": volume}, {})
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert isinstance(result, Segmentation)
    voxels = float(np.prod(options.size))
    row = {
        "size": list(options.size),
        "spacing_mm": [round(float(s), 3) for s in volume.grid.spacing_mm],
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "cpu_s_per_million_voxels": round(cpu / voxels * 1e6, 3),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "peak_before_gb": round(before_gb, 2),
        "structures": [s.key for s in result.segments],
    }
    if options.json:
        options.json.write_text(json.dumps(row, indent=1))
    for key, value in row.items():
        print(f"{key:28} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
