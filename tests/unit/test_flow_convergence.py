"""The grid convergence index on the published example, on exact powers, and on values that do not converge."""

from __future__ import annotations

import pytest
from organtwin_solvers.flow.results import convergence
from organtwin_solvers.flow.results.convergence import converge, study
from organtwin_solvers.validation.pipes import pipe

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh.resize import resized
from organtwin.model import FlowCase, Quantity, Result
from organtwin.monitor import NullMonitor

# Celik et al. 2008, table 1: cells in two dimensions
SIZES, WIDE = ([(1.0 / n) ** 0.5 for n in cells] for cells in ((18000, 8000, 4500), (18000, 4500, 980)))


@pytest.mark.parametrize(
    ("values", "sizes", "order", "extrapolated", "gci"),
    [
        ((6.063, 5.972, 5.863), SIZES, 1.53, 6.1685, 2.2),
        ((10.7880, 10.7250, 10.6050), WIDE, 0.75, 10.8801, 1.1),
    ],
)
def test_the_published_example_is_met(values, sizes, order, extrapolated, gci):
    found = study(values, sizes)
    assert found.order == pytest.approx(order, abs=0.01)
    assert found.extrapolated == pytest.approx(extrapolated, rel=1e-3)
    assert found.gci_percent[0] == pytest.approx(gci, abs=0.06)
    assert found.trusted


def test_the_published_oscillating_value_is_seen_to_oscillate():
    found = study((6.0042, 5.9624, 6.0909), WIDE)
    assert found.order == pytest.approx(1.51, abs=0.01)
    assert found.extrapolated == pytest.approx(6.0269, rel=1e-3)
    assert found.oscillating
    assert not found.trusted
    assert found.gci_percent[0] > 0.5  # that of the paper, without a larger safety factor


@pytest.mark.parametrize("order", [1.0, 2.0, 2.6])
def test_an_exact_power_is_extrapolated_to_its_limit(order):
    sizes = (1.0, 1.4, 2.3)
    values = [7.0 + 0.3 * h**order for h in sizes]
    found = study(values, sizes)
    assert found.order == pytest.approx(order, rel=1e-6)
    assert found.extrapolated == pytest.approx(7.0)
    assert found.gci_percent[1] == pytest.approx(125.0 * (values[1] - 7.0) / values[1])


def test_values_that_do_not_change_have_no_error():
    assert study((3.0, 3.0, 3.0), SIZES).gci_percent == (0.0, 0.0, 0.0)
    assert study((0.0, 0.0, 0.0), SIZES).gci_percent == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("values", [(1.0, 1.0, 2.0), (1.0, 2.0, 2.0), (1.0, 5.0, 1.0), (1.0, 2.0, 2.1)])
def test_values_that_do_not_converge_are_not_trusted(values):
    found = study(values, SIZES)
    assert not found.trusted
    assert found.gci_percent[0] > 50.0


def test_meshes_that_are_alike_are_refused():
    with pytest.raises(BadInput, match="too much alike"):
        study((1.0, 2.0, 3.0), (1.0, 1.05, 2.0))


def test_a_vessel_keeps_its_openings_and_volume_with_other_cells():
    organ = pipe(5.0, 20.0, 4, 10)
    coarse, fine = resized(organ, 1.3), resized(organ, 0.8)
    assert len(coarse.tets) < len(fine.tets)
    assert coarse.report["volume_mm3"] == pytest.approx(fine.report["volume_mm3"], rel=1e-3)
    assert coarse.boundaries == organ.boundaries
    assert [cap.name for cap in fine.caps] == ["inlet", "outlet"]
    assert fine.caps[0].area_mm2 == pytest.approx(organ.caps[0].area_mm2, rel=0.02)
    with pytest.raises(BadInput, match="positive"):
        resized(organ, 0.0)


def other(organ, factor, beat):
    """A pipe with twice or half the edges: a mesher takes much longer."""
    return pipe(5.0, 20.0, 2, 5) if factor > 1.0 else pipe(5.0, 20.0, 8, 20)


def test_levels_of_the_studied_quantities_come_from_the_three_meshes(monkeypatch):
    def fake(organ, case, monitor):
        h = (quality.volumes(organ.points_mm, organ.tets).sum() / len(organ.tets)) ** (1 / 3)
        numbers = {"Pressure drop a → b": (2.0 + 0.01 * h**2, "mmHg"), "Mean wall shear": (1.0 + 2.0 * h**2, "Pa")}
        quantities = [Quantity(name=n, value=v, unit=u) for n, (v, u) in numbers.items()]
        quantities.append(Quantity(name="Flow a", value=1.0, unit="mL/s", level="good"))
        return Result(name="x", physics="flow", mesh=organ.uuid, times_s=[0.0], fields={}, quantities=tuple(quantities))

    monkeypatch.setattr(convergence, "solve", fake)
    monkeypatch.setattr(convergence, "resized", other)
    organ = pipe(5.0, 20.0, 4, 10)
    case = FlowCase.model_validate({"inlets": [{"cap": "inlet", "flow": "1 mL/s"}]})
    result = converge(organ, case, (1.5, 0.7))
    assert result.mesh == organ.uuid
    found = {q.name: q for q in result.quantities}
    assert found["Pressure drop a → b"].level == "good"
    assert found["Mean wall shear"].level == "poor"
    assert found["Flow a"].why == ""
    assert found["Order observed: Mean wall shear"].value == pytest.approx(2.0, abs=1e-3)
    assert found["Extrapolated: Pressure drop a → b"].value == pytest.approx(2.0, rel=1e-4)
    assert len(result.tables["mesh study"]["tetrahedra"]) == 3
    with pytest.raises(BadInput, match="above 1"):
        converge(organ, case, (0.9, 0.7))


def test_no_checkpoint_goes_from_one_mesh_of_a_study_to_the_next(monkeypatch):
    class Keeping(NullMonitor):
        arrays = None

        def keep(self, arrays):
            self.arrays = arrays

        def kept(self):
            return self.arrays

    def fake(organ, case, monitor):
        assert monitor.kept() is None
        monitor.keep({"tetrahedra": organ.tets})
        quantity = Quantity(name="Mean wall shear", value=float(len(organ.tets)), unit="Pa")
        return Result(name="x", physics="flow", mesh=organ.uuid, times_s=[0.0], fields={}, quantities=(quantity,))

    monkeypatch.setattr(convergence, "solve", fake)
    monkeypatch.setattr(convergence, "resized", other)
    case = FlowCase.model_validate({"inlets": [{"cap": "inlet", "flow": "1 mL/s"}]})
    result = converge(pipe(5.0, 20.0, 4, 10), case, monitor=Keeping())
    assert len(result.tables["mesh study"]["tetrahedra"]) == 3
