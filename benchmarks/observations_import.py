"""How long a million readings take to import, beside the least that any program must do: only parsing the same file.

``python benchmarks/observations_import.py [N]`` writes N readings (a million by default) as Apple Health, FHIR NDJSON, a FHIR
bundle and a table, imports each as ``read_observations`` does, and prints seconds, the ratio to the bare parser of the
standard library (expat, json, csv), and the peak of memory. Then it scrolls through them. Run it on a quiet machine.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

import numpy as np

from organtwin.io.observations import read_observations
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
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    chosen = sys.argv[2:] or list(CASES)
    times = moments(count)
    values = np.random.default_rng(1).integers(50, 120, count)
    made = None
    for name in chosen:
        file, write, bare = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file
            write(path, times, values)
            seconds, made = timed(lambda path=path: read_observations(path, now_s=NOW, timezone="UTC"))
            size = path.stat().st_size / 1e6
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            least, _ = timed(lambda bare=bare, path=path: bare(path))
        print(
            f"{name:<14}{len(made):>9} readings {size:7.0f} MB  {seconds:6.1f} s  {seconds / least:5.2f} x the bare parser ({least:.1f} s)"  # type: ignore[arg-type]
            f"  peak so far {peak:.0f} MB",
            flush=True,
        )
    timeline = Timeline([made])  # type: ignore[list-item]
    series = timeline.series("8867-4")
    first, last = series.times_s[0], series.times_s[-1]
    build, _ = timed(lambda: timeline.window("8867-4", first, last, 1600))
    spent = []
    for share in np.geomspace(1, 1e-4, 200):
        at = first + np.random.default_rng(2).random() * (1 - share) * (last - first)
        spent.append(
            timed(lambda at=at, share=share: timeline.window("8867-4", at, at + share * (last - first), 1600))[0]
        )
    print(f"windows of {len(series)} samples, 1600 pixels: first {1e3 * build:.0f} ms, then {1e3 * np.median(spent):.2f} ms, "
          f"slowest {1e3 * max(spent):.2f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
