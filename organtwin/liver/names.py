"""Names for the branches of the portal vein and for the hepatic veins, by what they feed or drain lies where.

Couinaud's scheme as far as directions tell it: right and left; right anterior and posterior, left lateral and medial;
superior and inferior of each. A name is that of a direction, not of a dissection: variants are common, and doubts are
said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin.liver.supply import MAJOR, Supply, division, major_roots
from organtwin.liver.trees import Points, Tree

CLEAR_MM = 10.0  # parts whose middles are nearer to each other along the direction that names them are in doubt
COMMON_TRUNK_MM = 30.0
LOW_MM = 25.0
HEPATIC_SHARE = 0.08
DEEPEST = 3
SIDE = 0.02  # of a part: a smaller side branch names nothing

# what tells the two parts of a stem apart: (first name, second name, weights of left, posterior, up: the first has more)
SPLITS: dict[str, tuple[str, str, tuple[float, float, float]]] = {
    "": ("left", "right", (1.0, 0.0, 0.0)),
    "right": ("right posterior", "right anterior", (-0.5, 1.0, 0.0)),
    "left": ("left lateral", "left medial", (1.0, 0.0, 0.0)),
    "right anterior": ("right anterior superior", "right anterior inferior", (0.0, 0.0, 1.0)),
    "right posterior": ("right posterior superior", "right posterior inferior", (0.0, 0.0, 1.0)),
    "left lateral": ("left lateral superior", "left lateral inferior", (0.0, 0.5, 1.0)),
    "left medial": ("left medial superior", "left medial inferior", (0.0, 0.0, 1.0)),
}
SEGMENTS = {
    "right anterior superior": "8",
    "right anterior inferior": "5",
    "right posterior superior": "7",
    "right posterior inferior": "6",
    "left lateral superior": "2",
    "left lateral inferior": "3",
    "left medial superior": "4a",
    "left medial inferior": "4b",
}


@dataclass(frozen=True)
class Part:
    """A part of a tree with a name: all below ``heads``. ``level`` is how many divisions lie between it and the root."""

    heads: tuple[int, ...]
    name: str
    level: int
    doubt: str = ""

    def share(self, supply: Supply) -> float:
        return float(sum(supply.whole[h] for h in self.heads))


def parts_at(tree: Tree, supply: Supply, level: int) -> list[Part]:
    """The named parts after ``level`` divisions; one that divides no further stays as it is.

    Parameters
    ----------
    level : int
        0: the whole tree; 1: right and left; 2: sectors; 3: about Couinaud's segments; more: numbered.
    """
    parts = [Part(tuple(major_roots(tree, supply)), "", 0)]
    for _ in range(level):
        parts = [child for part in parts for child in (_parts_of(part, tree, supply) or [part])]
    return parts


def _parts_of(part: Part, tree: Tree, supply: Supply) -> list[Part]:
    """The parts of a part: what comes from its fork; without a fork, its side branches by where they go."""
    heads, doubt = part.heads, part.doubt
    if len(heads) == 1:
        at = division(tree, supply, heads[0])
        heads = at.heads
        if not heads:
            least = SIDE * part.share(supply)
            heads = tuple(c for b in at.stem for c in tree.children[b] if c not in at.stem and supply.whole[c] >= least)
            doubt = doubt or "there is no clear fork: its side branches were told apart by where they go"
    if len(heads) < 2:
        return []
    level = part.level + 1
    if part.name not in SPLITS:
        high = sorted(heads, key=lambda h: -supply.whole_centre_mm[h][2])
        return [Part((h,), f"{part.name} {n}", level, doubt) for n, h in enumerate(high, start=1)]
    first, second, weights = SPLITS[part.name]
    axis = np.array(weights) / np.linalg.norm(weights)
    along = supply.whole_centre_mm[list(heads)] @ axis
    weight = supply.whole[list(heads)]
    more = _more(along, weight)
    least = MAJOR * float(weight.sum())
    if weight[more].sum() < least or weight[~more].sum() < least:
        return []
    if np.average(along[more], weights=weight[more]) - np.average(along[~more], weights=weight[~more]) < CLEAR_MM:
        doubt = doubt or "the two parts lie hardly apart in the direction that names them"
    sides = [(first, more), (second, ~more)]
    return [
        Part(tuple(h for h, mine in zip(heads, side, strict=True) if mine), name, level, doubt) for name, side in sides
    ]


def _more(along: Points, weight: Points) -> NDArray[np.bool_]:
    """Which of some weighted places on a line are in the upper of two groups: the split that leaves the least variance."""
    order = np.argsort(along)
    best, least = 1, np.inf
    for cut in range(1, len(order)):
        rest = 0.0
        for group in (order[:cut], order[cut:]):
            mean = np.average(along[group], weights=weight[group] + 1e-9)
            rest += float((weight[group] * (along[group] - mean) ** 2).sum())
        if rest < least:
            best, least = cut, rest
    out = np.ones(len(along), bool)
    out[order[:best]] = False
    return out


def portal_names(tree: Tree, supply: Supply) -> Tree:
    """The portal tree with a name for every branch."""
    names, doubts = [""] * len(tree.branches), [""] * len(tree.branches)
    for root in major_roots(tree, supply):
        names[root] = "trunk"
    for level in range(1, DEEPEST + 1):
        for part in parts_at(tree, supply, level):
            if part.level == level:
                for n, head in enumerate(sorted(part.heads, key=lambda h: -supply.whole[h]), start=1):
                    names[head] = part.name if n == 1 else f"{part.name} {n}"
                    doubts[head] = part.doubt
    return _filled(tree, supply, names, doubts, "portal vein")


def hepatic_names(tree: Tree, supply: Supply) -> Tree:
    """The hepatic veins with a name for every branch: right, middle and left by what they drain lies where."""
    heads = _main_veins(tree, supply)
    names, doubts = [""] * len(tree.branches), [""] * len(tree.branches)
    for head, (name, doubt) in zip(heads, _told(tree, supply, heads), strict=True):
        names[head], doubts[head] = name, doubt
    return _filled(tree, supply, names, doubts, "hepatic vein")


def _main_veins(tree: Tree, supply: Supply) -> list[int]:
    """The veins that drain a good part of the liver; a short common trunk of two is two."""
    total = float(sum(supply.whole[r] for r in tree.roots))
    heads = [r for r in tree.roots if supply.whole[r] >= HEPATIC_SHARE * total]
    while len(heads) < 3:
        best: tuple[float, int, tuple[int, ...]] | None = None
        for head in heads:
            at = division(tree, supply, head)
            length = sum(tree.branches[b].length_mm for b in at.stem)
            if at.heads and length < COMMON_TRUNK_MM:
                across = [float(supply.whole_centre_mm[h][0]) for h in at.heads]
                spread = max(across) - min(across)
                if best is None or spread > best[0]:
                    best = (spread, head, at.heads)
        if best is None:
            break
        heads = [h for h in heads if h != best[1]] + list(best[2])
    return heads


def _told(tree: Tree, supply: Supply, heads: Sequence[int]) -> list[tuple[str, str]]:
    if not heads:
        return []
    start = {h: _root_of(tree, h) for h in heads}
    top = max(float(tree.branches[start[h]].points_mm[0][2]) for h in heads)
    low = [h for h in heads if float(tree.branches[start[h]].points_mm[0][2]) < top - LOW_MM]
    main = sorted((h for h in heads if h not in low), key=lambda h: float(supply.whole_centre_mm[h][0]))
    told: dict[int, tuple[str, str]] = dict.fromkeys(low, ("inferior", "it opens into the vena cava below the others"))
    if len(main) == 1:
        told[main[0]] = ("1", "only one main vein was seen, so which it is is not sure")
    elif len(main) == 2:
        doubt = "only two main veins were seen: one of them may be two that share a trunk"
        told[main[0]], told[main[1]] = ("right", doubt), ("left", doubt)
    elif main:
        told[main[0]], told[main[-1]] = ("right", ""), ("left", "")
        by_size = sorted(main[1:-1], key=lambda h: -supply.whole[h])
        for n, head in enumerate(by_size, start=1):
            doubt = (
                "" if len(by_size) == 1 else "more than three veins come together, so which of them this is is not sure"
            )
            told[head] = ("middle" if n == 1 else f"middle {n}", doubt)
    for n, head in enumerate(low, start=1):
        if len(low) > 1:
            told[head] = (f"inferior {n}", told[head][1])
    return [told[h] for h in heads]


def _root_of(tree: Tree, branch: int) -> int:
    while tree.branches[branch].parent >= 0:
        branch = tree.branches[branch].parent
    return branch


def _filled(tree: Tree, supply: Supply, names: list[str], doubts: list[str], vessel: str) -> Tree:
    """Branches without a name called after the one they leave: what carries most of it on is the next part of it, the
    rest are numbered branches. Every name is said once."""
    parts: dict[str, int] = {}
    branches: dict[str, int] = {}
    base = [""] * len(names)
    stem = [False] * len(names)
    for number, branch in enumerate(tree.branches):
        above = branch.parent
        if names[number]:
            base[number], stem[number] = names[number], True
            continue
        base[number] = base[above] if above >= 0 else ""
        doubts[number] = doubts[above] if above >= 0 else ""
        stem[number] = above >= 0 and stem[above] and supply.whole[number] > 0.5 * supply.whole[above]
        count = parts if stem[number] else branches
        count[base[number]] = count.get(base[number], int(stem[number])) + 1
        word = "part" if stem[number] else "branch"
        names[number] = f"{base[number]}, {word} {count[base[number]]}" if base[number] else f"{word} {count['']}"
    return tree.renamed([f"{vessel} {name}" for name in names], doubts)
