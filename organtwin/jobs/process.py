"""Is that process still the one we started?"""

from __future__ import annotations

from pathlib import Path


def born(pid: int) -> int | None:
    """Kernel start time of a living process in clock ticks; None when it is gone or a zombie (proc(5), field 22)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def alive(pid: int, born_at: int) -> bool:
    """Whether process ``pid`` lives and is the same one."""
    return born(pid) == born_at
