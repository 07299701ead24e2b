"""Measured flow from tables as people save them, and the sentence for each that cannot be used."""

from __future__ import annotations

import pytest

from organtwin.errors import BadInput
from organtwin.units import parse
from organtwin.vessel.waveform_csv import period_s, read_waveform, samples_from_csv

TIMES, LITRES = (0.0, 0.25, 0.5, 0.75), (1.0, 10.5, 3.0, 1.5)

TABLES = {
    "comma": "time (ms), flow (L/min)\n0,1\n250,10.5\n500,3\n750,1.5\n",
    "semicolon and decimal comma": "t [s];Q [l/min]\n0;1\n0,25;10,5\n0,5;3\n0,75;1,5\n",
    "tab": "time (s)\tflow (L/min)\n0\t1\n0.25\t10.5\n0.5\t3\n0.75\t1.5\n",
    "blanks": "time (s) flow (L/min)\n0 1\n0.25 10.5\n0.5 3\n0.75 1.5\n",
    "mark, carriage returns and remarks": "\ufefftime (s),flow (L/min)\r\n# rest\r\n0,1\r\n0.25,10.5\r\n\r\n0.5,3\r\n0.75,1.5\r\n",
    "units below the names": "time,flow\ns,L/min\n0,1\n0.25,10.5\n0.5,3\n0.75,1.5\n",
    "other columns and order": "n,flow (L/min),velocity (cm/s),time (ms)\n1,1,9,0\n2,10.5,9,250\n3,3,9,500\n4,1.5,9,750\n",
    "bare units": "time_ms,flow L/min\n0,1\n250,10.5\n500,3\n750,1.5\n",
    "quotes": '"time (s)","flow (L/min)"\n"0","1"\n"0.25","10.5"\n"0.5","3"\n"0.75","1.5"\n',
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_table_is_read_however_it_was_saved(table):
    samples = samples_from_csv(table)
    assert samples.times_s == pytest.approx(TIMES)
    assert samples.values == pytest.approx(LITRES)
    assert parse(f"1 {samples.unit}", "flow") == pytest.approx(parse("1 L/min", "flow"))
    assert period_s(samples) == pytest.approx(1.0)


@pytest.mark.parametrize("unit", ["mL/s", "ml/min", "cm3/s", "cm^3/s", "cm³/s", "mL per s", "m3/s", "mm^3/s"])
def test_units_of_flow_are_read_as_people_write_them(unit):
    samples = samples_from_csv(f"time (s),flow ({unit})\n0,0\n1,1\n2,0\n")
    assert parse(f"1 {samples.unit}", "flow") > 0.0
    assert period_s(samples) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("", "is empty"),
        ("# only a remark\n\n", "is empty"),
        ("0,1\n1,2\n2,3\n", "no header that gives the units"),
        ("flow (mL/s)\n1\n2\n3\n", "one column"),
        ("time,flow (mL/s)\n0,1\n1,2\n2,3\n", "The column 'time' has no unit"),
        ("time (s),flow\n0,1\n1,2\n2,3\n", "The column 'flow' has no unit"),
        ("time (s),flow (mmHg)\n0,1\n1,2\n2,3\n", "No column is in a unit of flow; 'flow (mmHg)' is in 'mmHg'"),
        ("time (s),flow (furlong)\n0,1\n1,2\n2,3\n", "No column is in a unit of flow"),
        ("time (s),flow (mL/s)\n0,1\n1,nan\n2,3\n", "'nan' is not a finite number (line 3)"),
        ("time (s),flow (mL/s)\n0,1\n1,much\n2,3\n", "'much' is not a finite number (line 3)"),
        ("time (s),flow (mL/s)\n0,1\n1,\n2,3\n", "'' is not a finite number (line 3)"),
        ("time (s),flow (mL/s)\n0,1\n1,2\n1,3\n", "does not increase here (line 4)"),
        ("time (s),flow (mL/s)\n0,1\n0,5,2\n1,3\n", "has 3 columns and the header 2 (line 3)"),
        ("time (s),flow (mL/s)\n0,1\n1,2\n", "has 2 points"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_sentence(table, sentence):
    with pytest.raises(BadInput) as refused:
        samples_from_csv(table)
    assert sentence in refused.value.sentence


def test_files_that_are_missing_or_no_text_are_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_waveform(tmp_path / "none.csv")
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"\x00\x81\x00\x9d" * 50)
    with pytest.raises(BadInput, match="not text"):
        read_waveform(binary)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_is_read_in_the_encodings_of_spreadsheets(tmp_path, encoding):
    file = tmp_path / "wave.csv"
    file.write_bytes("time (s);flow (cm³/s)\n0;0,5\n0,4;6\n0,8;0,5\n".encode(encoding))
    samples = read_waveform(file)
    assert samples.values == pytest.approx((0.5, 6.0, 0.5))
    assert period_s(samples) == pytest.approx(0.8)
