"""The table of what a procedure changed."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model import Quantity, Result
from organtwin.report.comparison import compare


def result(physics="flow", tables=None, **quantities):
    made = tuple(Quantity(name=name, value=value, unit=unit) for name, (value, unit) in quantities.items())
    return Result(
        name="r", physics=physics, mesh="m", times_s=np.zeros(1), fields={}, quantities=made, tables=tables or {}
    )


def test_quantities_are_matched_by_name_and_their_change_is_given():
    before = result(**{"Mean wall shear": (2.0, "Pa"), "Pressure drop inlet → left": (-8.0, "mmHg")})
    after = result(**{"Pressure drop inlet → left": (-2.0, "mmHg"), "Mean wall shear": (1.5, "Pa")})
    drop, shear = compare(before, after)
    assert (drop.name, drop.unit, drop.change, drop.change_percent) == ("Pressure drop inlet → left", "mmHg", 6.0, 75.0)
    assert (shear.before.value, shear.after.value, shear.change_percent) == (2.0, 1.5, -25.0)


def test_what_is_asked_first_stands_first():
    names = {
        "Reynolds number inlet": "",
        "Peak velocity": "cm/s",
        "TAWSS": "Pa",
        "Flow share left": "%",
        "FFR left": "",
    }
    one = result(**{name: (1.0, unit) for name, unit in names.items()})
    assert [row.name for row in compare(one, one)] == [
        "FFR left",
        "Flow share left",
        "TAWSS",
        "Peak velocity",
        "Reynolds number inlet",
    ]


def test_a_share_changes_by_points_and_from_nothing_there_is_no_percentage():
    before = result(**{"Flow share left": (40.0, "%"), "Flow graft": (0.0, "mL/s")})
    after = result(**{"Flow share left": (50.0, "%"), "Flow graft": (3.0, "mL/s")})
    share, flow = compare(before, after)
    assert (share.change, share.change_percent) == (10.0, None)
    assert (flow.change, flow.change_percent) == (3.0, None)


def test_a_clamped_branch_is_in_the_table_without_a_value_after():
    row = next(r for r in compare(result(**{"Flow left": (9.0, "mL/s")}), result()) if r.name == "Flow left")
    assert row.before is not None
    assert (row.after, row.change, row.change_percent) == (None, None, None)


def test_the_reserve_of_each_branch_comes_from_the_tables():
    before = result(tables={"left": {"ffr": [1.0, 0.9, 0.7]}, "right": {"distance_mm": [0.0]}})
    after = result(tables={"left": {"ffr": [1.0, 0.95]}})
    (row,) = compare(before, after)
    assert row.name == "FFR left"
    assert row.change == pytest.approx(0.25)


def test_numbers_about_the_solve_are_left_out():
    assert compare(result(**{"Mass imbalance": (0.1, "%")}), result()) == ()


def test_results_of_different_physics_are_refused():
    with pytest.raises(BadInput, match="flow result and a tissue result"):
        compare(result(), result(physics="tissue"))


def test_the_report_compares_results_that_were_solved_alike_before_and_after():
    from types import SimpleNamespace

    from organtwin.model import Recipe
    from organtwin.report.html import _compared

    def entry(uuid, mesh, flow):
        recipe = Recipe(operation="flow", parameters={"flow": flow})
        return SimpleNamespace(uuid=uuid, kind="result", recipe=recipe, facts={"physics": "flow", "mesh": mesh})

    stored = {
        name: result(**{"Peak velocity": (value, "cm/s")})
        for name, value in zip("abc", (90.0, 50.0, 70.0), strict=True)
    }
    entries = [entry("a", "old", 5), entry("b", "new", 5), entry("c", "new", 7)]
    done = SimpleNamespace(facts={"before": "old", "after": "new"})
    (table,) = _compared(SimpleNamespace(load=stored.__getitem__), done, entries)
    assert [row.change for row in table["rows"]] == [-40.0]
    assert _compared(SimpleNamespace(load=stored.__getitem__), done, entries[:1] + entries[2:]) == []
