"""The whole way on the sample study: import, segment, mesh, flow, pull, readings, twin, report."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from organtwin.cli.follow import console, run_job
from organtwin.cli.summary import summary
from organtwin.document import Document
from organtwin.report.html import write_report
from organtwin.sample import sample_folder, sample_readings


def run_demo(folder: Path | None = None) -> Path:
    """Make a finished project of the sample; returns its folder. ``report.html`` is written beside it.

    Parameters
    ----------
    folder : Path, optional
        Where to put the project; a new folder in the temporary directory when left out.
    """
    target = folder or Path(tempfile.mkdtemp(prefix="organtwin-demo-")) / "sample.otwin"
    began = time.monotonic()
    document = Document.create(target)
    try:
        (volume,) = run_job(document, "import", {}, {"sources": [str(sample_folder())]}, "Import the sample")
        (segments,) = run_job(document, "segment", {"volume": volume.uuid}, {"engine": "ct"}, "Segment")
        source = {"segmentation": segments.uuid}
        aorta = run_job(document, "mesh", source, {"structure": "aorta"}, "Mesh the aorta")[-1]
        liver = run_job(document, "mesh", source, {"structure": "liver"}, "Mesh the liver")[-1]
        flow = run_job(document, "flow", {"mesh": aorta.uuid}, {"preset": "aorta-steady"}, "Flow in the aorta")[-1]
        pull = run_job(document, "tissue", {"mesh": liver.uuid}, {"preset": "liver-pull"}, "Pull the liver")[-1]
        sources = {"paths": [str(sample_readings())], "purpose": ""}
        readings = run_job(document, "import-observations", {}, sources, "Import two years of readings")[-1]
        twin = run_job(document, "calibrate", {"observations": readings.uuid}, {"model": "circulation"}, "Calibrate")[
            -1
        ]
        ahead = {"state": twin.uuid, "observations": readings.uuid}
        forecast = run_job(document, "forecast", ahead, {"days": 60}, "Look 60 days ahead")[-1]
        report = write_report(document.project, target.parent / "report.html")
        for entry in (volume, segments, aorta, liver, flow, pull, readings, twin, forecast):
            for line in summary(entry):
                console.print(line, markup=False)
        console.print(f"\nFinished in {time.monotonic() - began:.0f} s.\nProject  {target}\nReport   {report}")
    finally:
        document.close()
    return target
