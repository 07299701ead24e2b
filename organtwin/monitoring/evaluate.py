"""A patient against protocols: which alerts stand, which are new, which are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from organtwin.model import Alert, Forecast, TwinState
from organtwin.monitoring.judge import CannotTell, Patient, adhered, judge
from organtwin.monitoring.protocol import Protocol, known, shipped, shipped_text
from organtwin.monitoring.records import SEVERITIES, Evaluation, Finding
from organtwin.timeline.conditions import named
from organtwin.timeline.days import DAY_S
from organtwin.timeline.timeline import Timeline


def evaluate(
    timeline: Timeline,
    protocols: Sequence[Protocol],
    now_s: float,
    *,
    alerts: Sequence[Alert] = (),
    states: Sequence[TwinState] = (),
    forecasts: Sequence[Forecast] = (),
    begun_s: float | None = None,
    suggested: bool = False,
) -> Evaluation:
    """Judge every rule as of ``now_s``; nothing later is looked at.

    Parameters
    ----------
    alerts
        The patient's alerts so far. One that is open is not raised again while its rule holds or cannot be judged; it is ended
        when the rule is judged, does not hold, and has not held for the rule's ``quiet`` days.
    states, forecasts
        Of the patient's twin, oldest first; for rules that compare with it.
    begun_s
        Since when the protocols are meant to be followed.
    """
    standing = {(a.protocol, a.rule): a for a in alerts if a.ended_s is None}
    patient = Patient(timeline, now_s, states, forecasts, begun_s, frozenset(standing))
    adherence = [
        adhered(name, watched, protocol, patient)
        for protocol in protocols
        for name, watched in protocol.readings.items()
        if watched.expect and (len(patient.series(watched)) or not (watched.optional or suggested))
    ]
    found, untold = _judged(protocols, patient)
    titles = {p.name: p.title for p in protocols}
    raised = [
        Alert(
            name=f"{titles[f.protocol]}: {f.rule.replace('-', ' ')}", protocol=f.protocol, rule=f.rule, severity=f.severity,
            since_s=f.since_s, raised_s=now_s, why=f.why, evidence=f.evidence,
        )
        for key, f in found.items()
        if key not in standing
    ]  # fmt: skip
    gone = {key for key in standing if key not in found and key not in untold}
    for protocol in protocols:
        quiet = {(protocol.name, r.name): r.quiet_days for r in protocol.rules if (protocol.name, r.name) in gone}
        for back in range(1, max(quiet.values(), default=0) + 1):
            earlier = replace(patient, now_s=now_s - back * DAY_S, _series={}, _daily={})
            held = _judged([protocol], earlier)[0] if any(n >= back for n in quiet.values()) else {}
            gone -= {key for key, n in quiet.items() if n >= back and key in held}
    over = [a for key, a in standing.items() if key in gone]
    ended = [version(a, ended_s=now_s) for a in over]
    left = [a for a in standing.values() if a not in over]
    return Evaluation(
        at_s=now_s,
        protocols=tuple(p.title for p in protocols),
        suggested=suggested,
        open=tuple(sorted([*left, *raised], key=urgency, reverse=True)),
        raised=tuple(raised),
        ended=tuple(ended),
        adherence=tuple(adherence),
        unjudged=tuple(dict.fromkeys(untold.values())),
        findings=tuple(found.values()),
    )


def _judged(
    protocols: Sequence[Protocol], patient: Patient
) -> tuple[dict[tuple[str, str], Finding], dict[tuple[str, str], str]]:
    """By protocol and rule: what holds (parts of composites left out), and why what could not be judged could not."""
    found: dict[tuple[str, str], Finding] = {}
    untold: dict[tuple[str, str], str] = {}
    for protocol in protocols:
        own: dict[str, Finding] = {}
        for rule in protocol.rules:
            try:
                finding = judge(rule, protocol, patient, own)
            except CannotTell as why:
                untold[protocol.name, rule.name] = f"{protocol.title}: {why}"
                continue
            if finding is not None:
                own[rule.name] = finding
                if rule.alone:
                    found[protocol.name, rule.name] = finding
    return found, untold


def version(alert: Alert, **changes: object) -> Alert:
    """The next version of an alert."""
    return Alert.model_validate(
        {**alert.model_dump(exclude={"uuid", "created", "replaces"}), **changes, "replaces": alert.uuid}
    )


def urgency(alert: Alert) -> tuple[int, bool, float]:
    """What sorts alerts: severity, whether somebody must still look at it, and how new the change is."""
    return SEVERITIES.index(alert.severity), alert.acknowledged is None, alert.since_s


def suggestion(timeline: Timeline) -> tuple[Protocol, ...]:
    """Shipped protocols that fit the patient's conditions; where none does, those all of whose expected readings he has."""
    ours = _shipped()
    history = [e for e in timeline.events if e.kind == "procedure" or (e.kind == "condition" and e.end_s is None)]
    fitting = tuple(p for p in ours if any(named(event, p.fits) for event in history))
    return fitting or tuple(p for p in ours if _has_what_it_needs(p, timeline))


@cache
def _shipped() -> tuple[Protocol, ...]:
    return tuple(known(shipped_text(name)) for name in shipped())


def _has_what_it_needs(protocol: Protocol, timeline: Timeline) -> bool:
    first = next(iter(protocol.readings.values()))
    needed = [first, *(w for w in protocol.readings.values() if w.expect and not w.optional)]
    return all(any(code in timeline.codes for code in watched.codes) for watched in needed)
