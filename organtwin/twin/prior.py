"""What is believed of a model's parameters before any reading: its manifest's, each parameter a standard normal z."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model.twin_state import Estimate, TwinState
from organtwin.physiology.model import Floats, Physiology


@dataclass(frozen=True)
class Prior:
    """The parameters that are learned, at ``places`` (k) of the model's p; the others keep their values.

    theta = default exp(spread z) where the manifest says log, default + spread z elsewhere, inside [low, high].
    """

    model: Physiology
    places: NDArray[np.intp]
    default: Floats
    spread: Floats
    low: Floats
    high: Floats
    log: NDArray[np.bool_]

    @classmethod
    def of(cls, model: Physiology, keys: tuple[str, ...] | None = None) -> Self:
        """Of the parameters named, or those that the model says are learned.

        Raises
        ------
        BadInput
            When one is unknown, or has no spread to be learned in.
        """
        chosen = keys or tuple(p.key for p in model.parameters if p.learned)
        if not chosen:
            raise BadInput(f"The model '{model.name}' says of no parameter that it is learned", remedy="Name some.")
        places = np.array([model.parameter(key) for key in chosen], np.intp)
        some = [model.parameters[k] for k in places]
        for p in some:
            if p.spread <= 0:
                raise BadInput(f"The parameter '{p.key}' of '{model.name}' has no spread: it cannot be learned")
        default, spread, low, high = (
            np.array([getattr(p, name) for p in some], float) for name in ("default", "spread", "low", "high")
        )
        return cls(model, places, default, spread, low, high, np.array([p.log for p in some], bool))

    @classmethod
    def of_state(cls, model: Physiology, state: TwinState) -> Self:
        """That with which a twin was begun: its patient's, which need not be the model's (:mod:`organtwin.twin.person`)."""
        return cls.of_estimates(model, state.estimates)

    @classmethod
    def of_estimates(cls, model: Physiology, told: Sequence[Estimate]) -> Self:
        prior = cls.of(model, tuple(e.key for e in told) or None)
        return replace(prior, default=np.array([e.prior for e in told], float)) if told else prior

    def __len__(self) -> int:
        return len(self.places)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.model.parameters[k].key for k in self.places)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Of z."""
        return self.z(self.low[None])[0], self.z(self.high[None])[0]

    def theta(self, z: Floats) -> Floats:
        """(m, k) learned parameters of (m, k) z."""
        value = np.where(
            self.log, self.default * np.exp(np.where(self.log, self.spread * z, 0.0)), self.default + self.spread * z
        )
        inside: Floats = np.clip(value, self.low, self.high)
        return inside

    def z(self, theta: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            logged = np.log(np.maximum(theta, 1e-300) / np.where(self.log, self.default, 1.0)) / self.spread
        found: Floats = np.where(self.log, logged, (theta - self.default) / self.spread)
        return found

    def parameters(self, z: Floats, base: Floats | None = None) -> Floats:
        """(m, p) all parameters of the model; ``base`` (p) or (m, p) are those that are not learned (else the defaults)."""
        whole = np.array(
            np.broadcast_to(self.model.defaults()[0] if base is None else base, (len(z), len(self.model.parameters)))
        )
        whole[:, self.places] = self.theta(z)
        return whole

    def inside(self, z: Floats) -> Floats:
        """z brought back inside the bounds."""
        low, high = self.bounds
        kept: Floats = np.clip(z, low, high)
        return kept

    def draw(self, members: int, rng: np.random.Generator) -> Floats:
        """(m, k): a Latin hypercube of the truncated normal, so that a small ensemble covers the prior evenly."""
        from scipy.special import ndtr, ndtri

        low, high = (ndtr(b) for b in self.bounds)
        strata = np.stack([rng.permutation(members) for _ in range(len(self))], axis=1)
        u = (strata + rng.random((members, len(self)))) / members
        z: Floats = ndtri(low + u * (high - low))
        return z
