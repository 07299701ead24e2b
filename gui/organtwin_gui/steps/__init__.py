"""The steps of the workflow, one file each, in the order a scan goes through them."""

from organtwin_gui.steps.flow import FlowStep
from organtwin_gui.steps.mesh import MeshStep
from organtwin_gui.steps.plan import PlanStep
from organtwin_gui.steps.procedure import ProcedureStep
from organtwin_gui.steps.readings import ReadingsStep
from organtwin_gui.steps.rehearse import RehearseStep
from organtwin_gui.steps.segment import SegmentStep
from organtwin_gui.steps.step import Step
from organtwin_gui.steps.study import StudyStep
from organtwin_gui.steps.tissue import TissueStep
from organtwin_gui.steps.try_out import TryOutStep
from organtwin_gui.steps.twin import TwinStep
from organtwin_gui.steps.vessels import VesselsStep

# the patient over time; they have a board of their own in place of the views
TWIN_STEPS: tuple[type[Step], ...] = (ReadingsStep, TwinStep, TryOutStep)
STEPS: tuple[type[Step], ...] = (
    StudyStep,
    SegmentStep,
    VesselsStep,
    MeshStep,
    FlowStep,
    ProcedureStep,
    TissueStep,
    PlanStep,
    RehearseStep,
    *TWIN_STEPS,
)

__all__ = [
    "STEPS",
    "TWIN_STEPS",
    "FlowStep",
    "MeshStep",
    "PlanStep",
    "ProcedureStep",
    "ReadingsStep",
    "RehearseStep",
    "SegmentStep",
    "Step",
    "StudyStep",
    "TissueStep",
    "TryOutStep",
    "TwinStep",
    "VesselsStep",
]
