"""The objects of the twin. All immutable; all carry the recipe that made them."""

from organtwin.model.alert import Acknowledgement, Alert, Monitoring
from organtwin.model.base import Frozen, Recipe, TwinObject
from organtwin.model.centerline import Branch, Centerline, Finding
from organtwin.model.dynamic import DynamicSegmentation, DynamicVolume
from organtwin.model.flow_case import FlowCase
from organtwin.model.forecast import Course, Crossing, Forecast, Intervention, Scenario
from organtwin.model.observations import Event, Observations, Person, Quarantined, Source
from organtwin.model.organ_mesh import Cap, OrganMesh
from organtwin.model.procedure import Procedure
from organtwin.model.rehearsal import Rehearsal
from organtwin.model.resection_plan import ResectionPlan
from organtwin.model.result import Quantity, Result
from organtwin.model.segmentation import Segment, Segmentation
from organtwin.model.surface import Surface
from organtwin.model.terminology import STRUCTURES, Structure, structure
from organtwin.model.tissue_case import TissueCase
from organtwin.model.twin_state import Estimate, TwinState
from organtwin.model.volume import Volume

KINDS: dict[str, type[TwinObject]] = {
    cls.kind: cls
    for cls in (
        Volume,
        DynamicVolume,
        Segmentation,
        DynamicSegmentation,
        Surface,
        OrganMesh,
        Centerline,
        FlowCase,
        TissueCase,
        Result,
        Procedure,
        ResectionPlan,
        Rehearsal,
        Observations,
        TwinState,
        Scenario,
        Forecast,
        Course,
        Alert,
        Monitoring,
    )
}

__all__ = [
    "KINDS",
    "STRUCTURES",
    "Acknowledgement",
    "Alert",
    "Branch",
    "Cap",
    "Centerline",
    "Course",
    "Crossing",
    "DynamicSegmentation",
    "DynamicVolume",
    "Estimate",
    "Event",
    "Finding",
    "FlowCase",
    "Forecast",
    "Frozen",
    "Intervention",
    "Monitoring",
    "Observations",
    "OrganMesh",
    "Person",
    "Procedure",
    "Quantity",
    "Quarantined",
    "Recipe",
    "Rehearsal",
    "ResectionPlan",
    "Result",
    "Scenario",
    "Segment",
    "Segmentation",
    "Source",
    "Structure",
    "Surface",
    "TissueCase",
    "TwinObject",
    "TwinState",
    "Volume",
    "structure",
]
