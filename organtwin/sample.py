"""Where the sample study and the readings of its patient lie."""

from __future__ import annotations

import os
from pathlib import Path

from organtwin.errors import BadInput


def sample_folder() -> Path:
    """Folder of the sample series: $ORGANTWIN_SAMPLE, or sample_dicom/series in the checkout.

    Raises
    ------
    BadInput
        When it is not there.
    """
    given = os.environ.get("ORGANTWIN_SAMPLE")
    folder = Path(given) if given else Path(__file__).parents[1] / "sample_dicom" / "series"
    if not folder.is_dir():
        raise BadInput(
            "The sample study is not here",
            where=str(folder),
            remedy="It comes with the source: set ORGANTWIN_SAMPLE to it.",
        )
    return folder


def sample_readings() -> Path:
    """Two years of readings of the sample's patient, beside its series.

    Raises
    ------
    BadInput
        When they are not there.
    """
    file = sample_folder().parent / "readings.json.gz"
    if not file.is_file():
        raise BadInput("The sample's readings are not here", where=str(file), remedy="They come with the source.")
    return file
