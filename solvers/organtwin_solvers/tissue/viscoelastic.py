"""Finite-strain viscoelasticity by a Prony series: how a material remembers what it went through.

Simo 1987 (Computer Methods in Applied Mechanics and Engineering 60, 153; Simo and Hughes 1998, Computational
Inelasticity, section 10.3): each term i of the series, with share γᵢ of the shear stiffness and time constant τᵢ, holds
the convolution hᵢ(t) = ∫ exp(−(t − s)/τᵢ) dS̃(s) of the stress at once, S̃ = J^(2/3) F⁻¹ ∂W_iso/∂F. The isochoric
second Piola stress is J^(−2/3) DEV[γ∞ S̃ + Σ γᵢ hᵢ] with γ∞ = 1 − Σ γᵢ. If S̃ changes linearly during a step Δt,

    hᵢ(t + Δt) = eᵢ hᵢ(t) + aᵢ (S̃(t + Δt) − S̃(t)),   eᵢ = exp(−Δt/τᵢ),   aᵢ = (1 − eᵢ) τᵢ/Δt

(Taylor, Pister and Goudreau 1970). This makes a step the equilibrium of an incremental potential: in place of W_iso

    (γ∞ + Σ γᵢ aᵢ) W_iso + ½ H : C̄,   H = Σ γᵢ (eᵢ hᵢ(t) − aᵢ S̃(t)),

whose tangent is symmetric. H is one tensor per quadrature point; volume changes do not relax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import basix, fem, ufl

if TYPE_CHECKING:
    from organtwin_solvers.tissue.problem import Problem


class Memory:
    """The stress history at the quadrature points of a body.

    Before :meth:`begin` is called for the first time, the material answers at once, with its full stiffness.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem, self._small = problem, problem.parts.small_strain
        domain, degree = problem.domain, problem.quadrature_degree
        points, _ = basix.make_quadrature(basix.CellType.tetrahedron, degree)
        element = basix.ufl.quadrature_element("tetrahedron", value_shape=(3, 3), degree=degree)
        self._points = points
        self._past = fem.Function(fem.functionspace(domain, element))
        self._mean = fem.Function(fem.functionspace(domain, ("DG", 0, (3, 3))))  # of _past in each cell
        self._factor = fem.Function(fem.functionspace(domain, ("DG", 0)))
        self._factor.x.array[:] = 1.0
        cells, terms = len(problem.parts.of_cells), max(len(m.relaxation) for m in problem.parts.materials)
        self._share, self._time_s = np.zeros((cells, terms)), np.ones((cells, terms))
        for number, material in enumerate(problem.parts.materials):
            for term, (share, time_s) in enumerate(material.relaxation):
                self._share[problem.parts.of_cells == number, term] = share
                self._time_s[problem.parts.of_cells == number, term] = time_s
        self._stress = np.zeros((cells, len(points), 9))  # S̃ at the end of the last step
        self._history = np.zeros((terms, *self._stress.shape))
        self._expressions: list[tuple[NDArray[np.int32], Any]] = []
        self._step_s = 0.0

    def energies(self, distortion: Any) -> tuple[Any, Any]:
        """The incremental potential that takes the place of W_iso, and the same with the mean of H in each cell."""
        F = self._problem.F
        strain = F if self._small else ufl.det(F) ** (-2 / 3) * F.T * F / 2
        return tuple(self._factor * distortion + ufl.inner(past, strain) for past in (self._past, self._mean))

    def watch(self, cells: NDArray[np.int32], distortion: Any) -> None:
        """Remember the stress that ``distortion`` makes in ``cells``."""
        F = self._problem.F
        piola = ufl.diff(distortion, F)
        stress = piola if self._small else ufl.det(F) ** (2 / 3) * ufl.inv(F) * piola
        self._expressions.append((cells, fem.Expression(stress, self._points)))

    def begin(self, step_s: float) -> None:
        """Prepare the step to the state ``step_s`` later."""
        self._step_s = step_s
        decay, gain = self._rates()
        self._factor.x.array[self._factor.function_space.dofmap.list[:, 0]] = 1 + (self._share * (gain - 1)).sum(axis=1)
        past = np.einsum("ct,tcqk->cqk", self._share * decay, self._history)
        past -= (self._share * gain).sum(axis=1)[:, None, None] * self._stress
        self._past.x.array[:] = _in_order(self._past, past)
        self._mean.x.array[:] = _in_order(self._mean, past.mean(axis=1))

    def accept(self) -> None:
        """Take the problem's state as the end of the step."""
        stress = np.zeros_like(self._stress)
        for cells, expression in self._expressions:
            stress[cells] = expression.eval(self._problem.domain, cells).reshape(len(cells), -1, 9)
        decay, gain = self._rates()
        change = stress - self._stress
        self._history *= decay.T[:, :, None, None]
        self._history += gain.T[:, :, None, None] * change
        self._stress = stress

    def _rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """exp(−Δt/τ) and its mean over the step, of every cell and term."""
        ratio = self._step_s / self._time_s
        decay = np.exp(-ratio)
        return decay, np.where(ratio > 0, -np.expm1(-ratio) / np.where(ratio > 0, ratio, 1.0), 1.0)


def _in_order(function: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (cells, ...) in the order of the unknowns of a discontinuous tensor function."""
    out = np.zeros_like(function.x.array).reshape(-1, 9)
    out[np.asarray(function.function_space.dofmap.list)] = values.reshape(len(values), -1, 9)
    return np.asarray(out.ravel())
