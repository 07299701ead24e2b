"""From a scan to masks by a network: turned, resampled and normalised as it was trained, asked, and put back on the scan."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.engine import Found
from organtwin.segment.network.description import PAIRS, Description, Intensity, read_description
from organtwin.segment.network.engine import NetworkParameters
from organtwin.segment.network.resampling import labels_back, resampled
from organtwin.segment.network.session import Network
from organtwin.segment.network.windows import Slid

MOST_VOXELS = 1200**3


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: NetworkParameters, monitor: Monitor
) -> Sequence[Found]:
    """Masks of the structures that the network's description names.

    Raises
    ------
    BadInput
        When the network or its description cannot be used, or is for another kind of scan.
    """
    model = Path(parameters.model).expanduser()
    description = read_description(model)
    keys = list(dict.fromkeys(description.labels.values()))
    unknown = [key for key in structures or () if key not in keys]
    if unknown:
        raise BadInput(
            f"The network '{description.name}' does not know the structure '{unknown[0]}'",
            remedy=f"It knows: {', '.join(keys)}.",
        )
    if description.modality and volume.modality not in (*description.modality, "OT"):
        raise BadInput(
            f"The network '{description.name}' reads {' and '.join(description.modality)}, and this scan is {volume.modality}"
        )
    monitor.log(f"Network '{description.name}', licence: {description.licence}. {description.about}".strip())
    monitor.progress(0.01, "opening the network")
    network = Network(model, description, parameters.device, parameters.threads)
    monitor.log(f"It runs on {network.device}.")
    labels = answered(volume, description, network, parameters, monitor)
    present = np.bincount(labels.ravel(), minlength=max(description.labels) + 2)
    found = []
    for key in structures or keys:
        numbers = [n + (description.activation == "sigmoid") for n, k in description.labels.items() if k == key]
        if present[numbers].any():
            found.append(Found(key, np.isin(labels, numbers)))
        else:
            found.append(Found(key, None, None, "the network sees none of it"))
    return found


def answered(
    volume: Volume, description: Description, network: Network, parameters: NetworkParameters, monitor: Monitor
) -> NDArray[np.uint16]:
    """The network's labels on the scan's own grid (nk, nj, ni); of "sigmoid", one more than the number of the channel."""
    grid = volume.grid
    order, flipped = turn(description.axes)
    canonical = grid.to_canonical(np.asarray(volume.values)).transpose(order)
    source = np.flip(canonical, flipped)
    spacing = grid.canonical().spacing_mm[::-1][list(order)]
    wanted = np.array(description.spacing_mm)
    shape = tuple(int(n) for n in np.maximum(1, np.round(np.array(source.shape) * spacing / wanted)))
    if prod(shape) > MOST_VOXELS:
        raise BadInput(
            f"At {' x '.join(f'{s:g}' for s in wanted)} mm this scan would have {prod(shape) / 1e9:.1f} billion voxels",
            remedy="Check the spacing in the network's description.",
        )
    monitor.progress(0.03, "resampling for the network")
    values = resampled(source, (shape[0], shape[1], shape[2]), spacing, wanted, description.interpolation)
    maps = [intensity_map(one, values) for one in description.channels]
    size = tuple(max(n, p) for n, p in zip(shape, description.patch, strict=True))
    before = tuple((s - n) // 2 for s, n in zip(size, shape, strict=True))

    def cut(box: tuple[slice, ...]) -> NDArray[np.float32]:
        """A patch, normalised; beyond the scan it is 0, as nnU-Net pads."""
        patch = np.zeros((len(maps), *(s.stop - s.start for s in box)), np.float32)
        reach = [
            (max(s.start - b, 0), min(s.stop - b, n), max(b - s.start, 0))
            for s, b, n in zip(box, before, shape, strict=True)
        ]
        part = values[tuple(slice(low, high) for low, high, _ in reach)]
        place = tuple(slice(at, at + high - low) for low, high, at in reach)
        for n, (scale, shift, low, high) in enumerate(maps):
            patch[n][place] = (np.clip(part, low, high) + shift) * scale
        return patch

    mirrored = description.mirroring if parameters.mirroring is None else (0, 1, 2) * parameters.mirroring
    overlap = description.overlap if parameters.overlap is None else parameters.overlap
    slid = Slid(description.patch, overlap, network.classes, parameters.memory_gb * 1e9)
    whole = slid.over(
        (size[0], size[1], size[2]), cut, lambda patch: network(patch, mirrored), lambda a: decided(a, description),
        PartMonitor(monitor, 0.08, 0.9),
    )  # fmt: skip
    mine = whole[tuple(slice(b, b + n) for b, n in zip(before, shape, strict=True))]
    back = labels_back(mine, source.shape, PartMonitor(monitor, 0.9, 1.0))
    return grid.from_canonical(np.flip(back, flipped).transpose(np.argsort(order)))


def decided(answer: NDArray[np.float32], description: Description) -> NDArray[np.uint16]:
    """Labels from probabilities (classes, ...). Of channels that stand for themselves, the surest above the threshold wins."""
    if description.activation == "labels":
        return np.rint(answer[0]).clip(0, 65535).astype(np.uint16)
    best = answer.argmax(axis=0).astype(np.uint16)
    if description.activation == "softmax":
        return best
    return np.where(answer.max(axis=0) > description.threshold, best + 1, 0).astype(np.uint16)


def turn(axes: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How a canonical array (k to S, j to P, i to L) becomes one whose axes go as ``axes`` says: (transpose, axes to flip)."""
    canonical = ("IS", "AP", "RL")  # the pairs of directions of k, j and i, growing to the second letter
    assert sorted(canonical) == sorted(PAIRS)
    order = tuple(next(n for n, pair in enumerate(canonical) if letter in pair) for letter in axes)
    return order, tuple(n for n, letter in enumerate(axes) if letter in "IAR")


def intensity_map(one: Intensity, values: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """(scale, shift, low, high) of ``(clip(v, low, high) + shift) * scale``."""
    low = -np.inf if one.low is None else one.low
    high = np.inf if one.high is None else one.high
    match one.scheme:
        case "none":
            return 1.0, 0.0, low, high
        case "ct":
            return 1.0 / float(one.std or 1), -float(one.mean or 0), low, high
        case "z-score":
            clipped = np.clip(values, low, high) if np.isfinite(low) or np.isfinite(high) else values
            return (
                1.0 / max(float(clipped.std(dtype=np.float64)), 1e-8),
                -float(clipped.mean(dtype=np.float64)),
                low,
                high,
            )
        case "percentiles":
            low, high = (float(v) for v in np.percentile(values, (low, high)))
    span = max(high - low, 1e-8)
    start, stop = one.to
    scale = (stop - start) / span
    return scale, -low + start / scale if scale else 0.0, low, high
