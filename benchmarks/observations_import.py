"""How long a million readings take to import, beside the least that any program must do: only parsing the same file.

``python benchmarks/observations_import.py [N]`` writes N readings (a million by default) as Apple Health, FHIR NDJSON, a FHIR
bundle and a table, imports each as ``read_observations`` does, and prints seconds of the processor, the ratio to the bare parser of
the standard library (expat, json, csv), and the peak of memory, each in a process of its own. Then it scrolls through them, beside
the plain way that looks at every sample in sight.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

import numpy as np

from organtwin.io.observations import read_observations
from organtwin.model import Observations
from organtwin.timeline.timeline import Timeline

NOW = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
SECOND_S = 60


def moments(count: int) -> list[str]:
    start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    return [datetime.fromtimestamp(start + SECOND_S * n, UTC).strftime("%Y-%m-%dT%H:%M:%S") for n in range(count)]


def apple(path: Path, times: list[str], values: np.ndarray) -> None:
    with path.open("w") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="en_GB">\n')
        for when, value in zip(times, values, strict=True):
            told = f"{when[:10]} {when[11:]} +0000"
            out.write(
                f' <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" sourceVersion="9.1" unit="count/min" '
                f'creationDate="{told}" startDate="{told}" endDate="{told}" value="{value}"/>\n'
            )
        out.write("</HealthData>\n")


def resource_of(n: int, when: str, value: int) -> str:
    return (
        f'{{"resourceType": "Observation", "id": "o{n}", "status": "final", "category": [{{"coding": [{{"system": '
        f'"http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}}]}}], "code": {{"coding": [{{"system": '
        f'"http://loinc.org", "code": "8867-4", "display": "Heart rate"}}]}}, "subject": {{"reference": "Patient/p"}}, '
        f'"effectiveDateTime": "{when}Z", "valueQuantity": {{"value": {value}, "unit": "/min", "system": '
        f'"http://unitsofmeasure.org", "code": "/min"}}}}'
    )


def lines(path: Path, times: list[str], values: np.ndarray) -> None:
    with path.open("w") as out:
        for n, (when, value) in enumerate(zip(times, values, strict=True)):
            out.write(resource_of(n, when, int(value)) + "\n")


def bundle(path: Path, times: list[str], values: np.ndarray) -> None:
    with path.open("w") as out:
        out.write('{"resourceType": "Bundle", "type": "collection", "entry": [\n')
        for n, (when, value) in enumerate(zip(times, values, strict=True)):
            out.write((",\n" if n else "") + '{"resource": ' + resource_of(n, when, int(value)) + "}")
        out.write("]}\n")


def table(path: Path, times: list[str], values: np.ndarray) -> None:
    with path.open("w") as out:
        out.write("time,heart rate (bpm),source\n")
        out.writelines(f"{when},{value},Watch\n" for when, value in zip(times, values, strict=True))


def bare_xml(path: Path) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, found: None
    with path.open("rb") as stream:
        parser.ParseFile(stream)


def bare_lines(path: Path) -> None:
    with path.open("rb") as stream:
        for line in stream:
            json.loads(line)


def bare_bundle(path: Path) -> None:
    json.loads(path.read_text())


def bare_table(path: Path) -> None:
    with path.open(newline="") as stream:
        for _ in csv.reader(stream):
            pass


CASES: dict[str, tuple[str, Callable[..., None], Callable[[Path], None]]] = {
    "Apple Health": ("export.xml", apple, bare_xml),
    "FHIR NDJSON": ("Observation.ndjson", lines, bare_lines),
    "FHIR bundle": ("bundle.json", bundle, bare_bundle),
    "table": ("watch.csv", table, bare_table),
}


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def imported(name: str, count: int) -> Observations:
    """Import one format and say how long it took."""
    values = np.random.default_rng(1).integers(50, 120, count)
    file, write, bare = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        write(path, moments(count), values)
        seconds, made = timed(lambda: read_observations(path, now_s=NOW, timezone="UTC"))
        size, peak = path.stat().st_size / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        least, _ = timed(lambda: bare(path))
    assert isinstance(made, Observations)
    print(f"{name:<14}{len(made):>9} readings {size:7.0f} MB  {seconds:6.1f} s  {seconds / least:5.2f} x the bare parser "
          f"({least:.1f} s)  peak {peak:.0f} MB", flush=True)  # fmt: skip
    return made


def plain_window(
    times_s: np.ndarray, values: np.ndarray, t0_s: float, t1_s: float, pixels: int
) -> tuple[np.ndarray, ...]:
    """Least, greatest and mean of each pixel, from every sample in sight."""
    i0, i1 = np.searchsorted(times_s, [t0_s, t1_s])
    pixel = ((times_s[i0:i1] - t0_s) * (pixels / (t1_s - t0_s))).astype(np.int64)
    at = np.flatnonzero(np.diff(pixel, prepend=-1))
    part = values[i0:i1]
    mean = np.add.reduceat(part, at) / np.diff(at, append=len(part))
    return np.minimum.reduceat(part, at), np.maximum.reduceat(part, at), mean


def scrolled(made: Observations) -> None:
    """Windows of all lengths, the first one of a new timeline by itself."""
    first, last = float(made.times_s[0]), float(made.times_s[-1])
    begun = [timed(lambda: Timeline([made]).window("8867-4", first, last, 1600))[0] for _ in range(5)]
    timeline = Timeline([made])
    series = timeline.series("8867-4")
    rng, ours, plain = np.random.default_rng(2), [], []
    for share in np.geomspace(1, 1e-4, 200):
        at = first + rng.random() * (1 - share) * (last - first)
        window = at, at + share * (last - first), 1600
        ours.append(timed(lambda window=window: timeline.window("8867-4", *window))[0])  # type: ignore[misc]
        plain.append(timed(lambda window=window: plain_window(series.times_s, series.values, *window))[0])  # type: ignore[misc]
    long = [n for n, share in enumerate(np.geomspace(1, 1e-4, 200)) if share > 0.1]
    ratio = np.median([ours[n] for n in long]) / np.median([plain[n] for n in long])
    print(f"windows of {len(series)} samples, 1600 pixels: first {1e3 * np.median(begun):.1f} ms with the timeline's own, then "
          f"{1e3 * np.median(ours):.2f} ms, slowest {1e3 * max(ours):.2f} ms; of more than a tenth of all {ratio:.2f} of the plain way")  # fmt: skip


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    chosen = sys.argv[2:] or list(CASES)
    for name in chosen[:-1]:
        subprocess.run([sys.executable, __file__, "--alone", str(count), name], check=True)
    scrolled(imported(chosen[-1], count))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        imported(sys.argv[3], int(sys.argv[2]))
    else:
        main()
