"""A network in onnxruntime: opened, tried once, and asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput, OrganTwinError
from organtwin.segment.network.description import Description

Answer = NDArray[np.float32]


class Network:
    """Answers patches.

    Parameters
    ----------
    model : path
    description : Description
    device : "auto", "cpu" or "gpu"
    threads : int
        0 leaves it to onnxruntime.

    Raises
    ------
    BadInput
        When the file is no network that onnxruntime can run, or is not of the shape that the description says.
    """

    def __init__(self, model: Path, description: Description, device: str = "auto", threads: int = 0) -> None:
        import onnxruntime as ort

        self._description = description
        self._name = model.name
        there = ort.get_available_providers()
        gpu = [p for p in ("CUDAExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider") if p in there]
        if device == "gpu" and not gpu:
            raise BadInput(
                "This onnxruntime has no GPU",
                remedy="Install onnxruntime-gpu, or take the device 'cpu'.",
            )
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        providers = [*(gpu if device != "cpu" else []), "CPUExecutionProvider"]
        try:
            self._session = ort.InferenceSession(str(model), options, providers=providers)
        except Exception as error:  # onnxruntime has a dozen kinds, none of them documented
            raise BadInput(
                "onnxruntime cannot run this file as a network",
                where=f"{model.name}: {_first_line(error)}",
                remedy="Export it to ONNX again, with an opset that onnxruntime knows.",
            ) from error
        self.device = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self._input = self._checked_input()
        self.classes = self._tried()

    def __call__(self, patch: NDArray[np.float32], mirroring: Sequence[int] = ()) -> Answer:
        """Probabilities (classes, a, b, c) of a patch (channels, a, b, c); for a network that answers labels, (1, a, b, c)."""
        flips = [axes for n in range(len(mirroring) + 1) for axes in combinations(sorted(set(mirroring)), n)]
        if self._description.activation == "labels":
            return self._ask(patch)
        total: Answer | None = None
        for axes in flips:
            turned = tuple(axis + 1 for axis in axes)
            answer = self._activated(self._ask(np.flip(patch, turned) if turned else patch))
            answer = np.flip(answer, turned) if turned else answer
            total = answer.copy() if total is None else total + answer
        assert total is not None
        return np.asarray(total / len(flips), np.float32)

    def _activated(self, answer: Answer) -> Answer:
        if not self._description.logits:
            return answer
        if self._description.activation == "sigmoid":
            return np.asarray(1 / (1 + np.exp(-np.clip(answer, -60, 60))), np.float32)
        answer = np.exp(answer - answer.max(axis=0, keepdims=True))
        return np.asarray(answer / answer.sum(axis=0, keepdims=True))

    def _ask(self, patch: NDArray[np.float32]) -> Answer:
        flat = self._rank == 4
        given = np.ascontiguousarray(patch[:, 0] if flat else patch)[None].astype(self._dtype, copy=False)
        try:
            answer = np.asarray(self._session.run(None, {self._input: given})[0])
        except Exception as error:
            raise OrganTwinError(f"The network failed on a patch: {_first_line(error)}", where=self._name) from error
        return self._shaped(answer, patch.shape[1:])

    def _shaped(self, answer: NDArray[Any], patch: tuple[int, ...]) -> Answer:
        wanted = patch[1:] if self._rank == 4 else patch
        if answer.ndim == len(wanted) + 1 and self._description.activation == "labels":
            answer = answer[:, None]  # (batch, ...) of labels
        if answer.ndim != len(wanted) + 2 or answer.shape[0] != 1 or answer.shape[2:] != wanted:
            raise BadInput(
                f"The network answers {'x'.join(str(n) for n in answer.shape)} to a patch of {'x'.join(str(n) for n in wanted)}",
                where=self._name,
                remedy="Its answer must have the batch, a channel for each class, and the size of the patch.",
            )
        answer = answer[0].astype(np.float32, copy=False)
        if not np.isfinite(answer).all():
            raise OrganTwinError("The network answers with values that are no numbers", where=self._name)
        return answer[:, None] if self._rank == 4 else answer

    def _checked_input(self) -> str:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise BadInput(f"The network takes {len(inputs)} inputs, and one is needed", where=self._name)
        (one,) = inputs
        types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
        if one.type not in types:
            raise BadInput(f"The network takes {one.type}, and numbers with a fraction are needed", where=self._name)
        self._dtype = types[one.type]
        shape = list(one.shape)
        self._rank = len(shape)
        patch = self._description.patch
        if self._rank not in (4, 5) or (self._rank == 4 and patch[0] != 1):
            raise BadInput(
                f"The network takes an array of {self._rank} dimensions",
                where=self._name,
                remedy="It needs batch, channels and three of space, or two with 1 as the first patch size.",
            )
        expected = [1, len(self._description.channels), *(patch[1:] if self._rank == 4 else patch)]
        what = ["a batch", "channels", *["a patch side"] * 3]
        for fixed, stated, name in zip(shape, expected, what, strict=False):
            if isinstance(fixed, int) and fixed > 0 and fixed != stated:
                raise BadInput(
                    f"The network takes {name} of {fixed}, and its description says {stated}", where=self._name
                )
        return str(one.name)

    def _tried(self) -> int:
        """Ask it once: a description that does not fit is told before an hour of work."""
        description = self._description
        classes = len(self._ask(np.zeros((len(description.channels), *description.patch), np.float32)))
        if description.activation == "labels":
            if classes != 1:
                raise BadInput(f"The network answers {classes} channels, and labels are one", where=self._name)
            return 1
        if max(description.labels) >= classes:
            raise BadInput(
                f"The description names class {max(description.labels)}, and the network has {classes} (from 0)",
                where=self._name,
            )
        if description.activation == "softmax" and classes < 2:
            raise BadInput("A network with one class is read with the activation 'sigmoid'", where=self._name)
        return classes


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
