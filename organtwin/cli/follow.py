"""Run a job from the command line: progress bar on a terminal, Ctrl-C cancels, the project adopts the result."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from organtwin.document import Document
from organtwin.errors import Cancelled, OrganTwinError
from organtwin.jobs import Job, JobState
from organtwin.store import Entry

console = Console(stderr=True, highlight=False)


def run_job(
    document: Document, operation: str, inputs: dict[str, str], parameters: dict[str, Any], label: str, ranks: int = 1
) -> list[Entry]:
    """Start, follow and adopt one job.

    Returns
    -------
    list of Entry
        What it made.

    Raises
    ------
    OrganTwinError
        The job's own sentence when it failed; :class:`Cancelled` after Ctrl-C.
    """
    return follow(document, document.start(operation, inputs, parameters, label, ranks=ranks))


def follow(document: Document, job: Job) -> list[Entry]:
    """Follow a running job and adopt what it makes; returns and raises as :func:`run_job`."""
    columns = (
        TextColumn("{task.fields[label]:<28}"),
        BarColumn(bar_width=28, complete_style="cyan", finished_style="green"),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[what]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0, label=job.spec.label, what="")
        try:
            while document.poll():
                bar.update(task, completed=job.fraction, what=job.what)
                time.sleep(0.05)
        except KeyboardInterrupt:
            job.cancel()
            while document.poll():
                time.sleep(0.05)
        bar.update(task, completed=job.fraction, what="")
    return outcome(document, job)


def outcome(document: Document, job: Job) -> list[Entry]:
    """What an ended job made, or its failure raised. One that can go on is not dismissed."""
    for line in job.log:
        if line.startswith("warning: "):
            console.print(line, style="yellow", markup=False)
        elif line.startswith("tick "):  # what a rehearsal said to the surgeon
            console.print(line, style="dim", markup=False)
    if job.can_resume:
        console.print("'organtwin resume' lets it go on from its last checkpoint.", style="dim")
    elif job.state is not JobState.DONE:
        document.dismiss(job)
    if job.state is JobState.CANCELLED:
        raise Cancelled
    if job.state is JobState.FAILED or job.done is None:
        raise job.error or OrganTwinError(f"'{job.spec.label}' failed")
    if not console.is_terminal:
        console.print(f"{job.spec.label}: {job.done.seconds:.1f} s, {job.done.peak_memory_mb:.0f} MB")
    return [document.entry(uuid) for uuid in job.done.objects]
