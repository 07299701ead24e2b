"""Many patients watched by protocols: who changed, why, since when.

``cohort(folders)`` gives rows for a list, ``evaluate_project(project)`` one patient's alerts and adherence, ``keep`` stores
them, ``acknowledge`` says that somebody has seen one, ``assign`` what a patient is watched for. Records: :mod:`.records`.
"""

from organtwin.monitoring.cohort import cohort
from organtwin.monitoring.evaluate import evaluate
from organtwin.monitoring.records import Adherence, Cohort, Evaluation, Finding, Latest, Patient
from organtwin.monitoring.store import (
    acknowledge,
    alerts_of,
    assign,
    evaluate_project,
    keep,
    monitoring_of,
    timeline_of,
)

__all__ = [
    "Adherence", "Cohort", "Evaluation", "Finding", "Latest", "Patient", "acknowledge", "alerts_of", "assign", "cohort",
    "evaluate", "evaluate_project", "keep", "monitoring_of", "timeline_of",
]  # fmt: skip
