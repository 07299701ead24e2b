"""Courses over several scans: simulated cohorts whose rates are known, and a phantom whose follow-up is known.

In the cohorts each patient's rate is drawn from the population, his values leave its law and are measured with noise; the next
value is held back. In the phantom the patient has turned and moved on the table, the liver has moved against the spine with his
breath, a tumour in it has grown and an aneurysm widened; only the pictures and labels are given to the course.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from organtwin.model import Segment, Segmentation, Volume
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin.space import Grid
from organtwin.timeline.days import YEAR_S
from organtwin.twin.course.courses import courses
from organtwin.twin.course.growth import changed, grown
from organtwin.twin.course.registration import lay_over
from organtwin.twin.course.study import Study
from organtwin.twin.course.subjects import AORTA, EF, TUMOUR, Subject
from organtwin.validation import Case, Row

Numbers = NDArray[np.float64]
SPACING_MM = 2.0
SOURCE = "simulated cohort, known rates"
PHANTOM = "phantom, known motion and growth"
COHORTS = ((AORTA, 42.0, 1.0), (TUMOUR, 8.0, 0.25), (EF, 48.0, 0.75))  # subject, first value, years between scans


def run(quick: bool, monitor: Monitor) -> list[Row]:
    rows: list[Row] = []
    patients = 400 if quick else 1200
    for n, (subject, start, step) in enumerate(COHORTS):
        rows += cohort(subject, start, step, patients, PartMonitor(monitor, n * 0.15, (n + 1) * 0.15))
    rows.append(false_alarms(4 * patients))
    return rows + phantom(PartMonitor(monitor, 0.5, 1.0))


def cohort(subject: Subject, start: float, step: float, patients: int, monitor: Monitor) -> list[Row]:
    """Four scans ``step`` years apart; the fourth is held back."""
    began = time.perf_counter()
    rng = np.random.default_rng(int(start))
    held, errors, sds, alone = 0, [], [], []
    at = step * np.arange(4.0)
    for patient in range(patients):
        if patient % 20 == 0:
            monitor.progress(patient / patients, f"{subject.name}: patient {patient + 1}")
        mean, spread = subject.prior(start)
        rate = rng.normal(mean, spread)
        line = rate * at + np.r_[0.0, np.cumsum(rng.normal(size=3)) * subject.wobble * np.sqrt(step)]
        true = start * np.exp(line) if subject.law == "exponential" else start + line
        seen = np.maximum(true + rng.normal(size=4) * [subject.sd(v) for v in true], 1e-3)
        known = np.array([subject.sd(v) for v in seen[:3]])
        growth = grown(
            at[:3], seen[:3], known, subject.law, subject.prior(seen[0]), subject.wobble, seed=patient, members=1500
        )
        ahead = growth.paths(at[3:], seed=patients + patient)[:, 0]
        sd = known[-1] / seen[2] * ahead if subject.law == "exponential" else known[-1]
        ahead = ahead + growth.scale * sd * np.random.default_rng(2 * patients + patient).standard_normal(len(ahead))
        low, high = np.quantile(ahead, (0.05, 0.95))
        held += bool(low <= seen[3] <= high)
        errors.append(growth.rate.mean() - rate)
        sds.append(growth.rate.std())
        slope = np.polyfit(at[:3], np.log(seen[:3]) if subject.law == "exponential" else seen[:3], 1)[0]
        alone.append(slope - rate)
    spent = time.perf_counter() - began
    error, line_error = (float(np.sqrt(np.mean(np.square(e)))) for e in (errors, alone))
    told = f"{patients} patients, 3 scans"
    said = float(np.sqrt(np.mean(np.square(sds))))
    return [
        Row(f"{subject.name}: next value in its 90 % interval", 90.0, 100 * held / patients, "%", 100 * 5 / 90, SOURCE, told, spent),
        Row(f"{subject.name}: error of the rate (rms) as stated", said, error, "per year", 15.0, SOURCE, told),
        Row(f"{subject.name}: a line's error of the rate over ours", 1.0, line_error / error, "", 0.0, SOURCE, told, at_least=True),
    ]  # fmt: skip


def false_alarms(patients: int) -> Row:
    """Stable patients, three scans: how often a change is called real."""
    rng = np.random.default_rng(5)
    at, sds = np.array([0.0, 1.0, 2.0]), np.full(3, 1.5)
    called = sum(changed(at, 40.0 + rng.normal(size=3) * 1.5, sds).real for _ in range(patients))
    return Row(
        "stable patients called changed",
        5.0,
        100 * called / patients,
        "%",
        40.0,
        "5 % two-sided test",
        f"{patients} patients",
    )


# -- phantom ------------------------------------------------------------------------------------------------------------

MOTION = np.eye(4)  # later to first
MOTION[:3, :3] = Rotation.from_euler("xyz", (3.0, -2.0, 6.0), degrees=True).as_matrix()
MOTION[:3, 3] = (9.0, -6.0, 12.0)
BREATH_MM = np.array([1.0, -2.0, -8.0])  # of the liver against the spine, at the later date
TUMOUR_MM, ANEURYSM_MM = (11.0, 13.0), (40.0, 44.5)  # radius; diameter
LABELS = {"bone": 1, "liver": 2, "aorta": 3, "spleen": 4, "tumour": 5}


def phantom(monitor: Monitor) -> list[Row]:
    began = time.perf_counter()
    one, other = _scan(0), _scan(1)
    first, later = ((v, s) for v, s in (one, other))
    over = lay_over(first[1], later[1], (first[0], later[0]), "liver", NullMonitor(), "tumour")
    points = later[1].grid.to_world(np.argwhere(later[1].mask("liver"))[::50, ::-1])
    truth = points @ MOTION[:3, :3].T + MOTION[:3, 3] - BREATH_MM
    error = np.linalg.norm(over.first(points) - truth, axis=1)
    spent = time.perf_counter() - began
    given = tuple(
        Study(str(n), n * 1.5 * YEAR_S, False, volume, segmentation)
        for n, (volume, segmentation) in enumerate((first, later), 1)
    )
    mesh = f"{SPACING_MM:g} mm voxels"
    monitor.progress(0.3, "tumour")
    tumour = courses(given, "tumour", "auto", None, 3.0, None, NullMonitor())[0]
    monitor.progress(0.5, "aneurysm")
    vessel = courses(given, "aorta", "diameter", None, 3.0, None, NullMonitor())[0]
    grew = 100 * (float(tumour.values[1] / tumour.values[0]) - 1)  # type: ignore[union-attr]
    true = 100 * ((TUMOUR_MM[1] / TUMOUR_MM[0]) ** 3 - 1)
    widened = float(vessel.values[1] - vessel.values[0])  # type: ignore[union-attr]
    return [
        Row(
            "liver laid over itself: mean error / voxel",
            0.0,
            float(error.mean()) / SPACING_MM,
            "",
            100.0,
            PHANTOM,
            mesh,
            spent,
        ),
        Row(
            "liver laid over itself: largest error / voxel",
            0.0,
            float(error.max()) / SPACING_MM,
            "",
            100.0,
            PHANTOM,
            mesh,
        ),
        Row("tumour grown by", true, grew, "%", 8.0, PHANTOM, mesh, time.perf_counter() - began),
        Row("aneurysm, diameter before", ANEURYSM_MM[0], float(vessel.values[0]), "mm", 3.0, PHANTOM, mesh),  # type: ignore[union-attr]
        Row("aneurysm wider by", ANEURYSM_MM[1] - ANEURYSM_MM[0], widened, "mm", 22.0, PHANTOM, mesh),
    ]


def _scan(date: int) -> tuple[Volume, Segmentation]:
    """The same patient at the first or the later date, on a table of its own."""
    size = (120, 96, 100) if date == 0 else (124, 100, 96)
    grid = Grid.make(size, (SPACING_MM,) * 3, -0.5 * SPACING_MM * np.array(size), frame_uid=f"1.2.3.{date}")
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1)
    at = grid.to_world(index).transpose(2, 1, 0, 3)
    breath = np.zeros(3)
    if date:
        at = at @ MOTION[:3, :3].T + MOTION[:3, 3]
        breath = BREATH_MM
    x, y, z = np.moveaxis(at, -1, 0)
    labels = np.zeros(x.shape, np.uint8)
    body = (x / 108) ** 2 + (y / 82) ** 2 < 1
    values = np.where(body, -90.0, -1000.0)
    values[(x / 98) ** 2 + (y / 72) ** 2 < 1] = 40.0
    bumps = 1 + 0.15 * np.sin(z / 5.5)
    labels[x**2 + (y - 52) ** 2 < (16 * bumps) ** 2] = LABELS["bone"]
    own = at - breath  # of the liver
    u, v, w = np.moveaxis(own, -1, 0)
    labels[((u + 48) / 44) ** 2 + ((v + 5) / 50) ** 2 + ((w - 8) / 58) ** 2 < 1] = LABELS["liver"]
    labels[((x - 62) / 24) ** 2 + ((y - 18) / 32) ** 2 + ((z - 24) / 34) ** 2 < 1] = LABELS["spleen"]
    wide = 9.0 + (ANEURYSM_MM[date] / 2 - 9.0) * np.exp(-(((z + 25) / 22) ** 2))
    labels[(x - 22) ** 2 + (y - 12) ** 2 < wide**2] = LABELS["aorta"]
    labels[np.linalg.norm(own - (-45.0, -8.0, 14.0), axis=-1) < TUMOUR_MM[date]] = LABELS["tumour"]
    texture = 12 * np.sin(u / 9) * np.sin(v / 7) * np.sin(w / 8)
    for key, value in (("bone", 300.0), ("liver", 110.0), ("aorta", 260.0), ("spleen", 130.0), ("tumour", 60.0)):
        values[labels == LABELS[key]] = value
    values += np.where(labels > 0, texture, 0.0) + np.random.default_rng(date).normal(size=x.shape) * 12
    count = np.bincount(labels.ravel(), minlength=6) * grid.voxel_volume_mm3
    volume = Volume(
        name=f"scan {date + 1}", grid=grid, values=np.round(values).astype(np.int16), modality="CT", value_unit="HU"
    )
    segments = tuple(Segment.of(label, key, float(count[label])) for key, label in LABELS.items())
    return volume, Segmentation(name=f"labels {date + 1}", grid=grid, labels=labels, segments=segments)


CASE = Case("progression", "Courses over several scans: rates, intervals, the same place found again", run)
