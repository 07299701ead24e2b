"""The report: what is in it, that no text of a project becomes markup, its pages as PDF, and the words for the patient."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest
from typer.testing import CliRunner

import organtwin.cli.main  # noqa: F401  (the commands)
from organtwin.cli.base import app
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import (
    Alert,
    Course,
    Crossing,
    Estimate,
    Event,
    Forecast,
    Observations,
    Person,
    Quantity,
    Scenario,
    Source,
    TwinState,
)
from organtwin.model.forecast import LEVELS, Intervention
from organtwin.report.html import render, write_report
from organtwin.report.pdf import pages, pdf
from organtwin.report.plots import Dots, Fan, Plot, dates, ticks
from organtwin.store import Project

DAY = 86400.0
START = 1.7e9
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7*7 }}"


def observations(days=400, name="meter.json", display="Hypertension"):
    rng = np.random.default_rng(0)
    times = START + DAY * np.arange(days, dtype=float)
    return Observations(
        name="Readings", person=Person(sex="female", birth_year=1960), codes=("8480-6", "29463-7"), sources=(Source(name=name, format="fhir", device="Cuff"),),
        times_s=np.repeat(times, 2), durations_s=np.zeros(2 * days, np.float32), offset_min=np.zeros(2 * days, np.int16),
        values=np.stack([135 - 0.02 * np.arange(days) + rng.normal(size=days) * 6, 80 + 0.005 * np.arange(days)], axis=1).ravel(),
        code=np.tile(np.array([0, 1], np.uint16), days), source=np.zeros(2 * days, np.uint16),
        events=(Event(kind="condition", code="38341003", display=display, start_s=START),),
        quarantine=np.frombuffer(b'{"reason": "unit", "said": "A pressure in bananas", "place": "line 3", "raw": "x"}\n', np.uint8),
    )  # fmt: skip


def course(subject="Aorta diameter (abdominal aortic diameter)", unit="mm"):
    times = START + 365.25 * DAY * np.arange(3.0)
    return Course(
        name=f"{subject} since", subject=subject, unit=unit, times_s=times, values=np.array([41.0, 43.5, 46.0]), sds=np.ones(3),
        transforms=np.tile(np.eye(4), (3, 1, 1)), rate_per_year=2.4, rate_sd=0.5, change="grew by more than measuring explains since 2025-11-13",
        notes=("Rate +2.4 mm a year.",),
    )  # fmt: skip


def forecast(subject, start, model="progression", keys=("Aorta diameter",), units=("mm",), **more):
    times = start + 30 * DAY * np.arange(24.0)
    middle = 46 + 0.2 * np.arange(24.0)
    quantiles = np.stack([middle + (0.4 + 0.1 * np.arange(24)) * z for z in (-1.6, -0.7, 0, 0.7, 1.6)])
    return Forecast(
        name="ahead", model=model, subject=subject, keys=keys, units=units, times_s=times, quantiles=np.tile(quantiles, (len(keys), 1, 1)), levels=LEVELS,
        assumes=("Nothing is done about it.", "Before these scans: +2 mm a year."), **more,
    )  # fmt: skip


@pytest.fixture
def project(tmp_path):
    """A project with a bit of everything of the living twin, but nothing to draw in 3D."""
    own = course()
    crossing = Crossing(
        key="Aorta diameter",
        landmark=55.0,
        unit="mm",
        above=True,
        times_s=(START, START, None),
        chance=0.6,
        source="ESVS",
    )
    ahead = forecast(
        own.subject, float(own.times_s[-1]), crossings=(crossing,), notes=("55 mm is reached by 2029-01.",)
    )
    estimate = Estimate(
        key="r_systemic", unit="mm[Hg].s/mL", prior=1.0, prior_sd=0.3, value=1.2, sd=0.1, low=1.0, high=1.4, learned=0.7, with_="c_arterial"
    )  # fmt: skip
    state = TwinState(
        name="Twin", model="a model of another installation", at_s=START, keys=("r_systemic",), parameters=np.ones((40, 1)), state=np.zeros((40, 0)),
        weights=np.full(40, 1 / 40), estimates=(estimate,), fit=(Quantity(name="Systolic", value=-2.0, unit="mm[Hg]", why="measured 130"),),
    )  # fmt: skip
    scenario = Scenario(name="Fewer stairs", interventions=(Intervention(kind="unheard-of", options={"dose": "5 mg"}),))
    now = forecast("", START, model="a model of another installation", keys=("systolic",), units=("mm[Hg]",))
    then = now.with_(uuid="22222222-2222-4222-8222-222222222222", scenario=scenario.uuid)
    alert = Alert(
        name="Weight is rising", protocol="cardiovascular", rule="weight", severity="warning", since_s=START, raised_s=START + DAY, why="2 kg in 3 days."
    )  # fmt: skip
    document = Document.create(tmp_path / "case.otwin", "Case 12")
    document.add([observations(), own, ahead, state, scenario, now, then, alert], "all")
    document.close()
    return tmp_path / "case.otwin"


def html(folder, audience="both"):
    with Project(folder, read_only=True) as opened:
        return render(opened, audience)


def words(text):
    text = re.sub(r"<(style|svg|title)\b.*?</\1>|<img[^>]*>", " ", text, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text.replace("</td>", ". </td>"))))


def test_it_holds_readings_courses_forecasts_alerts_estimates_and_what_was_set_aside(project):
    told = words(html(project, "clinician"))
    for part in (
        "Case 12", "Not a medical device", "Systolic blood pressure", "female, born 1960", "grew by more than measuring explains",
        "55 mm is reached by 2029-01", "ESVS", "Weight is rising", "2 kg in 3 days", "r_systemic", "cannot be told apart from c_arterial", "70 %",
        "Fewer stairs", "As now", "unheard-of (dose 5 mg)", "A pressure in bananas", "RESCAN", "Hypertension", "Cuff",
    ):  # fmt: skip
        assert part in told, part
    assert "Whom to ask" not in told


def test_it_refers_to_nothing_outside_itself(project):
    told = html(project)
    assert not re.findall(r"""(?:src|href)=["'](?!data:)|@import|url\((?!data:)""", told)


@pytest.mark.parametrize("name", [HOSTILE, "x" * 3000, "a\x00\x1b[31m\u202eb", "</svg></style></title>"])
def test_no_text_of_a_project_becomes_markup(tmp_path, name):
    document = Document.create(tmp_path / "case.otwin", name[:200].replace("\x00", ""))
    own = course(f"{name.replace(chr(0), '')} diameter")
    document.add([observations(name=name, display=name), own, forecast(own.subject, START, keys=(name,))], "hostile")
    document.add(
        [Alert(name=name, protocol=name, rule="r", severity="note", since_s=float("nan"), raised_s=0.0, why=name)],
        "hostile",
    )
    document.close()
    told = html(tmp_path / "case.otwin")
    assert "<script" not in told
    assert "onerror=alert(2)>" not in told.replace("onerror=alert(2)&gt;", "")
    assert "{{ 7*7 }}" in unescape(told) or name != HOSTILE
    assert told.count("</style>") == 1
    assert told.count("</title>") == 1
    assert not set("\x00\x1b\u202e") & set(told)
    _laid_out_well(told)


def test_an_empty_project_has_a_report_too(tmp_path):
    Document.create(tmp_path / "case.otwin", "New").close()
    told = html(tmp_path / "case.otwin")
    assert "there is nothing to report yet" in words(told)
    assert "So far nothing was measured" in words(told)
    assert pdf(told).startswith(b"%PDF")


def test_an_ending_that_is_none_is_refused(project, tmp_path):
    with Project(project, read_only=True) as opened, pytest.raises(BadInput, match=r"\.html or \.pdf"):
        write_report(opened, tmp_path / "report.docx")


# -- PDF --------------------------------------------------------------------------------------------------------------


def _texts(box):
    if hasattr(box, "text"):
        yield box
    for child in getattr(box, "children", ()):
        yield from _texts(child)


def _laid_out_well(told):
    """No page without text, and no text beyond the paper."""
    laid = pages(told).pages
    for page in laid:
        inside = [b for b in _texts(page._page_box) if b.text.strip()]
        assert len(inside) > 6, "an empty page"
        for box in inside:
            assert box.position_x >= 0
            assert box.position_x + box.width <= page.width + 1, box.text
            assert box.position_y + box.height <= page.height, box.text
    return laid


def test_the_pages_are_a4_numbered_and_none_is_empty_or_cut(project):
    laid = _laid_out_well(html(project))
    assert [round(v) for v in (laid[0].width, laid[0].height)] == [794, 1123]
    for number, page in enumerate(laid, 1):
        told = " ".join(box.text for box in _texts(page._page_box))
        assert f"{number} of {len(laid)}" in told
        assert "not a medical device" in told


def test_the_patients_pages_do_not_name_the_project(project):
    laid = _laid_out_well(html(project))
    patient = [" ".join(b.text for b in _texts(p._page_box)) for p in laid]
    own = [t for t in patient if "Whom to ask" in t or "Your report" in t]
    assert own
    assert not any("Case 12" in t for t in own)


def test_the_file_is_a_pdf_that_is_whole(project, tmp_path):
    result = CliRunner().invoke(app, ["report", str(project), "-o", str(tmp_path / "r.pdf")])
    assert result.exit_code == 0, result.output
    data = (tmp_path / "r.pdf").read_bytes()
    assert data.startswith(b"%PDF-1.")
    assert data.rstrip().endswith(b"%%EOF")
    place = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    assert data[place : place + 4] == b"xref" or b"obj" in data[place : place + 20]


def test_a_page_cannot_read_files_of_the_machine(tmp_path):
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>secret</text></svg>')
    laid = pages(
        f'<p>here</p><img alt="closed" src="{secret.as_uri()}"><link rel="stylesheet" href="http://localhost:9/x.css">'
    )
    told = " ".join(b.text for b in _texts(laid.pages[0]._page_box))
    assert "secret" not in told
    assert "closed" in told


# -- the page for the patient -----------------------------------------------------------------------------------------

JARGON = (
    "segmentation", "systolic", "diastolic", "quantile", "percentile", "interval", "median", "ensemble", "parameter", "posterior", "prior ", "calibrat",
    "loinc", "mesh", "aneurysm", "stenosis", "tumour", "lesion", "ejection", "ventric", "forecast", "scenario", "assimilat", "uncertain", "deviation",
    "hypertension", "arterial", "landmark", "threshold", "alert", "risk", "rupture", "cancer", "death", "die ", "aortic", "abdominal",
)  # fmt: skip


def _syllables(word):
    word = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", word))
    return max(1, groups - (word.endswith("e") and not word.endswith("le") and groups > 1))


def _grade(text):
    """Flesch-Kincaid grade (J. P. Kincaid et al., 1975)."""
    sentences = [s for s in re.split(r"[.!?:]\s", text) if re.search("[a-z]{2}", s)]
    tokens = re.findall(r"[A-Za-z]{2,}|\ba\b", text)
    return 0.39 * len(tokens) / len(sentences) + 11.8 * sum(map(_syllables, tokens)) / len(tokens) - 15.59


def test_the_patients_page_has_short_words_and_no_jargon(project):
    told = words(html(project, "patient"))
    for word in JARGON:
        assert word not in told.lower(), word
    assert _grade(told) < 7.5
    for part in (
        "What was measured",
        "What this means",
        "What this does not mean",
        "Whom to ask",
        "Blood pressure, upper number",
        "Weight",
    ):
        assert part in told


def test_the_patients_page_tells_a_change_and_a_guess_but_no_limit(project):
    told = words(html(project, "patient"))
    assert "Width of your main blood vessel" in told
    assert "41 mm" in told
    assert "nine times out of ten" in told
    assert "55" not in told


@pytest.mark.parametrize("subject", ["Tumour volume", "Carotid stenosis", "LV ejection fraction"])
def test_how_a_grave_thing_may_go_on_is_left_for_a_talk(tmp_path, subject):
    own = course(subject, "mL" if "volume" in subject else "%")
    document = Document.create(tmp_path / "case.otwin", "x")
    document.add([own, forecast(subject, float(own.times_s[-1]))], "x")
    document.close()
    told = words(html(tmp_path / "case.otwin", "patient"))
    assert "made a guess" not in told
    assert "not the same as it was" in told


def test_the_patient_is_named_only_where_identity_was_kept(project):
    from organtwin.report.patient import _kept_name

    class Kept:
        facts = {"acquisition": {"patient name": "DOE^JANE"}}  # noqa: RUF012

    class Stripped:
        facts = {"acquisition": {"patient": "patient-1234"}}  # noqa: RUF012

    assert _kept_name([Kept()]) == "JANE DOE"
    assert _kept_name([Stripped()]) == ""
    assert "patient-" not in html(project, "patient")


# -- plots ------------------------------------------------------------------------------------------------------------


def test_ticks_are_round_numbers_within_the_range():
    assert ticks(0.0, 10.0) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert ticks(38.7, 46.2, 4) == [40.0, 42.0, 44.0, 46.0]


@pytest.mark.parametrize("span", [3600.0, 2 * DAY, 20 * DAY, 200 * DAY, 800 * DAY, 9000 * DAY])
def test_dates_on_an_axis_are_few_and_within_it(span):
    found = dates(START, START + span)
    assert 1 <= len(found) <= 9
    assert all(START <= t <= START + span for t, _ in found)


def test_a_plot_of_nothing_is_nothing_and_one_of_a_single_value_is_one():
    assert Plot("mm").svg() == ""
    assert Plot("mm", Dots(np.zeros(2), np.full(2, np.nan))).svg() == ""
    assert "<circle" in Plot("mm", Dots(np.array([START]), np.array([5.0]))).svg()


def test_lines_are_told_apart_by_dashes_and_names_not_by_colour_alone():
    times = START + DAY * np.arange(5.0)
    fans = tuple(Fan(f"line <{n}>", times, np.arange(5.0) + n) for n in range(3))
    drawn = Plot("mm", None, fans).svg()
    assert drawn.count("stroke-dasharray=") >= 2
    assert all(f"line &lt;{n}&gt;" in drawn for n in range(3))


def test_the_quality_page_is_a_pdf_too(tmp_path):
    from organtwin.model import Segment, Segmentation
    from organtwin.report.quality import write_quality
    from organtwin.space import Grid

    grid = Grid.make((20, 20, 20), (2.0, 2.0, 2.0))
    labels = np.zeros(grid.shape, np.uint8)
    labels[5:15, 5:15, 5:15] = 1
    drawn = Segmentation(name=HOSTILE, grid=grid, labels=labels, segments=(Segment.of(1, "liver", 8000.0),))
    write_quality(drawn, None, tmp_path / "q.pdf")
    assert (tmp_path / "q.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(BadInput, match=r"\.html or \.pdf"):
        write_quality(drawn, None, tmp_path / "q.docx")
