"""Moves a body through time: implicit steps of the true energy, each a Newton iteration that never raises it.

Time goes by the second-order backward formula (BDF2), whose unknown is the shape at the end of the step, so that contact and held points
are met there. A step minimises kinetic and stored energy together: the tangent is solved by a fixed number of conjugate
gradient iterations, and a line search takes care that the energy falls. At rest this is the equilibrium of the full solve.

A step depends on nothing but the state that a snapshot holds, so the same input gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.rehearsal import elements
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.supports import Held, Link, NodalLoad, Springs
from organtwin_solvers.rehearsal.system import MOVING, NO_THREADS, RESTING, Clusters, System, Threads

Points = NDArray[np.float64]

BDF2 = 2.0 / 3.0
LAST = 2e-3
FARTHEST = 0.25  # of the body's size that a point moves in a step
REFINEMENTS = 3  # Newton iterations in a step at most, and one more for each 50 of the linear solver
ROUNDING = 1e-9
# another iteration when what is out of balance could do, as work, this share of the motion's energy (fast turning; divided by
# the iterations of the linear solver: who asks for more of these wants more exact steps), and of the stored energy (so that
# none is made for what has come to rest)
ROUGH, IDLE = 0.6, 0.1
NOTHING = 1e-13  # of the energy that shears the whole body by 1: rounding, where nothing moves


@dataclass(frozen=True)
class Snapshot:
    """Everything that the next step depends on, but for the loads."""

    system: System
    clusters: Clusters
    x: Points
    v: Points
    before: tuple[Points, Points] | None
    pressure: tuple[NDArray[np.float64], NDArray[np.float64]]
    energy: float
    force: Points
    held: dict[str, Held]
    springs: tuple[Springs, ...]
    links: tuple[Link, ...]


@dataclass
class _Surroundings:
    """What acts from outside at a shape: forces, energy, stiffness of single points (n, 3, 3), threads."""

    force: Points
    energy: float
    nodal: NDArray[np.float64]
    threads: Threads
    contact: list[tuple[NDArray[np.int32], Points, NDArray[np.float64]]]


class Stepper:
    """Hyperelastic tissue in time.

    ``x`` (n, 3) mm and ``v`` (n, 3) mm/s are where the points are and how they move; ``held``, ``springs``, ``links`` and
    ``loads`` may be changed between steps.

    Parameters
    ----------
    body : Body
        Starts at rest in its rest shape.
    step_s : float
        Length of a step.
    iterations : int
        Of the linear solver in a step. More: closer to the exact motion, slower. The state of rest is the same.
    damping_per_s : float
        Force against the motion, proportional to mass.
    gravity_mm_per_s2 : 3 floats
        Acceleration of everything.
    """

    def __init__(
        self,
        body: Body,
        *,
        step_s: float = 1 / 60,
        iterations: int = 12,
        damping_per_s: float = 2.0,
        gravity_mm_per_s2: tuple[float, float, float] | Points = (0.0, 0.0, 0.0),
    ) -> None:
        self.step_s, self.iterations, self.damping_per_s = step_s, iterations, damping_per_s
        self.gravity_mm_per_s2 = np.asarray(gravity_mm_per_s2, float)
        self.held: dict[str, Held] = {}
        self.springs: list[Springs] = []
        self.links: list[Link] = []
        self.loads: list[NodalLoad] = []
        self.adopt(body, body.rest_mm, np.zeros_like(body.rest_mm))

    @property
    def body(self) -> Body:
        """The body as it is now."""
        return self._system.body

    def adopt(self, body: Body, x: Points, v: Points, origin: NDArray[np.integer] | None = None) -> None:
        """Go on with another body (after a cut) at ``x`` with velocity ``v``.

        ``origin`` (n,) says which point of the body before each point was, -1 for none: what was held, sprung and linked then stays
        so on the new points. Without it these are taken to be of the new body already.
        """
        if origin is not None:
            self.held = {name: held.on(origin) for name, held in self.held.items()}
            self.springs = [spring.on(origin) for spring in self.springs]
            self.links = [link for link in (link.on(origin) for link in self.links) if link is not None]
        self._system = System(body)
        self._system.energy_and_force(body.rest_mm)
        self._system.linearise(body.rest_mm, np.zeros((len(body.mass), 3, 3)))
        inertia = body.mass * (1 / (BDF2 * self.step_s) ** 2 + self.damping_per_s / (BDF2 * self.step_s))
        self._clusters = self._system.clusters(body.rest_mm, inertia, self._system.used)
        self._system.p[:] = 0.0
        self.x, self.v = np.array(x, float), np.array(v, float)
        self._before: tuple[Points, Points] | None = None
        self._at_x()

    def _at_x(self, precision: float = RESTING) -> None:
        """Stored energy and internal force at x."""
        self._energy, self._force = self._system.energy_and_force(self.x, precision)
        self._outside: _Surroundings | None = None

    # -- time ----------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One step of ``step_s``."""
        body, dt = self.body, self.step_s
        if self._before is None:
            share, past_x, past_v = 1.0, self.x, self.v
        else:
            share = BDF2
            past_x, past_v = (4 * self.x - self._before[0]) / 3, (4 * self.v - self._before[1]) / 3
        ahead = past_x + share * dt * past_v  # where inertia alone would take the points
        stiff, drag = 1 / (share * dt) ** 2, self.damping_per_s / (share * dt)

        def inertia(x: Points) -> tuple[float, Points]:
            push = np.empty_like(x)
            return elements.inertia(x, ahead, past_x, body.mass, stiff, drag, push), push

        for load in self.loads:
            load.begin(self.x, self.v, dt)
        free, shift = self._free_and_shift()
        x = self.x
        guess = self.v * dt
        guard = 0.0
        for _ in range(REFINEMENTS + self.iterations // 50):
            x, whole, bad = self._newton(
                x, inertia, body.mass * (stiff + drag), free, shift, guess, self._clusters, 0.0, self.iterations, guard
            )
            left = self._force + self._acting().force - inertia(x)[1]
            moved = elements.motion(x, self.x, body.mass, stiff + drag)
            small = ROUGH / self.iterations * moved + IDLE * self._energy + NOTHING * body.shear_energy
            rough = self._system.measure(left, free) > small
            if whole and not bad and not rough and not any(load.missed(x) for load in self.loads):
                break
            shift, guess, guard = np.zeros_like(shift), np.zeros_like(guess), float(bad or not whole)
        if not (self.held or self.springs or self.loads):  # what flies freely keeps its momentum to the last digit
            own = body.mass[:, None] * self.gravity_mm_per_s2 - inertia(x)[1]
            x = x + self._system.used[:, None] * own.sum(axis=0) / (body.mass.sum() * (stiff + drag))
            self._energy, self._force = self._system.energy_and_force(x)
        self._put_held(x)
        v = (x - past_x) / (share * dt)
        if not (np.isfinite(x).all() and np.isfinite(v).all()):
            x, v = self.x.copy(), np.zeros_like(v)
            self._system.p[:] = 0.0
            self._before = None
            self.x, self.v = x, v
            self._at_x()
            return
        v[body.mass <= 0] = 0.0
        self._before, self.x, self.v = (self.x, self.v), x, v

    def _free_and_shift(self) -> tuple[NDArray[np.bool_], Points]:
        """Points that may move, and the way (n, 3) that the held ones have to go; where two hold a point, the first wins."""
        free = self._system.used.copy()
        shift = np.zeros((len(free), 3))
        for held in self.held.values():
            mine = free[held.nodes]
            shift[held.nodes[mine]] = held.targets_mm[mine] - self.x[held.nodes[mine]]
            free[held.nodes] = False
        return free, shift

    def _put_held(self, x: Points) -> None:
        """Held points exactly at their targets: the rounding of a step is taken out."""
        for held in reversed(self.held.values()):
            mine = self._system.used[held.nodes]
            x[held.nodes[mine]] = held.targets_mm[mine]

    def _newton(self, x, inertia, weight, free, shift, guess, clusters, tolerance, most, guard):
        """One Newton iteration from ``x``: where it leads, whether it went the whole way, whether the tangent was not positive."""
        system = self._system
        outside = self._surroundings(x)
        push = inertia(x)[1]
        b = self._force + outside.force - push
        nodal = outside.nodal
        nodal[:, [0, 1, 2], [0, 1, 2]] += weight[:, None]
        system.linearise(x, nodal, guard)
        d, bad, self._fell = system.solve(outside.threads, clusters, free, b, shift, guess, tolerance, most)
        if bad and guard == 0.0:
            system.linearise(x, nodal, 1.0)
            d, bad, self._fell = system.solve(outside.threads, clusters, free, b, shift, guess, tolerance, most)
        shift = np.where(free[:, None], 0.0, shift)
        way = np.where(free[:, None], d, 0.0)
        if not np.isfinite(way).all():
            way = np.zeros_like(way)
        reach = float(np.abs(way).max(initial=0.0))
        fraction = min(1.0, FARTHEST * self.body.size_mm / reach) if reach > 0 else 1.0

        precision = MOVING if tolerance == 0.0 else RESTING

        def total(energy: float, to: Points) -> float:
            sum_ = energy + inertia(to)[0] + self._outside_energy(to)
            for nodes, force, stiffness in outside.contact:
                gone = to[nodes] - x[nodes]
                sum_ += float(np.einsum("ki,kij,kj", gone, stiffness, gone) / 2 - (force * gone).sum())
            return sum_

        pressure = system.p.copy()
        start = total(self._energy, x)
        base = x + shift
        while True:
            to = base + fraction * way
            system.p[:] = pressure
            system.expect(fraction)
            energy, force = system.energy_and_force(to, precision)
            end = total(energy, to)
            if end <= start + 1e-9 * abs(start) + NOTHING * self.body.shear_energy:
                break
            if shift.any():  # what is held does work: compare with the rest staying behind
                start = max(start, total(system.energy_and_force(base)[0], base))
                shift = np.zeros_like(shift)
                if end <= start:
                    system.energy_and_force(to)
                    break
            if fraction < 1e-3 or not np.isfinite(end):
                fraction = 0.0 if fraction < 1e-6 else 1e-7
                if fraction == 0.0:
                    break
                continue
            fraction *= 0.5
        self._energy, self._force, self._outside = energy, force, outside
        return to, fraction == 1.0, bad

    # -- what acts from outside ------------------------------------------------------------------------------------------

    def _surroundings(self, x: Points) -> _Surroundings:
        """Forces and stiffness at ``x`` of gravity, springs, threads and loads."""
        n = len(x)
        force = self.body.mass[:, None] * self.gravity_mm_per_s2
        nodal = np.zeros((n, 3, 3))
        for spring in self.springs:
            pull, stiffness = _of_springs(spring, x)
            np.add.at(force, spring.nodes, pull)
            np.add.at(nodal, spring.nodes, stiffness)
        threads = NO_THREADS
        if self.links:
            threads = self._threads(x, force)
        contact = []
        for load in self.loads:
            nodes, pushes, stiffness = load.evaluate(x)
            if len(nodes):
                np.add.at(force, nodes, pushes)
                np.add.at(nodal, nodes, stiffness)
                contact.append((nodes, pushes, stiffness))
        return _Surroundings(force, 0.0, nodal, threads, contact)

    def _outside_energy(self, x: Points) -> float:
        """Energy of gravity, springs and threads at ``x``."""
        energy = -float((self.body.mass[:, None] * x).sum(axis=0) @ self.gravity_mm_per_s2)
        for spring in self.springs:
            pull, _ = _of_springs(spring, x)
            energy -= 0.5 * float((pull * (x[spring.nodes] - spring.rest_mm)).sum())
        for link in self.links:
            gap = link.weights_a @ x[link.nodes_a] - link.weights_b @ x[link.nodes_b]
            energy += 0.5 * link.stiffness * max(float(np.linalg.norm(gap)) - link.length_mm, 0.0) ** 2
        return energy

    def _threads(self, x: Points, force: Points) -> Threads:
        """The threads at ``x``; their pull is added to ``force``."""
        starts, nodes, weights, stiffness = [0], [], [], []
        for link in self.links:
            of = np.concatenate([link.nodes_a, link.nodes_b])
            w = np.concatenate([link.weights_a, -np.asarray(link.weights_b)])
            gap = w @ x[of]
            length = float(np.linalg.norm(gap))
            along = gap / length if length > 1e-9 else np.zeros(3)
            tension = link.stiffness * max(length - link.length_mm, 0.0)
            np.add.at(force, of, -tension * w[:, None] * along)
            k = np.zeros((3, 3))
            if length > link.length_mm:
                across = tension / length if length > 1e-9 else link.stiffness
                k = across * np.eye(3) + (link.stiffness - across) * np.outer(along, along)
            nodes.append(of)
            weights.append(w)
            stiffness.append(k)
            starts.append(starts[-1] + len(of))
        return Threads(
            np.array(starts, np.int64),
            np.concatenate(nodes).astype(np.int32),
            np.concatenate(weights).astype(np.float32),
            np.array(stiffness, np.float32),
        )

    # -- rest ------------------------------------------------------------------------------------------------------------

    def settle(self, tolerance: float = 1e-4, max_steps: int = 50) -> bool:
        """Go to equilibrium, without inertia. True when the out-of-balance force fell below ``tolerance`` of the acting ones and the
        last step moved no point by more than LAST of the largest displacement: a soft way to bend shows little force.

        What is held goes to its targets in steps that elements can follow.
        """
        body = self.body
        free, shift = self._free_and_shift()
        edge = float(np.cbrt(body.volume_mm3.mean() * 6 * np.sqrt(2)))
        parts = max(1, int(np.ceil(np.abs(shift).max(initial=0.0) / edge)))
        weight = 1e-3 * body.mass  # what floats must not make the matrix singular
        nothing = np.zeros_like(shift)

        def still(x: Points) -> tuple[float, Points]:
            return 0.0, np.zeros_like(x)

        done, settled = 0, False
        self.v = np.zeros_like(self.x)
        clusters = None
        while done < max_steps:
            for load in self.loads:
                load.begin(self.x, self.v, self.step_s)
            part = shift / parts if done < parts else nothing
            if clusters is None or done % 4 == 0:
                self._system.linearise(self.x, np.zeros((len(self.x), 3, 3)), 1.0)
                clusters = self._system.clusters(self.x, weight, free)
            before = self.x
            self.x, _, _ = self._newton(self.x, still, weight, free, part, nothing, clusters, 0.03, 150, 0.0)
            done += 1
            last, all_ = np.abs(self.x - before).max(initial=0.0), np.abs(self.x - body.rest_mm).max(initial=0.0)
            if done >= parts and self.unrest() < tolerance and last <= LAST * all_:
                settled = True
                break
        if done >= parts:
            self._put_held(self.x)
        self.v, self._before = np.zeros_like(self.x), None
        return settled

    # -- what people ask for ---------------------------------------------------------------------------------------------

    def reaction(self, name: str) -> Points:
        """Force (3,) g mm/s^2 that what is held under ``name`` is held with, without what its inertia takes."""
        nodes = self.held[name].nodes
        return -(self._force[nodes] + self._acting().force[nodes]).sum(axis=0)

    def strain(self) -> NDArray[np.float64]:
        """Largest principal Green-Lagrange strain at the points (n,)."""
        return self._system.strain(self.x)

    def unrest(self) -> float:
        """Out-of-balance force relative to the acting ones, in Euclidean norm: what is not at rest yet."""
        free, _ = self._free_and_shift()
        outside = self._acting().force
        left = _size((self._force + outside)[free])
        acting = _size(outside[free]) + _size(self._force[~free])
        forces = self.body.materials[0].shear_pa * self.body.size_mm**2  # below ROUNDING of which nothing acts at all
        return left / acting if acting > ROUNDING * forces else 0.0

    def energy(self) -> float:
        """Kinetic and stored energy with that of gravity, springs and threads, g mm^2/s^2."""
        moving = 0.5 * float((self.body.mass[:, None] * self.v**2).sum())
        return moving + self._energy + self._outside_energy(self.x)

    def _acting(self) -> _Surroundings:
        if self._outside is None:
            self._outside = self._surroundings(self.x)
        return self._outside

    def snapshot(self) -> Snapshot:
        """To come back to by :meth:`restore`."""
        return Snapshot(
            self._system, self._clusters, self.x.copy(), self.v.copy(), self._before, self._system.remembered(),
            self._energy, self._force.copy(),
            dict(self.held), tuple(self.springs), tuple(self.links),
        )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Be again as when the snapshot was taken; loads are the caller's."""
        self.held, self.springs, self.links = dict(snapshot.held), list(snapshot.springs), list(snapshot.links)
        self._system, self._clusters, self._before = snapshot.system, snapshot.clusters, snapshot.before
        self.x, self.v = snapshot.x.copy(), snapshot.v.copy()
        self._system.recall(snapshot.pressure)
        self._energy, self._force = (
            snapshot.energy,
            snapshot.force.copy(),
        )  # found anew they would differ in the last digits
        self._outside = None


def _size(a: Points) -> float:
    """Euclidean norm, without the threads of a linear algebra library: these cost milliseconds and may change the last digit."""
    return float(np.sqrt((a * a).sum()))


def _of_springs(spring: Springs, x: Points) -> tuple[Points, NDArray[np.float64]]:
    """Forces (k, 3) and stiffness (k, 3, 3)."""
    if spring.normals is None:
        stiffness = spring.stiffness[:, None, None] * np.eye(3)
    else:
        stiffness = spring.stiffness[:, None, None] * spring.normals[:, :, None] * spring.normals[:, None, :]
    return -np.einsum("kij,kj->ki", stiffness, x[spring.nodes] - spring.rest_mm), stiffness
