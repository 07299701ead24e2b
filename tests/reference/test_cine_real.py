"""Cine MR of six patients against contours drawn by experts (ACDC, O. Bernard et al., IEEE TMI 2018)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from organtwin.io.images import read
from organtwin.model import DynamicVolume, Segment, Segmentation
from organtwin.operations.registry import find

pytestmark = pytest.mark.real_data

RIGHT, MUSCLE, LEFT = 1, 2, 3
KEYS = {LEFT: "left_ventricle", MUSCLE: "myocardium", RIGHT: "right_ventricle"}
# Dice that is reached, less a little: left ventricle and muscle at end-diastole, the same at end-systole
REACHED = {
    "patient001": (0.96, 0.79, 0.94, 0.82),
    "patient021": (0.94, 0.84, 0.90, 0.87),
    "patient041": (0.93, 0.77, 0.85, 0.75),
    "patient061": (0.95, 0.79, 0.87, 0.84),
    "patient081": (0.95, 0.80, 0.93, 0.84),
    "patient090": (0.92, 0.77, 0.71, 0.65),  # at end-systole the slice at the base is lost, a fifth of the volume
}
EJECTION = {"patient041": 17.0, "patient090": 22.0}  # points that are missed, elsewhere less than 5: see the confidence


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@cache
def frames(folder: Path) -> dict[str, tuple[Path, np.ndarray]]:
    told = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().strip().splitlines())
    found = {}
    for when in ("ED", "ES"):
        path = folder / f"{folder.name}_frame{int(told[when]):02d}.nii.gz"
        truth = read(path.with_name(path.name.replace(".nii", "_gt.nii")))[0]
        found[when] = path, np.asarray(truth.values)
    return found


def ejection(left: list[int]) -> float:
    return 100 * (1 - left[1] / left[0])


@pytest.mark.slow
@pytest.mark.parametrize("patient", sorted(REACHED))
def test_both_ends_of_the_cycle_agree_with_the_experts(real_data, patient):
    known = frames(real_data / "cine-mr" / patient)
    sources = [str(path) for path, _ in known.values()]
    (moving,) = find("import")({}, {"sources": sources, "as_phases": True})
    (found,) = find("cine")({"dynamic": moving})
    labels = np.asarray(found.labels)
    left, muscle = (next(s.label for s in found.segments if s.key == KEYS[k]) for k in (LEFT, MUSCLE))
    made = []
    for n, (_, truth) in enumerate(known.values()):
        made += [dice(labels[n] == left, truth == LEFT), dice(labels[n] == muscle, truth == MUSCLE)]
    assert all(one >= least for one, least in zip(made, REACHED[patient], strict=True)), np.round(made, 3)
    ours = ejection([int((labels[n] == left).sum()) for n in range(2)])
    experts = ejection([int((truth == LEFT).sum()) for _, truth in known.values()])
    assert abs(ours - experts) < EJECTION.get(patient, 5.0)
    if patient in EJECTION:
        assert next(s.confidence for s in found.segments if s.label == left) < 0.75


@pytest.mark.slow
def test_a_single_phase_is_segmented_by_the_engine(real_data):
    path, truth = frames(real_data / "cine-mr" / "patient001")["ED"]
    (volume,) = find("import")({}, {"sources": [str(path)]})
    (found,) = find("segment")({"volume": volume}, {"engine": "cine-mr"})
    assert dice(found.mask("left_ventricle"), truth == LEFT) > 0.9
    assert dice(found.mask("myocardium"), truth == MUSCLE) > 0.7


@pytest.fixture(scope="module")
def whole_cycle(real_data) -> DynamicVolume:
    (moving,) = find("import")({}, {"sources": [str(real_data / "cine-mr" / "patient090" / "patient090_4d.nii.gz")]})
    return moving


def test_a_4d_file_of_a_scanner_is_one_object(whole_cycle):
    assert whole_cycle.values.shape == (12, 7, 224, 154)


@pytest.mark.slow
def test_a_whole_cycle_says_how_much_hangs_on_the_slice_at_the_base(real_data, whole_cycle):
    known = frames(real_data / "cine-mr" / "patient090")
    (found,) = find("cine")({"dynamic": whole_cycle})
    shown = {q.name: q.value for q in found.quantities}
    truth = ejection([int((known[when][1] == LEFT).sum()) for when in ("ED", "ES")])
    assert shown["LV end-diastolic volume"] == pytest.approx(77.6, rel=0.1)
    # in systole the slice at the base is lost, which the experts keep: the result says so, and what it would change
    assert truth - 2 < shown["LV ejection fraction"] < truth + 25
    (why,) = (q.why for q in found.quantities if q.name == "LV ejection fraction")
    assert "look at the base" in why
    assert shown["phase of end-diastole"] in (1, 2, 3, 4, 5)
    assert shown["phase of end-systole"] in (9, 10, 11)


@pytest.mark.slow
def test_contours_carried_through_half_a_cycle_beat_contours_left_where_they_are(real_data, whole_cycle):
    known = frames(real_data / "cine-mr" / "patient090")
    start, end = known["ED"][1], known["ES"][1]
    segments = tuple(Segment.of(label, key, 0.0) for label, key in KEYS.items())
    drawn = Segmentation(name="drawn", grid=whole_cycle.grid, labels=start.astype(np.uint8), segments=segments)
    (carried,) = find("propagate")({"dynamic": whole_cycle, "segmentation": drawn}, {"phase": 4})
    at_end = np.asarray(carried.labels[10])
    assert dice(start == LEFT, end == LEFT) < 0.65
    assert dice(at_end == LEFT, end == LEFT) > 0.79
    assert dice(start == MUSCLE, end == MUSCLE) < 0.4
    assert dice(at_end == MUSCLE, end == MUSCLE) > 0.62
    assert dice(at_end == RIGHT, end == RIGHT) > dice(start == RIGHT, end == RIGHT)
