"""Networks that the user brings, with small ones built here whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.errors import BadInput, Cancelled
from organtwin.model import Volume
from organtwin.monitor import NullMonitor
from organtwin.operations import find
from organtwin.segment.network.description import Description
from organtwin.segment.network.windows import Slid, gaussian, starts
from organtwin.space import Grid

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def network(folder: Path, kernel: np.ndarray, bias: list[float], name: str = "net", **description: Any) -> Path:
    """One convolution (classes, channels, a, b, c) with zeros beyond its patch, and the description beside it."""
    pads = [n // 2 for n in kernel.shape[2:]] * 2
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=pads)],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, kernel.shape[1], "a", "b", "c"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, kernel.shape[0], "a", "b", "c"])],
        [
            numpy_helper.from_array(kernel.astype(np.float32), "w"),
            numpy_helper.from_array(np.array(bias, np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    told = {"name": "A net", "licence": "CC0-1.0", "patch": [16, 16, 16], "spacing_mm": [2, 2, 2],
            "labels": {"1": "liver"}, **description}  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(told))
    return path


def above(folder: Path, level: float, **description: Any) -> Path:
    """What is brighter than a level."""
    return network(folder, np.array([0.0, 1.0]).reshape(2, 1, 1, 1, 1), [0.0, -level], **description)


def scan(
    values: np.ndarray, spacing: tuple[float, float, float] = (2, 2, 2), directions: Any = None, modality: str = "CT"
) -> Volume:
    grid = Grid.make(values.shape[::-1], spacing, (5, -7, 11), directions)
    return Volume(name="scan", grid=grid, values=values.astype(np.int16), modality=modality, value_unit="HU")


def labelled(volume: Volume, model: Path, monitor: Any = None, **options: Any) -> Any:
    (made,) = find("segment")(
        {"volume": volume}, {"engine": "network", "options": {"model": str(model), **options}}, monitor
    )
    return made


def corner(shape: tuple[int, int, int] = (40, 36, 30)) -> np.ndarray:
    """Bright in one corner, with arms of different lengths along the three axes: no turn or flip leaves it as it is."""
    values = np.full(shape, -100)
    values[3:33, 4:9, 5:9] = 200
    values[3:7, 4:22, 5:9] = 200
    values[3:7, 4:9, 5:17] = 200
    return values


def test_a_threshold_net_gives_exactly_the_threshold(tmp_path: Path) -> None:
    values = corner()
    made = labelled(scan(values), above(tmp_path, 50))
    assert np.array_equal(made.mask("liver"), values > 50)


@pytest.mark.parametrize("turned", [np.eye(3), np.diag([-1.0, -1, 1]), np.array([[0, 0, 1.0], [1, 0, 0], [0, -1, 0]])])
@pytest.mark.parametrize("axes", ["SPL", "RAS", "LIA"])
def test_whatever_the_scan_and_the_network_are_turned_a_structure_stays_where_it_is(
    tmp_path: Path, turned: np.ndarray, axes: str
) -> None:
    values = corner()
    made = labelled(scan(values, directions=turned), above(tmp_path, 50, axes=axes))
    assert np.array_equal(made.mask("liver"), values > 50)


def test_the_network_sees_the_patient_in_the_direction_it_was_trained_in(tmp_path: Path) -> None:
    """A net that looks one voxel back along its second axis, which grows to the front."""
    kernel = np.zeros((2, 1, 1, 3, 1))
    kernel[1, 0, 0, 0, 0] = 1  # its answer at b is its input at b - 1: what it sees moves to the front
    values = corner()
    made = labelled(scan(values), network(tmp_path, kernel, [0, -50], axes="RAS"))
    assert np.array_equal(made.mask("liver")[:, :-1], (values > 50)[:, 1:])  # rows of a scan grow to the back


def test_channels_are_made_by_their_own_intensities_in_their_order(tmp_path: Path) -> None:
    kernel = np.zeros((2, 2, 1, 1, 1))
    kernel[1, 0], kernel[1, 1] = 1, -1
    channels = [
        {"scheme": "range", "low": -100, "high": 300, "to": [0, 1]},
        {"scheme": "ct", "low": 0, "high": 100, "mean": 50, "std": 100},
    ]
    values = corner()
    made = labelled(scan(values), network(tmp_path, kernel, [0, -0.1], channels=channels))
    # bright: (200 + 100) / 400 - (100 - 50) / 100 = 0.25; dark: 0 + 0.5 = 0.5; less 0.1
    assert made.segments[0].volume_mm3 == pytest.approx(values.size * 8)
    with_mean = network(tmp_path, kernel, [0, -0.3], channels=channels)
    assert np.array_equal(labelled(scan(values), with_mean).mask("liver"), values < 50)


def test_seams_of_patches_vanish(tmp_path: Path) -> None:
    """A smoothing net whose zeros beyond the patch spoil its rim answers as if there were no patches."""
    kernel = np.zeros((2, 1, 5, 5, 5))
    kernel[1] = 1 / 125
    k, j, i = np.indices((50, 44, 40))
    values = np.where((k - 25) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 17**2, 1000, 0)
    small = labelled(scan(values), network(tmp_path, kernel, [0, -500], "small", patch=[24, 24, 24], overlap=0.5))
    whole = labelled(scan(values), network(tmp_path, kernel, [0, -500], "whole", patch=[50, 44, 40]))
    differ = (small.mask("liver") != whole.mask("liver")).sum()
    assert differ <= 0.002 * whole.mask("liver").sum()


def test_a_scan_of_uneven_voxels_keeps_shape_and_volume(tmp_path: Path) -> None:
    k, j, i = np.indices((16, 60, 50))
    ball = ((k - 8) * 5) ** 2 + ((j - 30) * 1.2) ** 2 + ((i - 25) * 1.2) ** 2 < 24**2
    made = labelled(
        scan(np.where(ball, 200, -200), spacing=(1.2, 1.2, 5)), above(tmp_path, 0, spacing_mm=[2.5, 1.5, 1.5])
    )
    found = made.mask("liver")
    assert 2 * (found & ball).sum() / (found.sum() + ball.sum()) > 0.97


def test_a_scan_smaller_than_a_patch_is_padded(tmp_path: Path) -> None:
    values = np.full((5, 40, 6), 100)
    made = labelled(scan(values), above(tmp_path, 50, patch=[32, 32, 32]))
    assert made.mask("liver").all()


def test_strips_change_nothing_but_the_memory() -> None:
    values = np.random.default_rng(1).normal(size=(30, 34, 28)).astype(np.float32)

    def run(memory: float) -> np.ndarray:
        slid = Slid((12, 10, 14), 0.5, 2, memory)
        ask = lambda patch: np.stack([np.zeros(patch.shape[1:], np.float32), patch[0]])  # noqa: E731
        return slid.over(
            values.shape, lambda box: values[box][None], ask, lambda a: a.argmax(0).astype(np.uint16), NullMonitor()
        )

    assert np.array_equal(run(1e9), run(1.0))
    assert np.array_equal(run(1e9), values > 0)


def test_mirrored_answers_are_turned_back(tmp_path: Path) -> None:
    values = corner()
    made = labelled(scan(values), above(tmp_path, 50, mirroring=[0, 1, 2]))
    assert np.array_equal(made.mask("liver"), values > 50)


def test_channels_that_stand_for_themselves_are_read_above_the_threshold(tmp_path: Path) -> None:
    kernel = np.array([1.0, 0.01]).reshape(2, 1, 1, 1, 1)
    path = network(
        tmp_path, kernel, [-150, 0.0], activation="sigmoid", threshold=0.6, labels={"0": "aorta", "1": "liver"}
    )
    values = np.zeros((16, 16, 16))
    values[:4], values[4:8] = 100, 200
    made = labelled(scan(values), path)
    assert np.array_equal(made.mask("aorta"), values == 200)
    assert np.array_equal(made.mask("liver"), values == 100)


def test_its_licence_is_said(tmp_path: Path) -> None:
    lines: list[str] = []

    class Listening(NullMonitor):
        def log(self, text: str) -> None:
            lines.append(text)

    labelled(scan(corner()), above(tmp_path, 50), Listening())
    assert any("CC0-1.0" in line for line in lines)


def test_it_stops_between_patches(tmp_path: Path) -> None:
    class Stopping(NullMonitor):
        def progress(self, fraction: float, what: str = "") -> None:
            if what.startswith("patch 3"):
                raise Cancelled

    with pytest.raises(Cancelled):
        labelled(scan(corner()), above(tmp_path, 50), Stopping())


def test_another_kind_of_scan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="reads MR"):
        labelled(scan(corner()), above(tmp_path, 50, modality=["MR"]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": {"5": "liver"}}, "names class 5"),
        ({"axes": "SPP"}, "three directions"),
        ({"spacng_mm": [1, 1, 1]}, "Unknown key 'spacng_mm'"),
        ({"channels": [{"scheme": "ct"}]}, "needs 'low'"),
        ({"channels": [{}, {}]}, "takes channels of 1"),
        ({"patch": [2000, 2000, 2000]}, "larger than a scan"),
        ({"sha256": "00"}, "not those that its description names"),
        ({"labels": {"1": "../x"}}, "no key of a structure"),
        ({"spacing_mm": [0.02, 0.02, 0.02], "patch": [1, 1, 1]}, "billion voxels"),
        ({"licence": ""}, "licence"),
    ],
)
def test_a_description_that_does_not_fit_is_one_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        labelled(scan(corner()), above(tmp_path, 50, **change))


def test_files_that_are_no_networks_are_one_sentence(tmp_path: Path) -> None:
    path = above(tmp_path, 50)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadInput, match="cannot run this file"):
        labelled(scan(corner()), path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(BadInput, match="no JSON"):
        labelled(scan(corner()), path)
    path.with_suffix(".json").unlink()
    with pytest.raises(BadInput, match="no description"):
        labelled(scan(corner()), path)
    with pytest.raises(BadInput, match="no such network"):
        labelled(scan(corner()), tmp_path / "none.onnx")


def test_patches_cover_all_of_an_axis() -> None:
    for size in (5, 16, 17, 40, 101):
        first = starts(size, 16, 0.5)
        covered = np.zeros(max(size, 16), bool)
        for at in first:
            covered[at : at + 16] = True
        assert covered.all()
        assert first[0] == 0
        assert first[-1] == max(size - 16, 0)
    assert gaussian((9, 9, 9)).argmax() == 364


def test_the_description_in_the_documentation_is_one_that_works() -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()
    told = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert Description.model_validate(told).labels == {1: "liver", 2: "tumour"}
