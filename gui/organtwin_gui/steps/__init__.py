"""The steps of the workflow, one file each, in the order a scan goes through them."""

from organtwin_gui.steps.flow import FlowStep
from organtwin_gui.steps.mesh import MeshStep
from organtwin_gui.steps.plan import PlanStep
from organtwin_gui.steps.procedure import ProcedureStep
from organtwin_gui.steps.rehearse import RehearseStep
from organtwin_gui.steps.segment import SegmentStep
from organtwin_gui.steps.step import Step
from organtwin_gui.steps.study import StudyStep
from organtwin_gui.steps.tissue import TissueStep
from organtwin_gui.steps.vessels import VesselsStep

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
)

__all__ = [
    "STEPS",
    "FlowStep",
    "MeshStep",
    "PlanStep",
    "ProcedureStep",
    "RehearseStep",
    "SegmentStep",
    "Step",
    "StudyStep",
    "TissueStep",
    "VesselsStep",
]
