"""The formats, in the order in which they are tried. A new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from organtwin.io.observations import apple_health, cgm, fhir, fitbit, garmin, google, table
from organtwin.io.observations.opening import Opened
from organtwin.io.observations.tray import Tray


@dataclass(frozen=True)
class Format:
    """``knows`` looks at the beginning of a file; ``read`` puts all of it into the tray, and raises BadInput with one
    sentence when the file is broken."""

    name: str
    title: str
    knows: Callable[[Opened], bool]
    read: Callable[[Opened, Tray], None]


FORMATS: tuple[Format, ...] = (
    Format("fhir", "FHIR R4 (JSON)", fhir.knows, fhir.read),
    Format("fhir-ndjson", "FHIR R4 (NDJSON)", fhir.knows_lines, fhir.read_lines),
    Format("apple-health", "Apple Health (export.xml)", apple_health.knows, apple_health.read),
    Format("clarity", "Dexcom Clarity (CSV)", cgm.knows_clarity, cgm.read_clarity),
    Format("libreview", "LibreView (CSV)", cgm.knows_libre, cgm.read_libre),
    Format("fitbit", "Fitbit (archive)", fitbit.knows, fitbit.read),
    Format("fitbit-csv", "Fitbit (CSV)", fitbit.knows_csv, fitbit.read_csv),
    Format("google-fit", "Google Fit (archive)", google.knows_fit, google.read_fit),
    Format("google-day", "Google Fit (CSV of a day)", google.knows_day, google.read_day),
    Format("health-connect", "Health Connect (JSON)", google.knows_connect, google.read_connect),
    Format("garmin", "Garmin Connect (CSV)", garmin.knows_activities, garmin.read_activities),
    Format("garmin", "Garmin Connect (CSV)", garmin.knows_weights, garmin.read_weights),
    Format("garmin", "Garmin Connect (CSV)", garmin.knows_report, garmin.read_report),
    Format("table", "a table with a column of times (CSV)", table.knows, table.read),
)
