"""Contact of tissue with a rigid tool.

Each triangle near the tool is strewn with points, closer together than the tool is thick, so that a thin tool cannot poke
through between the mesh points; each point is pushed out along the gradient of the distance to the tool, and the push is
spread to the corners of its triangle. Points are followed in the frame of the tool: one that comes from outside and would
be on the far side at the end of the step is held at the side where it came in, so that nothing passes through a tool however
fast either of them moves. Only the outside of the tissue is pushed: a tool that is inside can be drawn out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from organtwin_solvers.rehearsal.contact.inside import winding
from organtwin_solvers.rehearsal.contact.penalty import OFFSET_MM, pressure
from organtwin_solvers.rehearsal.contact.shapes import Form, frame_of, signed_distance, to_tool
from organtwin_solvers.rehearsal.contact.skin import Skin
from organtwin_solvers.rehearsal.stepper import Stepper

compiled = njit(cache=True, error_model="numpy")

Floats = NDArray[np.float64]

_MOST_ALONG_EDGE = 50  # points of a strewn triangle along its edge
_BAND_MM = 0.3  # what lies so little farther than the deepest point of a triangle bears with it
_MOST_FOCUS = 10.0  # how much stiffer a triangle is made that is touched in one place only
_FOLLOW = 0.25  # of the mean depth is made good in a step
_STICK_MM = 0.05  # slip in a step below which friction grows with it


class ToolContact:
    """Load on tissue from one tool.

    Pressure needs some depth. So that the tissue lies on the surface of the tool nevertheless, the tool is felt swollen by
    ``swell_mm``, which follows the mean depth (an augmented Lagrangian with one multiplier).

    Parameters
    ----------
    stepper : Stepper
        Whose body it touches, also after a cut.
    form : Form
    pose : (9,) float64
        Tip, axis, normal.
    friction : float
        Coefficient of Coulomb.
    """

    def __init__(self, stepper: Stepper, form: Form, pose: Floats, friction: float = 0.0) -> None:
        self.form, self.friction = form, friction
        self.touching = True
        self.swell_mm = 0.0
        self._stepper = stepper
        self._skin = Skin.of(stepper.body)
        self._points = _Points.none()
        self._pushes: list[_Push] = []
        self._kept = np.zeros(3)
        self.move(pose, pose)

    @property
    def skin(self) -> Skin:
        """The boundary of the body as it now is."""
        if self._skin.body is not self._stepper.body:
            self._skin = Skin.of(self._stepper.body)
        return self._skin

    def move(self, before: Floats, pose: Floats) -> None:
        """In the coming step the tool goes from one pose to another."""
        self._frame_before, self._frame = frame_of(before), frame_of(pose)

    def begin(self, x: Floats, v: Floats, dt: float) -> None:
        self._pushes.clear()
        self._kept = np.zeros(3)
        self._points = _Points.none()
        skin, form = self.skin, self.form
        if not self.touching:
            self.swell_mm = 0.0
            return
        frames = self._frame_before, self._frame
        shape = form.core, form.radius_mm + self.swell_mm, form.flat
        self._points = _Points(*_strew(x, v, dt, skin.triangles, skin.area_mm2, skin.stiffness, *frames, *shape))
        depth = self._push(x, self._frame_before)[2]  # where the step before has ended
        least, most = -min(OFFSET_MM, 0.5 * form.radius_mm), 0.5 * form.radius_mm
        self.swell_mm = float(np.clip(self.swell_mm + _FOLLOW * depth, least, most))

    def evaluate(self, x: Floats) -> tuple[NDArray[np.int32], Floats, Floats]:
        if self._skin.body is not self._stepper.body:  # cut or undone since the last step began
            self._points = _Points.none()
        force, stiffness, _, _ = self._push(x, self._frame)
        nodes = self._points.nodes
        if len(nodes):
            push = _Push(x[nodes], nodes, force, stiffness)
            if self._pushes and np.array_equal(push.at, self._pushes[-1].at):
                self._pushes.pop()
            self._pushes = [*self._pushes[-1:], push]
        return nodes, force, stiffness

    def missed(self, x: Floats) -> bool:
        """Whether tissue that has come to ``x`` in this step has gone into the tool, or through it, before it was felt."""
        return self._push(x, self._frame)[3] > 0.5 * self.form.radius_mm

    def _push(self, x: Floats, frame: Floats) -> tuple[Floats, Floats, float, float]:
        p, form = self._points, self.form
        points = p.corners, p.slots, p.shares, p.weights, p.begins, p.pressed, len(p.nodes)
        return _push(x, *points, self.friction, frame, form.core, form.radius_mm, form.flat, self.swell_mm)  # type: ignore[no-any-return]

    @property
    def force(self) -> Floats:
        """What the tissue did to the tool in the last step (3,), g mm/s^2: with it the step was balanced."""
        if not self._pushes:
            return self._kept
        if self._skin.body is not self._stepper.body:  # cut or undone since
            return np.zeros(3)
        x, last = self._stepper.x, self._pushes[-1]
        if len(self._pushes) > 1 and np.array_equal(last.at, x[last.nodes]):
            last = self._pushes[0]
        gone = x[last.nodes] - last.at
        return -np.asarray(last.force - np.einsum("kij,kj->ki", last.stiffness, gone)).sum(axis=0)

    def recall(self, force: Floats, swell_mm: float) -> None:
        """Be again as when ``force`` was felt."""
        self._points, self._pushes = _Points.none(), []
        self._kept, self.swell_mm = force, swell_mm

    def clearance_mm(self, x: Floats, pose: Floats) -> float:
        """Least signed distance of the boundary to the tool at ``pose``."""
        frame, form = frame_of(pose), self.form
        return float(_approach(x, self.skin.triangles, frame, frame, form.core, form.radius_mm, form.flat, 0.0)[0])

    def free_share(self, x: Floats, pose: Floats, wanted: Floats, most_mm: float) -> float:
        """How much of the way from ``pose`` to ``wanted`` goes no deeper into the boundary than ``most_mm`` beyond now."""
        form = self.form
        args = frame_of(pose), frame_of(wanted), form.core, form.radius_mm, form.flat, most_mm
        return float(_approach(x, self.skin.triangles, *args)[1])

    def holds_inside(self, x: Floats, pose: Floats) -> bool:
        """Whether the tip, or the centre of a ball, lies inside the tissue."""
        tip = pose[:3] - pose[3:6] / np.linalg.norm(pose[3:6]) * (
            0.0 if self.form.core[1, 1] == 0 else self.form.radius_mm
        )
        return bool(winding(tip, x, self.skin.triangles) > 0.5)


@dataclass(frozen=True)
class _Push:
    """Forces and stiffness on nodes that were at ``at`` (k, 3)."""

    at: Floats
    nodes: NDArray[np.int32]
    force: Floats
    stiffness: Floats


class _Points:
    """The points strewn in a step: corners and shares (k, 3), weights (k,), places at its begin (k, 3) and the pressure there
    (k,), nodes and the slots (k, 3) of the corners among them."""

    def __init__(self, corners, shares, weights, begins, pressed, nodes, slots) -> None:  # type: ignore[no-untyped-def]
        self.corners, self.shares, self.weights, self.begins = corners, shares, weights, begins
        self.pressed, self.nodes, self.slots = pressed, nodes, slots

    @classmethod
    def none(cls) -> _Points:
        i, f = np.empty((0, 3), np.int32), np.empty((0, 3))
        return cls(i, f, np.empty(0), f, np.empty(0), np.empty(0, np.int32), i)


@compiled
def _strew(x, v, dt, triangles, area, stiffness, before, frame, core, radius, flat):
    """Points on the triangles that the tool may touch in this step."""
    offset = OFFSET_MM
    chosen = np.empty(len(triangles), np.int32)
    along = np.empty(len(triangles), np.int32)
    rooms = np.empty(len(triangles))
    spacing = 0.5 * radius
    p, q = np.empty(3), np.empty(3)
    count, total = 0, 0
    for t in range(len(triangles)):
        i, j, k = triangles[t]
        for a in range(3):
            p[a] = (x[i, a] + x[j, a] + x[k, a]) / 3
        ring, speed = 0.0, 0.0
        for node in triangles[t]:
            ring = max(ring, (x[node, 0] - p[0]) ** 2 + (x[node, 1] - p[1]) ** 2 + (x[node, 2] - p[2]) ** 2)
            speed = max(speed, v[node, 0] ** 2 + v[node, 1] ** 2 + v[node, 2] ** 2)
        room = sqrt(ring) + sqrt(speed) * dt + offset
        to_tool(before, p[0], p[1], p[2], q)
        b0, b1, b2 = q
        first = signed_distance(q, core, radius, flat)[0]
        to_tool(frame, p[0], p[1], p[2], q)
        last = signed_distance(q, core, radius, flat)[0]
        way = sqrt((q[0] - b0) ** 2 + (q[1] - b1) ** 2 + (q[2] - b2) ** 2)
        if 0.5 * (first + last - way) < room + 1.0:
            edge = 0.0
            for a in range(3):
                m, n = triangles[t, a], triangles[t, (a + 1) % 3]
                edge = max(edge, (x[m, 0] - x[n, 0]) ** 2 + (x[m, 1] - x[n, 1]) ** 2 + (x[m, 2] - x[n, 2]) ** 2)
            n = 1 if flat else min(max(ceil(sqrt(edge) / spacing), 1), _MOST_ALONG_EDGE)
            chosen[count], along[count], rooms[count] = t, n, sqrt(speed) * dt + way + 1.0
            count += 1
            total += (n + 1) * (n + 2) // 2

    corners = np.empty((total, 3), np.int32)
    shares, begins = np.empty((total, 3)), np.empty((total, 3))
    weights, pressed, gaps = np.empty(total), np.empty(total), np.empty(total)
    made = 0
    for c in range(count):
        t, n = chosen[c], along[c]
        i, j, k = triangles[t]
        ux, uy, uz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
        wx, wy, wz = x[k, 0] - x[i, 0], x[k, 1] - x[i, 1], x[k, 2] - x[i, 2]
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        length = max(sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
        start, nearest, whole = made, 1e30, 0.0
        for a in range(n + 1):
            for b in range(n + 1 - a):
                s0, s1 = a / n, b / n
                s2 = 1.0 - s0 - s1
                for d in range(3):
                    p[d] = s0 * x[i, d] + s1 * x[j, d] + s2 * x[k, d]
                to_tool(before, p[0], p[1], p[2], q)
                first, g0, g1, g2 = signed_distance(q, core, radius, flat)
                # how much the outside of the triangle looks at the tool
                out0 = before[1, 0] * g0 + before[2, 0] * g1 + before[3, 0] * g2
                out1 = before[1, 1] * g0 + before[2, 1] * g1 + before[3, 1] * g2
                out2 = before[1, 2] * g0 + before[2, 2] * g1 + before[3, 2] * g2
                facing = min(max(0.5 - 2.5 * (out0 * nx + out1 * ny + out2 * nz) / length, 0.0), 1.0)
                facing = facing * facing * (3 - 2 * facing)
                if not flat:  # what lies at the very core of the tool cannot be told to be on one side of it
                    facing *= min(max((first + radius) / (0.3 * radius), 0.0), 1.0)
                for d in range(3):
                    begins[made, d] = q[d]
                    corners[made, d] = triangles[t, d]
                shares[made, 0], shares[made, 1], shares[made, 2] = s0, s1, s2
                edges = (a == 0) + (b == 0) + (a + b == n)
                sixths = 6 if edges == 0 else (3 if edges == 1 else 1)
                weights[made] = facing * sixths / (3.0 * n * n) * area[t] * stiffness[t]
                pressed[made] = pressure(first, offset)[0]
                to_tool(frame, p[0], p[1], p[2], q)
                gaps[made] = signed_distance(q, core, radius, flat)[0]
                whole += weights[made]
                if weights[made] > 0.0 and min(first, gaps[made]) < rooms[c]:  # others cannot touch in this step
                    nearest = min(nearest, gaps[made])
                    made += 1
        # A facet that is touched in one place only must hold there as well as one that is touched all over
        touched = 0.0
        for m in range(start, made):
            near = max(1.0 - (gaps[m] - nearest) / _BAND_MM, 0.0)
            touched += weights[m] * near * near * (3 - 2 * near)
        if touched > 0.0:
            focus = min(whole / touched, _MOST_FOCUS)
            for m in range(start, made):
                weights[m] *= focus

    slot = np.full(len(x), -1, np.int32)
    nodes = np.empty(3 * count, np.int32)
    used = 0
    slots = np.empty((total, 3), np.int32)
    for m in range(made):
        for d in range(3):
            node = corners[m, d]
            if slot[node] < 0:
                slot[node] = used
                nodes[used] = node
                used += 1
            slots[m, d] = slot[node]
    return (
        corners[:made],
        shares[:made],
        weights[:made],
        begins[:made],
        pressed[:made],
        nodes[:used].copy(),
        slots[:made],
    )


@compiled
def _push(x, corners, slots, shares, weights, begins, pressed, used, friction, frame, core, thin, flat, swell):
    """Forces (used, 3) and stiffness (used, 3, 3) on the corners of the strewn points, the mean depth weighted by force,
    and the greatest."""
    offset = OFFSET_MM
    force, stiffness = np.zeros((used, 3)), np.zeros((used, 3, 3))
    q, e, f = np.empty(3), np.empty(3), np.empty(3)
    h = np.empty((3, 3))
    radius = thin + swell
    sunk, pressing, deepest = 0.0, 0.0, 0.0
    for m in range(len(corners)):
        weight = weights[m]
        i, j, k = corners[m]
        s0, s1, s2 = shares[m]
        to_tool(
            frame,
            s0 * x[i, 0] + s1 * x[j, 0] + s2 * x[k, 0],
            s0 * x[i, 1] + s1 * x[j, 1] + s2 * x[k, 1],
            s0 * x[i, 2] + s1 * x[j, 2] + s2 * x[k, 2],
            q,
        )
        gap, g0, g1, g2 = signed_distance(q, core, radius, flat)
        if flat:
            gap -= swell
        d0, d1, d2 = q[0] - begins[m, 0], q[1] - begins[m, 1], q[2] - begins[m, 2]
        way = sqrt(d0 * d0 + d1 * d1 + d2 * d2)
        if way > 0.5 * radius and not flat:  # it may have gone through: where did it come in?
            parts = min(ceil(2 * way / radius), 200)
            for s in range(parts + 1):
                e[0] = begins[m, 0] + d0 * s / parts
                e[1] = begins[m, 1] + d1 * s / parts
                e[2] = begins[m, 2] + d2 * s / parts
                entry, e0, e1, e2 = signed_distance(e, core, radius, flat)
                if entry < 0:
                    if gap > 0 or e0 * g0 + e1 * g1 + e2 * g2 < 0.5:
                        gap = entry + e0 * (q[0] - e[0]) + e1 * (q[1] - e[1]) + e2 * (q[2] - e[2])
                        g0, g1, g2 = e0, e1, e2
                    break
        deepest = max(deepest, -gap - swell)
        push, slope = pressure(gap, offset)
        if push == 0.0:
            continue
        push, slope = push * weight, slope * weight
        sunk -= push * (gap + swell)
        pressing += push
        f[0], f[1], f[2] = push * g0, push * g1, push * g2
        h[0, 0], h[0, 1], h[0, 2] = slope * g0 * g0, slope * g0 * g1, slope * g0 * g2
        h[1, 1], h[1, 2], h[2, 2] = slope * g1 * g1, slope * g1 * g2, slope * g2 * g2
        if friction > 0.0:
            along = d0 * g0 + d1 * g1 + d2 * g2
            t0, t1, t2 = d0 - along * g0, d1 - along * g1, d2 - along * g2
            slip = sqrt(t0 * t0 + t1 * t1 + t2 * t2)
            most = friction * pressed[m] * weight
            drag = most / slip if slip > _STICK_MM else most * (2 - slip / _STICK_MM) / _STICK_MM
            f[0] -= drag * t0
            f[1] -= drag * t1
            f[2] -= drag * t2
            h[0, 0] += drag * (1 - g0 * g0)
            h[0, 1] -= drag * g0 * g1
            h[0, 2] -= drag * g0 * g2
            h[1, 1] += drag * (1 - g1 * g1)
            h[1, 2] -= drag * g1 * g2
            h[2, 2] += drag * (1 - g2 * g2)
        h[1, 0], h[2, 0], h[2, 1] = h[0, 1], h[0, 2], h[1, 2]
        for d in range(3):
            at, share = slots[m, d], shares[m, d]
            for a in range(3):
                force[at, a] += share * f[a]
                for b in range(3):
                    stiffness[at, a, b] += share * h[a, b]
    # back from the frame of the tool
    for s in range(used):
        f[:] = force[s]
        h[:, :] = stiffness[s]
        for a in range(3):
            force[s, a] = 0.0
            for b in range(3):
                force[s, a] += frame[b + 1, a] * f[b]
                value = 0.0
                for c in range(3):
                    for d in range(3):
                        value += frame[c + 1, a] * h[c, d] * frame[d + 1, b]
                stiffness[s, a, b] = value
    return force, stiffness, sunk / pressing if pressing > 0.0 else -swell, deepest


@compiled
def _approach(x, triangles, before, frame, core, radius, flat, most):
    """Least signed distance of points strewn on the triangles, and the share of the motion that goes ``most`` deeper.

    The distance is convex: it falls no faster than its slope at the start says.
    """
    p, q, r = np.empty(3), np.empty(3), np.empty(3)
    least, share = 1e30, 1.0
    for t in range(len(triangles)):
        i, j, k = triangles[t]
        for a in range(3):
            p[a] = (x[i, a] + x[j, a] + x[k, a]) / 3
        ring = 0.0
        for node in triangles[t]:
            ring = max(ring, (x[node, 0] - p[0]) ** 2 + (x[node, 1] - p[1]) ** 2 + (x[node, 2] - p[2]) ** 2)
        ring = sqrt(ring)
        to_tool(before, p[0], p[1], p[2], q)
        to_tool(frame, p[0], p[1], p[2], r)
        way = sqrt((r[0] - q[0]) ** 2 + (r[1] - q[1]) ** 2 + (r[2] - q[2]) ** 2)
        bound = signed_distance(q, core, radius, flat)[0] - ring
        if bound >= least and max(bound, 0.0) + most >= share * (
            way + ring
        ):  # a turn moves corners by a ring more at most
            continue
        n = 1 if flat else min(max(ceil(2 * ring / (0.5 * radius)), 1), _MOST_ALONG_EDGE)
        for a in range(n + 1):
            for b in range(n + 1 - a):
                s0, s1 = a / n, b / n
                s2 = 1.0 - s0 - s1
                for d in range(3):
                    p[d] = s0 * x[i, d] + s1 * x[j, d] + s2 * x[k, d]
                to_tool(before, p[0], p[1], p[2], q)
                gap, g0, g1, g2 = signed_distance(q, core, radius, flat)
                least = min(least, gap)
                to_tool(frame, p[0], p[1], p[2], r)
                nearer = -(g0 * (r[0] - q[0]) + g1 * (r[1] - q[1]) + g2 * (r[2] - q[2]))
                if nearer * share > max(gap, 0.0) + most:
                    share = (max(gap, 0.0) + most) / nearer
    return least, share
