"""Structure sets of other programs: true contours, holes of every kind, planes that are not the scan's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from organtwin.errors import BadInput
from organtwin.io import outline
from organtwin.io.parts import composed
from organtwin.io.rtstruct import draw_rtstruct, write_rtstruct
from organtwin.model import Segment, Segmentation
from organtwin.space import Grid

GRID = Grid.make((30, 26, 9), (0.8, 1.1, 2.0), (-10, 5, 40), frame_uid="1.2.99")


def square(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def structure_set(
    path: Path, contours: list[tuple[float, list[tuple[float, float]]]], kind: str = "CLOSED_PLANAR"
) -> Path:
    """A file of another program, contours (slice, corners) in indices of GRID, no pixel planes, no codes."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[0, 0, 0] = 1
    write_rtstruct(Segmentation(name="s", grid=GRID, labels=labels, segments=(Segment.of(1, "x", 0.0),)), path)
    d = pydicom.dcmread(path)
    item = d.ROIContourSequence[0]
    template = item.ContourSequence[0]
    del item.SourcePixelPlanesCharacteristicsSequence, d.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence
    d.StructureSetROISequence[0].ROIName = "Kidney_L"
    made = []
    for k, corners in contours:
        contour = pydicom.Dataset()
        contour.update(template)
        points = GRID.to_world([(i, j, k) for i, j in corners])
        contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
        contour.ContourData = [f"{v:.5f}" for v in points.ravel()]
        made.append(contour)
    item.ContourSequence = made
    d.save_as(path)
    return path


def mask(path: Path, grid: Grid | None = GRID) -> np.ndarray:
    return np.asarray(composed(draw_rtstruct(path, grid)).mask("kidney_left"))


def test_a_voxel_belongs_when_its_centre_lies_in_the_contour(tmp_path: Path) -> None:
    found = mask(structure_set(tmp_path / "a.dcm", [(4, square(2.6, 3.4, 7.4, 9.6))]))
    wanted = np.zeros(GRID.shape, bool)
    wanted[4, 4:10, 3:8] = True
    assert np.array_equal(found, wanted)


def test_a_contour_in_another_is_a_hole_and_one_in_the_hole_is_an_island(tmp_path: Path) -> None:
    rings = [(4, square(8.7, 8.7, 11.3, 11.3)), (4, square(2.5, 2.5, 20.5, 20.5)), (4, square(5.5, 5.5, 15.5, 15.5))]
    for kind in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
        found = mask(structure_set(tmp_path / "a.dcm", rings, kind))[4]
        assert found[3, 3]
        assert not found[7, 7]
        assert found[10, 10]
        assert found.sum() == 18 * 18 - 10 * 10 + 9


def test_contours_that_cross_add_up_and_a_note_says_so(tmp_path: Path) -> None:
    path = structure_set(tmp_path / "a.dcm", [(4, square(2.5, 2.5, 8.5, 8.5)), (4, square(6.5, 6.5, 12.5, 12.5))])
    assert mask(path).sum() == 36 + 36 - 4
    assert any("cross" in note for note in draw_rtstruct(path, GRID).notes)


def test_a_keyhole_covers_nothing(tmp_path: Path) -> None:
    outer, inner = square(2.5, 2.5, 20.5, 20.5), square(5.5, 5.5, 15.5, 15.5)
    way = [*outer, outer[0], *inner[::-1], inner[-1], outer[0]]
    assert mask(structure_set(tmp_path / "a.dcm", [(4, way)])).sum() == 18 * 18 - 10 * 10


def test_contours_on_every_second_slice_stand_for_two_slices_each(tmp_path: Path) -> None:
    path = structure_set(tmp_path / "a.dcm", [(k, square(2.5, 2.5, 8.5, 8.5)) for k in (1, 3, 5)])
    assert mask(path).any(axis=(1, 2)).nonzero()[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert any("2 slices apart" in note for note in draw_rtstruct(path, GRID).notes)


def test_a_gap_in_the_contours_stays_one(tmp_path: Path) -> None:
    path = structure_set(tmp_path / "a.dcm", [(k, square(2.5, 2.5, 8.5, 8.5)) for k in (0, 1, 2, 5, 6, 7)])
    assert mask(path).any(axis=(1, 2)).nonzero()[0].tolist() == [0, 1, 2, 5, 6, 7]


def test_without_a_scan_a_grid_is_found_along_the_contours(tmp_path: Path) -> None:
    path = structure_set(
        tmp_path / "a.dcm", [(k, square(2.5, 2.5, 3.5, 3.5)) for k in (1, 2)] + [(2, square(4.5, 2.5, 8.5, 9.5))]
    )
    drawn = draw_rtstruct(path)
    np.testing.assert_allclose(drawn.grid.spacing_mm, (0.8, 1.1, 2.0), rtol=1e-3)
    assert composed(drawn).mask("kidney_left").sum() == 2 + 28


def test_points_and_lines_enclose_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no closed contours"):
        draw_rtstruct(structure_set(tmp_path / "a.dcm", [(4, square(2, 2, 3, 3))], "OPEN_PLANAR"), GRID)


def test_outlines_hold_the_area_of_the_pixels_and_fill_to_them_again() -> None:
    random = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.8):
        pixels = random.random((23, 31)) < share
        lines = outline.outlines(pixels)
        assert sum(map(outline.area, lines)) == pytest.approx(pixels.sum())
        for ways in (lines, outline.with_keyholes(lines), outline.smooth_outlines(pixels)):
            back = np.zeros(pixels.shape, bool)
            for way in ways:
                rows, columns, inside = outline.fill(way, pixels.shape)
                back[rows, columns] ^= inside
            assert np.array_equal(back, pixels)


def test_what_is_no_structure_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_text("no")
    with pytest.raises(BadInput, match="not a DICOM file"):
        draw_rtstruct(tmp_path / "a.dcm")
    image = next((Path(__file__).parents[2] / "sample_dicom" / "series").rglob("*.dcm"), None)
    if image:
        with pytest.raises(BadInput, match="not a DICOM structure set"):
            draw_rtstruct(image)


def test_a_structure_set_that_lies_wholly_outside_the_scan_is_refused(tmp_path: Path) -> None:
    file = structure_set(tmp_path / "far.dcm", [(4, square(5003, 3, 5009, 9)), (5, square(5003, 3, 5009, 9))])
    with pytest.raises(BadInput, match="wholly outside the scan"):
        draw_rtstruct(file, GRID)
