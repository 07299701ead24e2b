"""Which series of a study the protocol means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from organtwin.batch.discovery import FoundStudy
from organtwin.batch.protocol import SeriesFilter
from organtwin.errors import BadInput
from organtwin.monitor import Monitor, NullMonitor, PartMonitor


def choose_series(study: FoundStudy, wanted: SeriesFilter, monitor: Monitor | None = None) -> str:
    """Key of the series that the protocol means.

    Raises
    ------
    BadInput
        When no series fits, with the reason.
    """
    from organtwin.io.study import one_patient, scan

    monitor = monitor or NullMonitor()
    with scan(study.sources, PartMonitor(monitor, 0.0, 0.3)) as listed:
        mine = [
            s
            for s in listed.series
            if (not study.study_uid or s.study in ("", study.study_uid))
            and (not study.series_uid or study.series_uid in (s.uid, s.key))
        ] or list(listed.series)
        if not any(s.readable for s in mine):
            listed.series = tuple(mine)
            listed.best()  # says why
        one_patient([s for s in mine if s.readable])
        left = [s for s in mine if s.readable]
        for what, fits in _questions(wanted):
            kept = [s for s in left if fits(s)]
            if not kept:
                have = "; ".join(
                    f"'{s.description or 'no description'}' ({s.modality or '?'}, {s.summary})" for s in left[:4]
                )
                raise BadInput(f"No series of this study {what}: it has {have}")
            left = kept
        if wanted.take == "first":
            return left[0].key
        if wanted.take == "most-slices":
            return max(left, key=lambda s: s.slices).key
        listed.series = tuple(left)
        return listed.best().key


def _questions(wanted: SeriesFilter) -> Iterator[tuple[str, Any]]:
    if wanted.modality:
        yield f"is {' or '.join(wanted.modality)}", lambda s: s.modality in wanted.modality or s.modality in ("", "OT")
    if wanted.description:
        yield (
            f"has a description with '{wanted.description}'",
            lambda s: re.search(wanted.description, s.description, re.I),
        )
    if wanted.not_description:
        yield (
            f"has a description without '{wanted.not_description}'",
            lambda s: not re.search(wanted.not_description, s.description, re.I),
        )
    if wanted.plane:
        yield f"is {wanted.plane}", lambda s: wanted.plane in s.plane
    image = lambda s: s.path is not None  # noqa: E731  # its header was not read for the number of slices
    yield f"has {wanted.least_slices} slices or more", lambda s: image(s) or s.slices >= wanted.least_slices
    yield f"has at most {wanted.most_slices} slices", lambda s: image(s) or s.slices <= wanted.most_slices
    if wanted.phases != "any":
        several = wanted.phases == "several"
        yield f"has {wanted.phases} phase{'s' if several else ''}", lambda s: (s.phase_count > 1) == several
