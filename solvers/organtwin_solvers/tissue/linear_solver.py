"""Solving the tangent systems: direct while that is cheap, multigrid beyond.

A factorisation is kept over several Newton iterations as preconditioner of GMRES: solving with it costs a small part of
making it, and a tangent of a few iterations ago is a very good preconditioner of the present one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.backend import PETSc, fem
from organtwin_solvers.tissue.problem import Problem

DIRECT_UP_TO = {True: 100_000, False: 60_000}  # unknowns, mixed or not
REFACTOR_AFTER = 12  # Krylov iterations that cost about as much as a factorisation
RELATIVE = 1e-5  # of Newton's linear systems: more accuracy would not save a Newton iteration


class LinearSolver:
    """Solves with the tangent of one problem.

    Small systems and mixed ones up to a moderate size go to MUMPS (LDLᵀ where the tangent is symmetric); larger
    displacement systems to conjugate gradients with smoothed-aggregation multigrid that knows the rigid motions; larger
    mixed ones to GMRES with a block preconditioner: that multigrid, and the pressure mass matrix over the shear modulus
    as Schur complement.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        mixed = problem.formulation.mixed
        self.direct = problem.size <= DIRECT_UP_TO[mixed]
        self.factorisations = 0
        self._prepare()

    def _prepare(self) -> None:
        """Start afresh, for the matrix as it is."""
        problem, mixed = self._problem, self._problem.formulation.mixed
        self._entries = problem.tangent.getInfo()["nz_used"]
        self._iterations = REFACTOR_AFTER  # the first solve factors
        self._ksp = PETSc.KSP().create(problem.domain.comm)
        self._ksp.setOperators(problem.tangent)
        self._b, self._x = problem.tangent.createVecs()
        if self.direct:
            self._use_factors()
        elif mixed:
            self._use_blocks()
        else:
            self._use_multigrid()

    @property
    def name(self) -> str:
        return (
            "MUMPS"
            if self.direct
            else "block-preconditioned GMRES"
            if self._problem.formulation.mixed
            else "CG with multigrid"
        )

    def solve(self, b: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """K x = b with the tangent as assembled now; None when that fails."""
        if self._problem.tangent.getInfo()["nz_used"] != self._entries:  # bodies touch that did not before
            self._ksp.destroy()
            self._prepare()
        reuse = self.direct and self._iterations < REFACTOR_AFTER
        x = self._attempt(b, reuse)
        return self._attempt(b, False) if x is None and reuse else x

    def _attempt(self, b: NDArray[np.float64], reuse: bool) -> NDArray[np.float64] | None:
        self._ksp.getPC().setReusePreconditioner(reuse)
        self.factorisations += not reuse
        self._b.array[:] = b[: self._b.getLocalSize()]
        try:
            self._ksp.solve(self._b, self._x)
        except PETSc.Error:  # a singular factor
            self._iterations = REFACTOR_AFTER
            return None
        self._iterations = self._ksp.getIterationNumber()
        if self._ksp.getConvergedReason() <= 0 or not np.isfinite(self._x.norm()):
            self._iterations = REFACTOR_AFTER
            return None
        full = fem.Function(self._problem.space).x
        full.array[: self._x.getLocalSize()] = self._x.array
        full.scatter_forward()
        x = np.array(full.array)
        x[self._problem.held] = b[self._problem.held]  # exactly, whatever the tolerance of the iteration
        return x

    # -- the three ways ---------------------------------------------------------------------------------------------

    def _use_factors(self) -> None:
        ksp, pc = self._ksp, self._ksp.getPC()
        ksp.setType("gmres")
        ksp.setPCSide(PETSc.PC.Side.RIGHT)  # judges by the true residual: factors of a wild state do not pass for good
        ksp.setGMRESRestart(40)
        ksp.setTolerances(rtol=RELATIVE, max_it=40)
        pc.setType("cholesky" if self._problem.symmetric else "lu")
        pc.setFactorSolverType("mumps")
        pc.setFactorSetUpSolverType()
        factor = pc.getFactorMatrix()
        factor.setMumpsIcntl(14, 60)  # room for pivoting of a saddle point
        factor.setMumpsIcntl(24, 1)  # report null pivots instead of dividing by them

    def _use_multigrid(self) -> None:
        self._problem.tangent.setNearNullSpace(rigid_motions(self._problem))
        self._ksp.setType("cg" if self._problem.symmetric else "gmres")
        self._ksp.setTolerances(rtol=RELATIVE, max_it=400)
        self._multigrid(self._ksp.getPC(), "tissue_")

    def _use_blocks(self) -> None:
        problem, comm = self._problem, self._problem.domain.comm
        first, _ = problem.tangent.getOwnershipRange()
        owned = [np.sort(part[part < problem.owned]) + first for part in (problem.u_dofs, problem.p_dofs)]
        displacement, pressure = (PETSc.IS().createGeneral(part.astype(PETSc.IntType), comm=comm) for part in owned)
        displacement.setBlockSize(3)
        displacement.compose("nearnullspace", rigid_motions(problem, displacement))
        self._ksp.setType("gmres")
        self._ksp.setGMRESRestart(60)
        self._ksp.setTolerances(rtol=RELATIVE, max_it=300)
        pc = self._ksp.getPC()
        pc.setType("fieldsplit")
        pc.setFieldSplitIS(("displacement", displacement), ("pressure", pressure))
        pc.setFieldSplitType(PETSc.PC.CompositeType.SCHUR)
        pc.setFieldSplitSchurFactType(PETSc.PC.SchurFactType.UPPER)
        mass = fem.petsc.assemble_matrix(fem.form(problem.schur_complement()))
        mass.assemble()
        pc.setFieldSplitSchurPreType(PETSc.PC.SchurPreType.USER, mass.createSubMatrix(pressure, pressure))
        problem.assemble_tangent()
        pc.setUp()
        inner, outer = pc.getFieldSplitSubKSP()
        inner.setType("preonly")
        self._multigrid(inner.getPC(), "tissue_displacement_")
        outer.setType("preonly")
        outer.getPC().setType("jacobi")

    @staticmethod
    def _multigrid(pc: PETSc.PC, prefix: str) -> None:
        options = PETSc.Options()
        pc.setOptionsPrefix(prefix)
        for key, value in {
            "pc_gamg_threshold": 0.02,
            "pc_gamg_reuse_interpolation": True,
            "mg_levels_ksp_type": "chebyshev",
            "mg_levels_pc_type": "jacobi",
            "mg_levels_ksp_max_it": 2,
        }.items():
            options[prefix + key] = value
        pc.setType("gamg")
        pc.setFromOptions()


def rigid_motions(problem: Problem, rows: PETSc.IS | None = None) -> PETSc.NullSpace:
    """The six rigid motions, orthonormal, on the displacement unknowns: what multigrid must carry to its coarse levels.

    ``rows`` are those unknowns among all, when there are others.
    """
    space = problem.displacement_space
    x = space.tabulate_dof_coordinates()
    x = x - x.mean(axis=0)
    motions = np.zeros((6, len(x), 3))
    for axis in range(3):
        motions[axis, :, axis] = 1.0
        motions[3 + axis] = np.cross(np.eye(3)[axis], x)
    vectors = []
    for motion in motions.reshape(6, -1):
        whole = fem.Function(problem.space)
        whole.x.array[problem.u_dofs] = motion
        vector = whole.x.petsc_vec.copy()
        vectors.append(vector if rows is None else vector.getSubVector(rows).copy())
    for i, vector in enumerate(vectors):  # Gram and Schmidt
        for other in vectors[:i]:
            vector.axpy(-vector.dot(other), other)
        vector.normalize()
    return PETSc.NullSpace().create(vectors=vectors, comm=space.mesh.comm)
