"""Meshes and centrelines of real scans."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial import cKDTree

from organtwin.mesh import quality
from organtwin.mesh.label_surface import label_surfaces
from organtwin.model import Segment, Segmentation
from organtwin.operations.mesh import OPERATION
from organtwin.space import Grid
from organtwin.vessel import centerline, openings

pytestmark = pytest.mark.real_data


def labelled(path, keys, merge=()):
    image = sitk.ReadImage(str(path))
    labels = sitk.GetArrayFromImage(image).astype(np.uint8)
    labels[np.isin(labels, merge)] = next(iter(keys))
    grid = Grid.make(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), np.array(image.GetDirection()).reshape(3, 3)
    )
    return Segmentation(
        name="real", grid=grid, labels=labels, segments=tuple(Segment.of(n, key, 0.0) for n, key in keys.items())
    )


def check(mesh):
    assert quality.volumes(mesh.points_mm, mesh.tets).min() > 0
    assert mesh.report["min_dihedral_deg"] > 8
    assert abs(mesh.report["volume_error_percent"]) < 1
    assert mesh.report["p95_error_mm"] < 1.5


def test_a_thoracic_aorta_with_its_arch_branches(real_data):
    seg = labelled(real_data / "cta-thorax" / "labels.nii.gz", {3: "aorta"}, merge=(4, 5, 6, 7))
    surface, mesh = OPERATION({"segmentation": seg}, {"structure": "aorta"})
    check(mesh)
    names = [c.name for c in mesh.caps]
    assert names[0] == "inlet"
    assert {"brachiocephalic", "carotid_left", "subclavian_left", "descending"} <= set(names)
    inlet, descending = mesh.cap("inlet"), mesh.cap("descending")
    assert inlet.centre_mm[1] < descending.centre_mm[1]
    assert abs(surface.report["volume_error_percent"]) < 1


def test_a_slab_of_liver_and_aorta(real_data):
    seg = labelled(real_data / "dicom-edge" / "jpeg2000-empty-uids.labels.nii.gz", {5: "liver", 52: "aorta"})
    _, liver = OPERATION({"segmentation": seg}, {"structure": "liver"})
    check(liver)
    _, aorta = OPERATION({"segmentation": seg}, {"structure": "aorta"})
    check(aorta)
    assert [c.name for c in aorta.caps] == ["inlet", "descending"]
    assert aorta.caps[0].centre_mm[2] > aorta.caps[1].centre_mm[2]


def test_radii_agree_with_a_published_centreline(real_data):
    import pyvista as pv

    reference = pv.read(real_data / "mra-aorta" / "aorta-centerline.vtp")
    outline = pv.read(real_data / "mra-aorta" / "aorta-surface.vtp")
    spacing = np.array([0.8, 0.8, 0.8])
    low, high = np.array(outline.bounds).reshape(3, 2).T
    size = np.ceil((high - low) / spacing).astype(int) + 5
    image = pv.ImageData(dimensions=size, spacing=spacing, origin=low - 2 * spacing)
    inside = np.asarray(outline.voxelize_binary_mask(reference_volume=image)["mask"]).reshape(size[::-1])
    assert inside.sum() * spacing.prod() == pytest.approx(outline.volume, rel=0.02)
    grid = Grid.make(size, spacing, low - 2 * spacing)
    seg = Segmentation(name="mra", grid=grid, labels=inside.astype(np.uint8), segments=(Segment.of(1, "aorta", 0.0),))
    (surface,) = label_surfaces(seg, ["aorta"], alone=True)
    line = openings.with_surface(centerline.extract(surface.mask, surface.grid), surface.points_mm)
    distance, at = cKDTree(line.points_mm).query(reference.points)
    inner = distance < 1.5  # the reference runs to the very ends
    ratio = line.radii_mm[at[inner]] / np.asarray(reference["MaximumInscribedSphereRadius"])[inner]
    assert np.median(distance) < 0.6
    assert np.median(ratio) == pytest.approx(1.0, abs=0.06)
    assert len(line.ends) == 3
