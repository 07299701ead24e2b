"""Waiting of the care-pathway twin against queues whose waiting is known exactly.

M/M/1 and M/M/c: Erlang 1917 (Erlang C); M/D/1: Pollaczek 1930 and Khinchine 1932, mean wait rho / (2 mu (1 - rho)). The
priority queue M/M/1 with two classes that do not interrupt each other: Cobham, Operations Research 2, 1954.
"""

from __future__ import annotations

import math
import time
from typing import Any

from organtwin.monitor import Monitor, PartMonitor
from organtwin.pathway import Plan, simulate
from organtwin.validation import Case, Row


def erlang_c(servers: int, load: float) -> float:
    """Probability to wait, of ``servers`` with ``load`` = arrivals / rate of one."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    use = load / servers
    return blocked / (1.0 - use * (1.0 - blocked))


def plan(servers: int, arrivals: dict[str, tuple[float, int]], law: str, customers: int, replications: int) -> Plan:
    """A queue of mean service 1 min; ``arrivals`` name rate (1/min) and priority of each class."""
    total = sum(rate for rate, _ in arrivals.values())
    step: dict[str, Any] = {"need": "desk", "time": {"law": law, "mean": "1 min"}}
    return Plan.model_validate(
        {
            "name": "queue",
            "length": f"{customers / total} min",
            "warm_up": f"{1000.0 / total} min",
            "replications": replications,
            "seed": 1,
            "resources": {"desk": {"capacity": servers}},
            "patients": {
                name: {"every": f"{1.0 / rate!r} min", "priority": priority, "steps": [step]}
                for name, (rate, priority) in arrivals.items()
            },
        }
    )


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Mean waits and use; ``mesh`` tells the confidence interval."""
    customers, replications = (4_000, 10) if quick else (15_000, 20)
    accepted = 6.0 if quick else 2.0
    use = 0.6
    queues = (
        ("M/M/1", 1, {"all": (use, 5)}, "exponential", {"all": use / (1.0 - use)}, "Erlang 1917"),
        ("M/M/3", 3, {"all": (3 * use, 5)}, "exponential", {"all": erlang_c(3, 3 * use) / (3.0 - 3 * use)}, "Erlang 1917"),
        ("M/D/1", 1, {"all": (use, 5)}, "fixed", {"all": 0.5 * use / (1.0 - use)}, "Pollaczek 1930, Khinchine 1932"),
        (
            "M/M/1 with priority", 1, {"first": (0.2, 1), "second": (0.4, 9)}, "exponential",
            {"first": 0.6 / (1.0 - 0.2), "second": 0.6 / ((1.0 - 0.2) * (1.0 - 0.6))}, "Cobham 1954",
        ),
    )  # fmt: skip
    rows: list[Row] = []
    for k, (name, servers, arrivals, law, waits, source) in enumerate(queues):
        started = time.perf_counter()
        part = PartMonitor(monitor, k / len(queues), (k + 1) / len(queues))
        outcome = simulate(plan(servers, arrivals, law, customers, replications), part)
        seconds = time.perf_counter() - started
        for who, wait in waits.items():
            found = outcome.number(f"{who}: wait for desk, mean")
            sure = f"{outcome.patients} customers, 95 % interval ± {60.0 * (found.high - found.low) / 2.0:.2g} min"
            more = "" if who == "all" else f" of the {who}"
            rows.append(
                Row(f"{name}: mean wait{more}", wait, 60.0 * found.mean, "min", accepted, source, sure, seconds)
            )
        busy = outcome.number("desk: in use")
        expected = 100.0 * sum(rate for rate, _ in arrivals.values()) / servers
        sure = f"95 % interval ± {(busy.high - busy.low) / 2.0:.2g} %"
        rows.append(Row(f"{name}: in use", expected, busy.mean, "%", accepted / 2.0, "load / servers", sure, seconds))
    return [row for row in rows if math.isfinite(row.computed)]


CASE = Case("queue", "Waiting for beds and theatres: queues with exact answers", run)
