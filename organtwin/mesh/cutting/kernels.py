"""The loops of a cut, compiled: splitting of tetrahedra at crossed edges, neighbours, stars, pieces."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

FACES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]], np.int64)  # opposite each corner, outward
EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]], np.int64)
TRIANGLE_EDGES = np.array([[0, 1], [1, 2], [2, 0]], np.int64)


# -- crossed edges -------------------------------------------------------------------------------------------------------


@numba.njit(cache=True, nogil=True)
def longest_edge(points: Any, tets: Any) -> float:
    """Length of the longest edge (mm)."""
    longest = 0.0
    for m in range(len(tets)):
        for e in range(6):
            a, b = tets[m, EDGES[e, 0]], tets[m, EDGES[e, 1]]
            d = (
                (points[a, 0] - points[b, 0]) ** 2
                + (points[a, 1] - points[b, 1]) ** 2
                + (points[a, 2] - points[b, 2]) ** 2
            )
            if d > longest:
                longest = d
    return np.sqrt(longest)


@numba.njit(cache=True, nogil=True)
def crossing_tets(tets: Any, sign: Any) -> Any:
    """Tetrahedra with corners on both sides."""
    out = np.empty(len(tets), np.int64)
    count = 0
    for m in range(len(tets)):
        low, high = 2, -2
        for k in range(4):
            s = sign[tets[m, k]]
            if s == -1 or s == 1:
                low, high = min(low, s), max(high, s)
        if low < high and high == 1:
            out[count] = m
            count += 1
    return out[:count]


# -- bringing points onto the sheet ---------------------------------------------------------------------------------------


@numba.njit(cache=True, nogil=True)
def _mean_ratio(points: Any, a: int, b: int, c: int, d: int) -> float:
    """12 (3 V)^(2/3) / sum of squared edges, negative when inverted (Liu and Joe 1994)."""
    u0, u1, u2 = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    v0, v1, v2 = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    w0, w1, w2 = points[d, 0] - points[a, 0], points[d, 1] - points[a, 1], points[d, 2] - points[a, 2]
    six = u0 * (v1 * w2 - v2 * w1) + u1 * (v2 * w0 - v0 * w2) + u2 * (v0 * w1 - v1 * w0)
    squares = u0 * u0 + u1 * u1 + u2 * u2 + v0 * v0 + v1 * v1 + v2 * v2 + w0 * w0 + w1 * w1 + w2 * w2
    squares += (u0 - v0) ** 2 + (u1 - v1) ** 2 + (u2 - v2) ** 2
    squares += (u0 - w0) ** 2 + (u1 - w1) ** 2 + (u2 - w2) ** 2
    squares += (v0 - w0) ** 2 + (v1 - w1) ** 2 + (v2 - w2) ** 2
    if squares <= 0.0:
        return 0.0
    ratio = 12.0 * abs(six / 2.0) ** (2.0 / 3.0) / squares
    return ratio if six > 0.0 else -ratio


@numba.njit(cache=True, nogil=True)
def _worst_around(points: Any, tets: Any, starts: Any, around: Any, at: int) -> float:
    worst = 1.0
    for j in range(starts[at], starts[at + 1]):
        m = around[j]
        worst = min(worst, _mean_ratio(points, tets[m, 0], tets[m, 1], tets[m, 2], tets[m, 3]))
    return worst


@numba.njit(cache=True, nogil=True)
def _bulge(points: Any, triangles: Any, starts: Any, around: Any, at: int, old: Any) -> float:
    """Largest distance of the place ``old`` from the planes of the triangles around a point that was there."""
    worst = 0.0
    for j in range(starts[at], starts[at + 1]):
        t = around[j]
        a, b, c = points[triangles[t, 0]], points[triangles[t, 1]], points[triangles[t, 2]]
        n0 = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        n1 = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        n2 = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        length = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
        if length <= 0.0:
            return np.inf
        away = abs(n0 * (old[0] - a[0]) + n1 * (old[1] - a[1]) + n2 * (old[2] - a[2])) / length
        worst = max(worst, away)
    return worst


@numba.njit(cache=True, nogil=True)
def snap(
    places: Any,
    others: Any,
    tets: Any,
    starts: Any,
    around: Any,
    triangles: Any,
    skin_starts: Any,
    skin_around: Any,
    sign: Any,
    order: Any,
    point: Any,
    toward: Any,
    share: Any,
    bulge: Any,
    floor: float,
) -> Any:
    """Let points near the sheet lie on it, in the given order; ``sign`` becomes 0 there.

    Candidate ``order[i]`` is the point ``point`` that would move by ``share`` toward ``toward`` (-1: nowhere). It moves
    unless a tetrahedron around it would become worse than ``floor`` times what it was, or the boundary would recede by
    more than ``bulge``; then the sheet is bent to it. No tetrahedron may have all its corners on the sheet. Returns
    whether each candidate was brought on (1) and moved (2).
    """
    done = np.zeros(len(point), np.int8)
    for i in order:
        a = point[i]
        if sign[a] == 0:
            continue
        flat = False
        for j in range(starts[a], starts[a + 1]):
            zeros = 0
            for k in range(4):
                if sign[tets[around[j], k]] == 0:
                    zeros += 1
            if zeros >= 3:
                flat = True
                break
        if flat:
            continue
        sign[a] = 0
        done[i] = 1
        b, t = toward[i], share[i]
        if b < 0:
            continue
        before = min(_worst_around(places, tets, starts, around, a), _worst_around(others, tets, starts, around, a))
        here, there = places[a].copy(), others[a].copy()
        places[a] = (1.0 - t) * here + t * places[b]
        others[a] = (1.0 - t) * there + t * others[b]
        after = min(_worst_around(places, tets, starts, around, a), _worst_around(others, tets, starts, around, a))
        recedes = max(
            _bulge(places, triangles, skin_starts, skin_around, a, here),
            _bulge(others, triangles, skin_starts, skin_around, a, there),
        )
        if after < floor * before or after <= 0.0 or recedes > bulge[i]:
            places[a], others[a] = here, there
        else:
            done[i] = 2
    return done


@numba.njit(cache=True, nogil=True)
def cells_around(tets: Any, count: int) -> Any:
    """Tetrahedra (or triangles) around each point: starts (n + 1,) and list."""
    starts = np.zeros(count + 1, np.int64)
    corners = tets.shape[1]
    for m in range(len(tets)):
        for k in range(corners):
            starts[tets[m, k] + 1] += 1
    for i in range(count):
        starts[i + 1] += starts[i]
    fill = starts[:-1].copy()
    around = np.empty(corners * len(tets), np.int64)
    for m in range(len(tets)):
        for k in range(corners):
            around[fill[tets[m, k]]] = m
            fill[tets[m, k]] += 1
    return starts, around


# -- splitting -------------------------------------------------------------------------------------------------------------


@numba.njit(cache=True, nogil=True)
def split(cells: Any, ends: Any, edge_of: Any, first_new: int) -> Any:
    """Bisect tetrahedra or triangles at their crossed edges, the crossed edges with small numbers first.

    ``ends`` (e, 2) are the corners of the edges of a cell; ``edge_of`` (m, e) is the number of each crossed edge, -1 where it
    is not. As neighbours bisect the edges that they share in the same order, they divide what they share alike. Returns
    cells and the row that each came from.
    """
    corners_each = cells.shape[1]
    most = 2 ** (corners_each - 1)
    out = np.empty((most * len(cells), corners_each), np.int32)
    parent = np.empty(most * len(cells), np.int64)
    count = 0
    stack = np.empty((32, corners_each), np.int64)
    for m in range(len(cells)):
        stack[0] = cells[m]
        size = 1
        while size > 0:
            size -= 1
            corners = stack[size].copy()
            best, one, two = -1, 0, 0
            for pair in range(len(ends)):
                i, j = ends[pair, 0], ends[pair, 1]
                for e in range(len(ends)):
                    number = edge_of[m, e]
                    if number < 0 or (best >= 0 and number >= best):
                        continue
                    a, b = cells[m, ends[e, 0]], cells[m, ends[e, 1]]
                    if (corners[i] == a and corners[j] == b) or (corners[i] == b and corners[j] == a):
                        best, one, two = number, i, j
            if best < 0:
                out[count] = corners
                parent[count] = m
                count += 1
                continue
            stack[size] = corners
            stack[size, two] = first_new + best
            stack[size + 1] = corners
            stack[size + 1, one] = first_new + best
            size += 2
    return out[:count].copy(), parent[:count].copy()


# -- neighbours --------------------------------------------------------------------------------------------------------------


@numba.njit(cache=True, nogil=True)
def _sorted_three(a: int, b: int, c: int) -> Any:
    if a > b:
        a, b = b, a
    if b > c:
        b, c = c, b
    if a > b:
        a, b = b, a
    return a, b, c


@numba.njit(cache=True, nogil=True)
def _slot(a: int, b: int, c: int, mask: int) -> int:
    h = (a * 73856093) ^ (b * 19349663) ^ (c * 83492791)
    h ^= h >> 15
    return h & mask


@numba.njit(cache=True, nogil=True)
def neighbours(tets: Any) -> Any:
    """(m, 4) number 4 m' + k' of the face on the other side of each face, -1 at the boundary, -2 where three meet."""
    total = 4 * len(tets)
    size = 16
    while size < 2 * total:
        size *= 2
    mask = size - 1
    table = np.full(size, -1, np.int32)
    keys = np.empty((total, 3), np.int32)
    other = np.full(total, -1, np.int64)
    for m in range(len(tets)):
        for k in range(4):
            face = 4 * m + k
            a, b, c = _sorted_three(tets[m, FACES[k, 0]], tets[m, FACES[k, 1]], tets[m, FACES[k, 2]])
            keys[face, 0], keys[face, 1], keys[face, 2] = a, b, c
            slot = _slot(a, b, c, mask)
            while True:
                found = table[slot]
                if found < 0:
                    table[slot] = face
                    break
                if keys[found, 0] == a and keys[found, 1] == b and keys[found, 2] == c:
                    if other[found] == -1:
                        other[found], other[face] = face, found
                    else:
                        if other[found] >= 0:
                            other[other[found]] = -2
                        other[found] = other[face] = -2
                    break
                slot = (slot + 1) & mask
    return other.reshape(-1, 4)


@numba.njit(cache=True, nogil=True)
def boundary_of(tets: Any, other: Any, triangles: Any) -> Any:
    """Faces without neighbour as (tetrahedron, face) and the row of ``triangles`` that each is, -1 for none."""
    size = 16
    while size < 2 * len(triangles):
        size *= 2
    mask = size - 1
    table = np.full(size, -1, np.int32)
    keys = np.empty((len(triangles), 3), np.int32)
    for t in range(len(triangles)):
        a, b, c = _sorted_three(triangles[t, 0], triangles[t, 1], triangles[t, 2])
        keys[t, 0], keys[t, 1], keys[t, 2] = a, b, c
        slot = _slot(a, b, c, mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = t
    count = 0
    for m in range(len(tets)):
        for k in range(4):
            if other[m, k] < 0:
                count += 1
    faces = np.empty((count, 2), np.int64)
    row = np.full(count, -1, np.int64)
    count = 0
    for m in range(len(tets)):
        for k in range(4):
            if other[m, k] >= 0:
                continue
            faces[count, 0], faces[count, 1] = m, k
            a, b, c = _sorted_three(tets[m, FACES[k, 0]], tets[m, FACES[k, 1]], tets[m, FACES[k, 2]])
            slot = _slot(a, b, c, mask)
            while table[slot] >= 0:
                t = table[slot]
                if keys[t, 0] == a and keys[t, 1] == b and keys[t, 2] == c:
                    row[count] = t
                    break
                slot = (slot + 1) & mask
            count += 1
    return faces, row


@numba.njit(cache=True, nogil=True)
def open_faces(tets: Any, other: Any, side: Any, on_sheet: Any) -> Any:
    """Part neighbours of opposite sides whose common face lies on the sheet; the pairs (k, 2) of faces that were parted."""
    pairs = np.empty((len(tets), 2), np.int64)
    count = 0
    for m in range(len(tets)):
        if side[m] != 1:
            continue
        for k in range(4):
            face = other[m, k]
            if face < 0 or side[face // 4] != -1:
                continue
            on = True
            for c in range(3):
                on = on and on_sheet[tets[m, FACES[k, c]]]
            if on:
                other[face // 4, face % 4] = -1
                other[m, k] = -1
                if count == len(pairs):
                    pairs = np.concatenate((pairs, np.empty_like(pairs)))
                pairs[count, 0], pairs[count, 1] = 4 * m + k, face
                count += 1
    return pairs[:count].copy()


@numba.njit(cache=True, nogil=True)
def close_faces(tets: Any, other: Any, pairs: Any) -> int:
    """Join parted faces again that kept all their points, as they cannot open; how many stay parted."""
    parted = 0
    for i in range(len(pairs)):
        one, two = pairs[i, 0], pairs[i, 1]
        same = 0
        for c in range(3):
            for d in range(3):
                if tets[one // 4, FACES[one % 4, c]] == tets[two // 4, FACES[two % 4, d]]:
                    same += 1
        if same == 3:
            other[one // 4, one % 4], other[two // 4, two % 4] = two, one
        else:
            parted += 1
    return parted


@numba.njit(cache=True, nogil=True)
def sides(tets: Any, sign: Any) -> Any:
    """+1 and -1 for tetrahedra whose corners off the sheet are all above or below, 0 for mixed and far ones."""
    out = np.zeros(len(tets), np.int8)
    for m in range(len(tets)):
        above, below = False, False
        for k in range(4):
            above = above or sign[tets[m, k]] == 1
            below = below or sign[tets[m, k]] == -1
        if above and not below:
            out[m] = 1
        elif below and not above:
            out[m] = -1
    return out


# -- stars and pieces --------------------------------------------------------------------------------------------------------


@numba.njit(cache=True, nogil=True)
def _find(root: Any, i: int) -> int:
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@numba.njit(cache=True, nogil=True)
def _join(root: Any, i: int, j: int) -> None:
    i, j = _find(root, i), _find(root, j)
    if i < j:
        root[j] = i
    elif j < i:
        root[i] = j


@numba.njit(cache=True, nogil=True)
def part_stars(tets: Any, other: Any, here: Any, count: int) -> Any:
    """Give each part of a star that no common face joins a point of its own, in place, at the points where ``here``.

    Returns the points that the new ones (numbered from ``count``) are copies of.
    """
    root = np.arange(4 * len(tets))
    for m in range(len(tets)):
        for k in range(4):
            face = other[m, k]
            if face < 4 * m:
                continue
            n = face // 4
            for c in range(3):
                corner = FACES[k, c]
                point = tets[m, corner]
                if not here[point]:
                    continue
                for d in range(4):
                    if tets[n, d] == point:
                        _join(root, 4 * m + corner, 4 * n + d)
    owner = np.full(count, -1, np.int64)
    number = np.full(4 * len(tets), -1, np.int64)
    copies = np.empty(4 * len(tets), np.int64)
    added = 0
    for m in range(len(tets)):
        for k in range(4):
            point = tets[m, k]
            if not here[point]:
                continue
            first = _find(root, 4 * m + k)
            if owner[point] < 0:
                owner[point] = first
                number[first] = point
            elif number[first] < 0:
                number[first] = count + added
                copies[added] = point
                added += 1
    for m in range(len(tets)):
        for k in range(4):
            if here[tets[m, k]]:
                tets[m, k] = number[_find(root, 4 * m + k)]
    return copies[:added].copy()


@numba.njit(cache=True, nogil=True)
def pieces_of(other: Any) -> Any:
    """Piece of each tetrahedron, numbered in the order in which they appear, and how many there are."""
    total = len(other)
    root = np.arange(total)
    for m in range(total):
        for k in range(4):
            if other[m, k] >= 0:
                _join(root, m, other[m, k] // 4)
    piece = np.full(total, -1, np.int32)
    count = 0
    for m in range(total):
        first = _find(root, m)
        if piece[first] < 0:
            piece[first] = count
            count += 1
        piece[m] = piece[first]
    return piece, count
