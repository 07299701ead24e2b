"""The engine "network": any segmentation network in ONNX, described by a JSON file beside it. No weights come with OrganTwin."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field

from organtwin.model import Frozen
from organtwin.segment.engine import Engine


class NetworkParameters(Frozen):
    """``model``: the ONNX file; its description is the JSON file of the same name. ``overlap`` of patches and test-time
    ``mirroring`` instead of what the description says. ``device``: "auto" takes a GPU where onnxruntime has one.
    ``threads``: 0 leaves it to onnxruntime. ``memory_gb``: for the blended answers."""

    model: str
    overlap: Annotated[float, Field(ge=0, le=0.9)] | None = None
    mirroring: bool | None = None
    device: Literal["auto", "cpu", "gpu"] = "auto"
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    memory_gb: Annotated[float, Field(gt=0)] = 1.0


def available() -> str:
    """Why networks cannot run here, or ""."""
    return (
        ""
        if find_spec("onnxruntime")
        else "onnxruntime is not installed; install it with: pip install 'organtwin[network]'."
    )


ENGINE = Engine(
    name="network",
    title="Network of your own",
    licence="that of the network",
    structures=(),
    parameters=NetworkParameters,
    function="organtwin.segment.network.run:segment",
    about="Runs a network that you bring (ONNX) over the scan, patch by patch. A JSON file beside it says what it expects.",
    runtime="onnxruntime",
    available="organtwin.segment.network.engine:available",
)
