"""Long work in processes of its own. A job is a folder; whoever opens the folder can follow, cancel and adopt it."""

from organtwin.jobs.events import Cancelled, Done, Event, Failed, Log, Progress, Residual, Started
from organtwin.jobs.job import Job, JobState, unseen
from organtwin.jobs.spec import JobSpec

__all__ = [
    "Cancelled",
    "Done",
    "Event",
    "Failed",
    "Job",
    "JobSpec",
    "JobState",
    "Log",
    "Progress",
    "Residual",
    "Started",
    "unseen",
]
