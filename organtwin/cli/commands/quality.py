"""``organtwin quality``: how far a segmentation can be believed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from organtwin.cli.base import AsJson, ProjectPath, app
from organtwin.cli.choose import choose_in
from organtwin.cli.plain import print_json
from organtwin.errors import BadInput
from organtwin.model import Segmentation, Volume
from organtwin.store import Project
from organtwin.store.relations import scan_behind


@app.command()
def quality(
    project: ProjectPath,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    volume: Annotated[str | None, typer.Option(help="The scan to measure it on, when it is not clear.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures here (.html or .pdf).")] = None,
    pictures: Annotated[
        bool, typer.Option(help="Put three pictures of each structure into the JSON, as base64 PNG.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say how far a segmentation can be believed: volumes, islands, holes, what the scan cuts."""
    from organtwin.segment.quality import quality as measure

    if html or pictures:  # these load a template engine
        from organtwin.report.quality import thumbnails, write_quality
    with Project(project, read_only=True) as kept:
        volumes, segmentations = ([e for e in kept.entries() if e.kind == kind] for kind in ("volume", "segmentation"))
        if not segmentations:
            raise BadInput("The project has no segmentation yet", where=str(project))
        chosen = choose_in(segmentations, segmentation, "segmentation") if segmentation else segmentations[-1]
        behind = choose_in(volumes, volume, "volume") if volume else scan_behind(chosen, volumes)
        drawn, scan = kept.load(chosen.uuid), kept.load(behind.uuid) if behind else None
        assert isinstance(drawn, Segmentation)
        assert scan is None or isinstance(scan, Volume)
        found = write_quality(drawn, scan, html) if html else measure(drawn, scan)
        drawings = thumbnails(drawn, scan) if pictures else {}
    if as_json:
        seen = ({"pictures": drawings.get(q.key, [])} if pictures else {} for q in found)
        print_json([q.model_dump() | more for q, more in zip(found, seen, strict=True)])
        return
    for q in found:
        print(f"{q.level:5} {q.name:28} {q.volume_ml:9.1f} mL  {q.doubts}".rstrip())
    if html is not None:
        print(f"wrote {html}")
