"""Changes by hand to a plan that is not kept yet: they can be taken back and made again."""

from __future__ import annotations

from organtwin.resection.settings import Settings


class Changes:
    """The settings before each change, and those that were taken back."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._before: list[Settings] = []
        self._after: list[Settings] = []
        self._kept_at = 0  # how many changes there were when a plan was kept last

    def remember(self, now: Settings) -> None:
        """These settings are about to be changed."""
        self._before.append(now)
        self._after.clear()

    def keep(self) -> None:
        """The plan was kept as it is: what comes before is the project's to undo."""
        self._kept_at = len(self._before)
        self._after.clear()

    @property
    def since_kept(self) -> bool:
        """Whether a change came after the plan was kept last."""
        return len(self._before) > self._kept_at

    @property
    def can_go_back(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._before)

    @property
    def can_go_forth(self) -> bool:
        """Whether there is one to make again."""
        return bool(self._after)

    def back(self, now: Settings) -> Settings:
        """The settings before the last change."""
        self._after.append(now)
        earlier = self._before.pop()
        self._kept_at = min(self._kept_at, len(self._before))
        return earlier

    def forth(self, now: Settings) -> Settings:
        """The settings that were taken back last."""
        self._before.append(now)
        return self._after.pop()
