"""What is true about the patient: the shapes as they were made, not as the scan shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.io.dicom_seg import write_seg
from organtwin.model import Segment, Segmentation
from organtwin.space import Grid
from phantom import anatomy as a
from phantom import dicom, scene
from phantom.shapes import Lattice

ABOUT = (
    "Lengths in mm, volumes in mL, places in DICOM patient coordinates (LPS, mm). The labels of truth.dcm do not overlap. Organs stored in parts are "
    "listed under 'composites': heart is the four chambers and the myocardium; liver is its parenchyma with the portal and hepatic veins and the "
    "tumours (the portal vein is stored whole, with about 8 mL outside the liver: its trunk and the first 10 mm of the splenic and the mesenteric vein); lungs hold their small vessels; "
    "bone has no discs and no cartilage; aorta ends at the edge of the scan and holds the first 10 mm of its abdominal branches; the "
    "left atrium has the stumps of the pulmonary veins, the superior vena cava both brachiocephalic veins, the inferior one the first 10 mm of the renal veins, kidneys no renal sinus; body is everything "
    "within the skin. Volumes are of the shapes, counted on two lattices that are half a voxel apart."
)


def truth(labels: NDArray[np.uint8], lattice: Lattice, relabel: Callable[[float], NDArray[np.uint8]]) -> dict[str, Any]:
    """Everything that truth.json says.

    ``relabel(shift)`` labels the voxels of a lattice shifted by that part of a voxel along x, y and z.
    """
    voxel_ml = float(np.prod([axis[1] - axis[0] for axis in (lattice.x, lattice.y, lattice.z)])) / 1000
    other = relabel(0.5)

    def volume(key: str) -> float:
        return round((int(scene.mask(labels, key).sum()) + int(scene.mask(other, key).sum())) / 2 * voxel_ml, 2)

    def centre(key: str) -> list[float]:
        k, j, i = (float(v.mean()) for v in np.nonzero(scene.mask(labels, key)))
        return [
            round(float(np.interp(n, np.arange(len(axis)), axis)), 1)
            for n, axis in ((i, lattice.x), (j, lattice.y), (k, lattice.z))
        ]

    keys = sorted(set(scene.KEYS) | set(scene.COMPOSITES))
    return {
        "about": ABOUT,
        "frame_of_reference_uid": str(dicom.FRAME_UID),
        "composites": {name: list(parts) for name, parts in scene.COMPOSITES.items()},
        "volumes_ml": {key: volume(key) for key in keys},
        "centres_mm": {key: centre(key) for key in keys},
        "mean_hu": {key: scene.HU[key] for key in scene.KEYS if key in scene.HU},
        "aorta": _aorta(),
        "stenosis": _stenosis(),
        "vessel_diameters_mm": _diameters(),
        "tumours": [
            {"centre_mm": list(centre_mm), "diameter_mm": diameter, "volume_ml": round(np.pi * diameter**3 / 6000, 3)} for centre_mm, diameter in a.TUMOURS
        ],
        "landmarks_mm": {name: [round(float(v), 1) for v in place] for name, place in _landmarks(lattice).items()},
        "asymmetry": {
            "heart_apex": "left", "liver": "right", "gallbladder": "right", "aortic_arch": "left", "spleen": "left", "stomach": "left",
            "inferior_vena_cava": "right", "spine": "posterior", "sternum": "anterior",
        },
    }  # fmt: skip


def _aorta() -> dict[str, Any]:
    """Named stations along the axis of the aorta: place, direction of flow and diameter."""
    length, points, radii = a.aorta_tube().sampled()
    descending = length > length[np.argmax(points[:, 2])]
    healthy = {
        "annulus": 0,
        "sinus": 1,
        "sinotubular_junction": 2,
        "ascending": 3,
        "arch": 6,
        "isthmus": 8,
        "descending_upper": 9,
        "diaphragm": 12,
        "renal": 14,
    }
    at = {
        name: int(np.argmin(np.linalg.norm(points - np.array(a.AORTA_STATIONS[n][:3]), axis=1)))
        for name, n in healthy.items()
    }
    throat = a.aorta_tube().throats[0]
    at["stenosis_throat"] = int(np.argmin(np.abs(length - throat[0])))
    for name, offset in (("above_stenosis", -1), ("below_stenosis", 1)):
        at[name] = int(np.argmin(np.abs(length - throat[0] - offset * (throat[1] + 4))))
    assert descending[at["stenosis_throat"]]
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    ordered = sorted(at.items(), key=lambda item: item[1])
    return {
        "stations": [
            {
                "name": name,
                "centre_mm": [round(float(v), 2) for v in points[n]],
                "direction": [round(float(v), 4) for v in along[n]],
                "diameter_mm": round(2 * float(radii[n]), 2),
                "length_from_valve_mm": round(float(length[n]), 1),
            }
            for name, n in ordered
        ],
        "length_mm": round(float(length[-1]), 1),
    }


def _stenosis() -> dict[str, Any]:
    tube = a.aorta_tube()
    length, points, radii = tube.sampled()
    place, half, severity = tube.throats[0]
    n = int(np.argmin(np.abs(length - place)))
    before, after = (float(np.interp(place + s * half, length, radii)) for s in (-1, 1))
    reference = before + after
    throat = 2 * float(np.interp(place, length, radii))
    return {
        "vessel": "aorta, descending thoracic part",
        "centre_mm": [round(float(v), 2) for v in points[n]],
        "throat_diameter_mm": round(throat, 2),
        "reference_diameter_mm": round(reference, 2),
        "severity_percent_diameter": round(100 * (1 - throat / reference), 1),
        "severity_percent_area": round(100 * (1 - (throat / reference) ** 2), 1),
        "length_mm": 2 * half,
        "profile": f"radius times 1 - {severity} (1 + cos(pi s / {half:g} mm)) / 2",
    }


def _diameters() -> dict[str, float]:
    tubes = {
        **{key: (branch, 0.5) for key, branch in a.ARCH_BRANCHES.items()},
        "pulmonary_trunk": (a.PULMONARY["trunk"], 0.5),
        "pulmonary_artery_right": (a.PULMONARY["right"], 0.25),
        "pulmonary_artery_left": (a.PULMONARY["left"], 0.25),
        "superior_vena_cava": (a.SUPERIOR_CAVA["trunk"], 0.5),
        "inferior_vena_cava": (a.INFERIOR_CAVA, 0.5),
        "portal_trunk": (a.portal_tree().trunk[0], 0.5),
    }
    return {
        key: round(2 * float(np.interp(part, np.linspace(0, 1, len(r)), r)), 2)
        for key, (tube, part) in tubes.items()
        for r in [tube.sampled()[2]]
    }


def _landmarks(lattice: Lattice) -> dict[str, Any]:
    centres = {name: z for name, z, _ in a.VERTEBRAE}
    return {
        "aortic_valve": a.VALVE,
        "left_ventricle_apex": a.LV_CENTRE + 47 * a.LV_AXIS,
        "carina": (-3, 21, 94),
        "celiac_origin": (6, 10 - 11, -97),
        "superior_mesenteric_origin": (6, 8 - 10, -111),
        "porta_hepatis": a.HILUM,
        **{f"vertebra_{name}": (0, a.spine_y(z), z) for name, z in centres.items() if lattice.z[0] < z < lattice.z[-1]},
    }


def write_segmentation(labels: NDArray[np.uint8], lattice: Lattice, first: Any, path: Path) -> None:
    """truth.dcm: the labels as DICOM SEG (deflated), of the same patient and study as the series."""
    spacing = [float(axis[1] - axis[0]) for axis in (lattice.x, lattice.y, lattice.z)]
    grid = Grid.make(
        labels.shape[::-1],
        np.round(spacing, 4),
        np.round([float(axis[0]) for axis in (lattice.x, lattice.y, lattice.z)], 3),
        frame_uid=str(dicom.FRAME_UID),
    )
    counts = np.bincount(labels.ravel(), minlength=256)
    segments = tuple(
        Segment.of(n, key, float(counts[n]) * grid.voxel_volume_mm3) for n, key in enumerate(scene.KEYS, 1)
    )
    write_seg(
        Segmentation(name="Truth of the sample", grid=grid, labels=labels, segments=segments), path, first, deflate=True
    )
