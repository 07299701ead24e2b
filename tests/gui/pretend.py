"""A rehearsal session without an engine: tissue follows the tool as a soft bump does, and planes take tetrahedra away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, Quantity, Rehearsal
from organtwin.model.rehearsal import Scene, Script, Step
from organtwin.model.tool import Pose
from organtwin.rehearsal import messages as say
from organtwin.rehearsal.frame import Frame, Measures


def boundary_of(tets: np.ndarray) -> np.ndarray:
    """(b, 3) faces of one tetrahedron only, outward."""
    faces = np.concatenate([tets[:, k] for k in ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1))])
    _, first, count = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    return faces[np.sort(first[count == 1])]


class PretendSession:
    """The face of :class:`organtwin.rehearsal.session.Session`, in this process. ``made`` holds all of them."""

    made: list[PretendSession] = []  # noqa: RUF012
    organ: OrganMesh

    def __init__(
        self, project: Path, inputs: dict[str, str], scene: Scene, replay: Script | None = None, pace: float = 1.0
    ) -> None:
        self.folder = Path(project) / "rehearsals" / f"pretend-{len(self.made)}"
        self.inputs, self.scene, self.replay = inputs, scene, replay
        self.steps: list[Step] = list(replay.steps) if replay else []
        self.undone: list[Step] = []
        self.poses: list[Pose] = []
        self.asked: list[Any] = []
        self.events: list[Any] = [say.Ready(), say.Stepped(steps=tuple(self.steps))]
        self.tick, self.paused, self.closed, self.forgotten = 0, False, False, False
        self._rest = np.asarray(self.organ.points_mm, np.float32)
        self._skin = boundary_of(np.asarray(self.organ.tets))
        self._grabbed: np.ndarray | None = None
        self._cuts: list[tuple[np.ndarray, np.ndarray]] = []
        type(self).made.append(self)

    def move(self, pose: Pose) -> None:
        self.poses.append(pose)

    def do(self, command: Any) -> None:
        self.asked.append(command)
        try:
            said = self._perform(command)
        except BadInput as error:
            self.events.append(say.Refused(sentence=error.sentence))
            return
        self.steps.append(Step(tick=self.tick, command=command))
        self.undone.clear()
        self.events += [say.Said(text=said), self._stepped()]

    def _perform(self, command: Any) -> str:
        match command.do:
            case "close":
                self._grabbed = np.array(self.poses[-1].tip_mm)
            case "open" | "lay":
                self._grabbed = None
            case "resect-plane":
                side = (self._rest - np.array(command.point_mm)) @ np.array(command.normal)
                if (side > 0).all() or (side < 0).all():
                    raise BadInput("The plane goes through nothing", remedy="Move it into the organ.")
                self._cuts.append((np.array(command.point_mm), np.array(command.normal)))
        return f"Did {command.do}."

    def _stepped(self) -> say.Stepped:
        return say.Stepped(steps=tuple(self.steps), undone=tuple(self.undone))

    def undo(self) -> None:
        self.go_to(len(self.steps) - 1)

    def redo(self) -> None:
        self.go_to(len(self.steps) + 1)

    def go_to(self, steps: int) -> None:
        everything = [*self.steps, *self.undone]
        self.steps, self.undone = everything[: max(steps, 0)], everything[max(steps, 0) :]
        self._cuts = self._cuts[: sum(s.command.do == "resect-plane" for s in self.steps)]
        self.events.append(self._stepped())

    def pause(self, on: bool) -> None:
        self.paused = on

    def record(self, name: str) -> None:
        self.events.append(say.Recorded(folders=(name,)))

    def take(self, recorded: say.Recorded) -> list[Any]:
        rehearsal = Rehearsal(
            name=recorded.folders[0], mesh=self.organ.uuid, inputs=self.inputs, scene=self.scene,
            steps=tuple(self.steps), poses=np.zeros((0, 10)), ticks=self.tick,
            quantities=(Quantity(name="resected volume", value=12.0 + len(self.steps), unit="mL"),),
        )  # fmt: skip
        return [rehearsal]

    def die(self, sentence: str) -> None:
        self.events.append(say.Ended(sentence=sentence))

    def poll(self) -> list[Any]:
        events, self.events = self.events, []
        return events

    def newest(self) -> Frame | None:
        if self.paused or self.closed:
            return None
        self.tick += 1
        tool = self.poses[-1] if self.poses else None
        x = self._rest.copy()
        pulled = 0.0
        if tool is not None and self._grabbed is not None:
            pull = np.array(tool.tip_mm) - self._grabbed
            pulled = float(np.linalg.norm(pull))
            near = np.exp(-(np.linalg.norm(self._rest - self._grabbed, axis=1) ** 2) / 25.0**2)
            x += (near[:, None] * pull).astype(np.float32)
        strain = (np.linalg.norm(x - self._rest, axis=1) / 40).astype(np.float32)
        triangles, kinds = self._skin, np.zeros(len(self._skin), np.uint8)
        if self._cuts:
            middle = self._rest[self.organ.tets].mean(axis=1)
            left = np.all([(middle - p) @ n < 0 for p, n in self._cuts], axis=0)
            triangles = boundary_of(np.asarray(self.organ.tets)[left])
            known = {tuple(t) for t in np.sort(self._skin, axis=1)}
            kinds = np.array([tuple(t) not in known for t in np.sort(triangles, axis=1)], np.uint8)
        return Frame(
            tick=self.tick, topology=1 + len(self._cuts), points_mm=x, rest_mm=self._rest,
            triangles=triangles.astype(np.int32), kinds=kinds, strain=strain, force_n=strain * 4,
            tool=None if tool is None else np.array((*tool.tip_mm, *tool.axis, *tool.normal)),
            grasping=self._grabbed is not None, held_mm=self._rest[:5],
            measures=Measures(
                time_s=self.tick / 60, steps=len(self.steps), force_n=0.08 * pulled,
                largest_strain_percent=100 * float(strain.max()), strain_limit_percent=40.0, vessel="portal vein",
                vessel_mm=7.3, remnant_ml=1500.0,
            ),
        )  # fmt: skip

    def close(self, *, forget: bool = False) -> None:
        self.closed, self.forgotten = True, forget
