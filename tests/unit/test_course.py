"""Courses over several scans: growth, the same lesion found again, dates, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.io.identity import shifted_date
from organtwin.model import (
    DynamicSegmentation,
    DynamicVolume,
    Observations,
    Quantity,
    Segment,
    Segmentation,
    Source,
    Volume,
)
from organtwin.operations.registry import find
from organtwin.space import Grid
from organtwin.timeline.days import YEAR_S, seconds_of
from organtwin.twin.course import subjects
from organtwin.twin.course.growth import changed, first_beyond, grown
from organtwin.twin.course.measures import lesions
from organtwin.twin.course.registration import SAME, Laid, overlap
from organtwin.twin.course.study import Study

GRID = Grid.make((44, 40, 36), (3.0, 3.0, 3.0), frame_uid="1.2.3")


def balls(*places, grid=GRID, key="tumour", name="labels"):
    """A segmentation with a ball (middle mm, radius mm) for each place, numbered in the order given."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.size], indexing="ij"), axis=-1)
    at = grid.to_world(index).transpose(2, 1, 0, 3)
    labels = np.zeros(grid.shape, np.uint8)
    for number, (middle, radius) in enumerate(places, 1):
        labels[np.linalg.norm(at - np.array(middle), axis=-1) < radius] = number
    keys = [key if n == 1 else f"{key}_{n}" for n in range(1, len(places) + 1)]
    count = np.bincount(labels.ravel(), minlength=len(places) + 1) * grid.voxel_volume_mm3
    segments = tuple(Segment.of(n, k, float(count[n])) for n, k in enumerate(keys, 1))
    return Segmentation(name=name, grid=grid, labels=labels, segments=segments)


def scan(date="", **facts):
    told = {"study date": date} if date else {}
    return Volume(
        name="CT", grid=GRID, values=np.zeros(GRID.shape, np.int16), modality="CT", acquisition={**told, **facts}
    )


def studies(*segmentations):
    return tuple(
        Study(str(n), n * YEAR_S, False, None, seg, None, None) for n, seg in enumerate(segmentations)
    )  # fmt: skip


def test_many_exact_scans_give_the_rate_and_few_coarse_ones_leave_it_to_the_population():
    at = np.arange(8.0)
    exact = grown(at, 40 + 3.0 * at, np.full(8, 0.05), "linear", (2.0, 1.8), 0.0)
    assert exact.rate.mean() == pytest.approx(3.0, abs=0.03)
    coarse = grown(at[:2] / 10, np.array([40.0, 43.0]), np.full(2, 4.0), "linear", (2.0, 1.8), 0.5)
    assert coarse.rate.mean() == pytest.approx(2.0, abs=0.3)
    assert coarse.rate.std() == pytest.approx(1.8, abs=0.2)


def test_a_tumour_that_doubles_in_half_a_year_is_told_so():
    at = np.array([0.0, 0.25, 0.5, 1.0])
    values = 2.0 * 2 ** (at / 0.5)
    growth = grown(at, values, 0.02 * values, "exponential", (0.7, 1.5), 0.02)
    assert np.log(2) / growth.rate.mean() == pytest.approx(0.5, rel=0.05)
    ahead = growth.paths(np.array([1.5]))[:, 0]
    assert np.median(ahead) == pytest.approx(16.0, rel=0.1)


def test_the_farther_ahead_the_less_is_known():
    growth = grown(np.arange(3.0), np.array([40.0, 42.0, 45.0]), np.full(3, 1.0), "linear", (2.5, 1.8), 0.5)
    spread = growth.paths(np.array([2.0, 3.0, 5.0, 8.0])).std(axis=0)
    assert (np.diff(spread) > 0.2).all()


def test_what_measuring_explains_is_no_change_and_what_it_does_not_has_a_date():
    at, sds = np.array([0.0, 1.0, 2.0, 3.0]), np.full(4, 1.0)
    assert not changed(at, np.array([40.0, 41.2, 39.5, 41.0]), sds).real
    real = changed(at, np.array([40.0, 40.4, 44.0, 47.0]), sds)
    assert real.since == 2
    assert real.by == pytest.approx(7.0)
    assert not changed(at[:1], np.array([40.0]), sds[:1]).real


def test_a_threshold_is_crossed_between_two_dates_or_never():
    paths = np.array([[50.0, 54.0, 58.0], [50.0, 51.0, 52.0], [56.0, 57.0, 58.0]])
    when = first_beyond(paths, np.array([0.0, 1.0, 2.0]), 55.0, above=True)
    assert when.tolist() == [1.25, np.inf, 0.0]


def test_aneurysms_grow_by_what_the_studies_say():
    mean, sd = subjects.AORTA.prior(30.0)
    assert (mean, sd) == (1.28, 1.8)
    assert subjects.AORTA.prior(50.0)[0] == pytest.approx(3.64)  # RESCAN: 3.61 mm a year at 50 mm
    assert subjects.AORTA.prior(18.0)[0] < 0.5


def test_every_subject_says_where_it_is_from_or_that_nobody_knows():
    for subject in subjects.ALL:
        assert subject.sheet.sources or "not known from a study" in subject.sheet.bias
        assert subjects.sheet_of(f"Something ({subject.name})") is subject.sheet


def test_lesions_are_told_apart_by_their_place_whatever_their_numbers():
    one = balls(((40, 40, 40), 12), ((90, 70, 60), 8))
    other = balls(((91, 71, 60), 9), ((40, 41, 40), 14))  # the numbers have changed places
    large, small = lesions("tumour", studies(one, other), [SAME, SAME])
    assert large.values[0] == pytest.approx(4.19 * 12**3 / 1000, rel=0.1)
    assert large.values[1] / large.values[0] == pytest.approx((14 / 12) ** 3, rel=0.1)
    assert small.values[1] / small.values[0] == pytest.approx((9 / 8) ** 3, rel=0.2)


def test_a_lesion_is_found_again_where_the_patient_has_moved():
    shift = np.eye(4)
    shift[:3, 3] = (-50.0, -30.0, -20.0)  # of the later scan to the first
    one = balls(((40, 40, 40), 10))
    moved = balls(((90, 70, 60), 11))
    (track,) = lesions("tumour", studies(one, moved), [SAME, Laid(shift, "told")])
    assert len(track.values) == 2
    assert len(lesions("tumour", studies(one, moved), [SAME, SAME])) == 2


def test_a_new_lesion_and_one_that_is_gone_are_said():
    one = balls(((40, 40, 40), 10), ((90, 70, 60), 8))
    other = balls(((40, 40, 40), 10), ((60, 90, 80), 8))
    tracks = lesions("tumour", studies(one, other), [SAME, SAME])
    notes = " ".join(tracks[0].notes)
    assert "A new lesion" in notes
    assert "was not seen again" in notes


def test_how_much_of_an_organ_lies_over_itself_is_told():
    one = balls(((60, 60, 50), 20), key="liver")
    assert overlap(one, one, SAME, "liver") == 1.0
    beside = np.eye(4)
    beside[0, 3] = 45.0
    assert overlap(one, one, Laid(beside, "told"), "liver") < 0.05
    assert overlap(one, one, SAME, "spleen") == 1.0


def course(one, other, dates=None, **parameters):
    inputs = {"segmentation-1": one[1], "segmentation-2": other[1]}
    inputs |= {f"volume-{n}": pair[0] for n, pair in ((1, one), (2, other)) if pair[0] is not None}
    return find("course")(inputs, {"structure": "tumour", "dates": dates or {}, **parameters})


FIRST, LATER = balls(((60, 60, 50), 12)), balls(((60, 60, 50), 15))
DATES = {"1": "2023-01-10", "2": "2024-01-10"}


def test_the_operation_gives_a_course_and_its_forecast_with_what_they_rest_on():
    made, ahead = course((None, FIRST), (None, LATER), DATES, landmark="40 mL")
    assert made.kind == "course"
    assert made.change.startswith("grew by more than measuring explains since 2024-01-10")
    assert made.recipe.inputs == {"segmentation-1": FIRST.uuid, "segmentation-2": LATER.uuid}
    assert made.transforms.shape == (2, 4, 4)
    assert ahead.model == "progression"
    assert ahead.subject == made.subject
    assert ahead.quantiles.shape == (1, 5, len(ahead.times_s))
    assert (np.diff(ahead.quantiles[0], axis=0) >= 0).all()
    (crossing,) = ahead.crossings
    assert crossing.landmark == 40.0
    early, middle, _ = crossing.times_s
    assert made.times_s[-1] < early < middle
    assert any("Nathani" in line for line in ahead.assumes)


def test_a_course_is_the_same_at_every_run():
    one, other = (course((None, FIRST), (None, LATER), DATES)[1] for _ in range(2))
    np.testing.assert_array_equal(one.quantiles, other.quantiles)


def test_dates_come_from_the_scans_and_are_shifted_only_together():
    kept = course((scan("20230110"), FIRST), (scan("20240110"), LATER))[0]
    assert kept.times_s[1] - kept.times_s[0] == 365 * 86400
    hidden = {"study date shifted": "20220301"}
    with pytest.raises(BadInput, match="kept their date"):
        course((scan("20230110"), FIRST), (scan(**hidden), LATER))
    both = course((scan(**hidden), FIRST), (scan(**{"study date shifted": "20230301"}), LATER))[0]
    assert any("dates were shifted" in note for note in both.notes)


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"1": "2023-01-10"}, "scan 2 .* is not known"),
        ({"1": "2023-01-10", "2": "2023-01-10"}, "same day"),
        ({"1": "2023-01-10", "2": "soon"}, "no date"),
        ({"1": "2023-01-10", "2": "2999-01-01"}, "cannot be"),
        ({**DATES, "7": "2024-02-02"}, "no scan 7"),
    ],
)
def test_wrong_dates_are_refused_in_one_sentence(dates, said):
    with pytest.raises(BadInput, match=said):
        course((None, FIRST), (None, LATER), dates)


def test_scans_of_two_patients_are_not_put_into_one_course():
    with pytest.raises(BadInput, match="2 patients"):
        course((scan("20230110", patient="patient-1"), FIRST), (scan("20240110", patient="patient-2"), LATER))


@pytest.mark.parametrize("landmark", ["55", "fast mm", "nan mL", "55 mm"])
def test_a_landmark_that_makes_no_sense_is_refused(landmark):
    with pytest.raises(BadInput):
        course((None, FIRST), (None, LATER), DATES, landmark=landmark)


def test_one_date_is_no_course_and_a_structure_that_is_not_there_is_said():
    with pytest.raises(BadInput, match="two dates"):
        find("course")({"segmentation-1": FIRST}, {"structure": "tumour", "dates": {"1": "2023-01-10"}})
    with pytest.raises(BadInput, match="Liver could not be measured on two dates"):
        course((None, FIRST), (None, LATER), DATES, structure="liver")


def heart(date, edv, esv):
    grid = Grid.make((4, 4, 2), (1.0, 1.0, 8.0))
    cine = DynamicVolume(
        name="cine", grid=grid, values=np.zeros((2, *grid.shape), np.int16), times_s=np.array([0.0, 0.3]), acquisition={"study date": date}
    )  # fmt: skip
    quantities = (
        Quantity(name="LV end-diastolic volume", value=edv, unit="mL", level="good"),
        Quantity(name="LV end-systolic volume", value=esv, unit="mL", level="good"),
        Quantity(name="LV ejection fraction", value=100 * (edv - esv) / edv, unit="%", level="good"),
    )
    labels = np.zeros((2, *grid.shape), np.uint8)
    found = DynamicSegmentation(
        name="heart", dynamic=cine.uuid, grid=grid, labels=labels, times_s=cine.times_s, segments=(), volumes_mm3=np.zeros((2, 0)),
        quantities=quantities,
    )  # fmt: skip
    return cine, found


def test_a_heart_that_fails_is_followed_by_its_ejection_fraction_and_its_size():
    (a, one), (b, other), (c, last) = (
        heart("20220110", 140, 63),
        heart("20230110", 165, 91),
        heart("20240110", 190, 124),
    )
    roles = {"heart-1": one, "dynamic-1": a, "heart-2": other, "dynamic-2": b, "heart-3": last, "dynamic-3": c}
    made = find("course")(roles, {})
    courses = {m.subject: m for m in made if m.kind == "course"}
    assert set(courses) == {"LV ejection fraction", "LV end-diastolic volume", "LV end-systolic volume"}
    assert courses["LV ejection fraction"].change.startswith("fell by more than measuring explains")
    assert courses["LV end-diastolic volume"].rate_per_year > 0.05
    ahead = next(m for m in made if m.kind == "forecast" and m.subject == "LV ejection fraction")
    assert ahead.quantiles.min() >= 0
    assert ahead.crossings[0].above is False


def told(days, values, code="10230-1"):
    count = len(days)
    return Observations(
        name="echo", codes=(code,), sources=(Source(name="e.json", format="fhir"),), times_s=np.array([seconds_of(d) for d in days]),
        durations_s=np.zeros(count, np.float32), offset_min=np.zeros(count, np.int16), values=np.array(values, float),
        code=np.zeros(count, np.uint16), source=np.zeros(count, np.uint16),
    )  # fmt: skip


def test_what_reports_of_echos_tell_is_followed_too_and_is_less_sure_than_a_cine():
    echo = told(["2021-01-10", "2023-01-10"], [58.0, 50.0])
    cine, found = heart("20240110", 190, 124)
    (ef, _) = find("course")(
        {"observations-1": echo, "heart-2": found, "dynamic-2": cine}, {"what": "LV ejection fraction"}
    )
    assert ef.values.tolist() == pytest.approx([58.0, 50.0, 34.7], abs=0.1)
    assert ef.sds[0] == 1.5 * ef.sds[2]
    assert ef.objects == (echo.uuid, echo.uuid, found.uuid)
    assert ef.change.startswith("fell by more")


def test_a_day_that_was_segmented_here_goes_before_what_a_report_tells_of_it():
    (a, one), (b, other) = heart("20220110", 140, 63), heart("20240110", 190, 124)
    echo = told(["2022-01-10"], [20.0])
    roles = {"heart-1": one, "dynamic-1": a, "heart-2": other, "dynamic-2": b, "observations-3": echo}
    (ef, _) = find("course")(roles, {"what": "LV ejection fraction"})
    assert len(ef.values) == 2
    assert ef.values[0] == pytest.approx(55.0)


def test_a_shifted_date_keeps_the_distance_between_a_patients_scans_and_hides_the_day():
    person, other = ("4711", "DOE^JANE", "19600517"), ("4712", "ROE^JOHN", "19500101")
    one, later = shifted_date(person, "20240101"), shifted_date(person, "20240301")
    assert seconds_of(later) - seconds_of(one) == 60 * 86400
    assert one < "20240101"
    assert shifted_date(("4711 ", "doe jane", "19600517"), "20240101") == one
    assert shifted_date(other, "20240101") != one
    assert shifted_date(("", "", ""), "20240101") == ""
    assert shifted_date(person, "unknown") == ""


def test_the_command_takes_the_segmentations_that_show_it_and_their_dates_in_order(tmp_path):
    import json

    from typer.testing import CliRunner

    import organtwin.cli.main  # noqa: F401  (the commands)
    from organtwin.cli.base import app
    from organtwin.document import Document

    document = Document.create(tmp_path / "case.otwin")
    document.add([FIRST.with_(name="before"), LATER.with_(name="after"), balls(((60, 60, 50), 9), key="liver")], "all")
    document.close()
    args = ["course", str(tmp_path / "case.otwin"), "--structure", "tumour"]
    refused = CliRunner().invoke(app, [*args, "--date", "2024-01-01"])
    assert "before, after" in str(refused.exception) + refused.output
    done = CliRunner().invoke(
        app, [*args, "--date", "2023-01-10", "--date", "2024-01-10", "--landmark", "30 mL", "--json"]
    )
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout[done.stdout.index("[\n") :])
    assert [m["kind"] for m in made] == ["course", "forecast"]
    assert made[1]["crossings"][0]["landmark"] == 30.0
