"""A report's HTML as PDF, by WeasyPrint. Nothing is fetched from anywhere: a text in a project cannot make it read a file."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from organtwin.errors import BadInput, OrganTwinError

PICTURES = {"jpeg_quality": 82, "dpi": 160}


@cache
def font_folder() -> Path:
    """Where a font lies that is always there: it comes with matplotlib."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def font_faces() -> str:
    """CSS that names it "Report", for machines without fonts of their own."""
    faces = (("DejaVuSans.ttf", 400), ("DejaVuSans-Bold.ttf", 700))
    return "".join(
        f"@font-face {{ font-family: Report; font-weight: {weight}; src: url('{(font_folder() / file).as_uri()}'); }}\n"
        for file, weight in faces
        if (font_folder() / file).exists()
    )


def pages(html: str) -> Any:
    """The pages laid out, as WeasyPrint's document.

    Raises
    ------
    BadInput
        When the libraries that WeasyPrint draws with are not installed.
    """
    try:
        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:
        raise BadInput(
            "This machine cannot write PDF: Pango is not installed", remedy="Write the report as .html, and print that."
        ) from error

    allowed = font_folder().resolve()

    class Closed(URLFetcher):
        """Only what the page holds itself, and the font."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            parts = urlsplit(url)
            if parts.scheme == "data" or (parts.scheme == "file" and Path(parts.path).resolve().parent == allowed):
                return super().fetch(url, headers)
            raise ValueError("a report refers to nothing outside itself")

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    fonts, fetcher = FontConfiguration(), Closed()
    faces = CSS(string=font_faces(), font_config=fonts, url_fetcher=fetcher)
    return HTML(string=html, url_fetcher=fetcher).render(stylesheets=[faces], font_config=fonts, **PICTURES)


def pdf(html: str) -> bytes:
    """The pages of a report, as a file.

    Raises
    ------
    BadInput
        As :func:`pages`.
    OrganTwinError
        When the pages cannot be laid out or written.
    """
    try:
        made = pages(html).write_pdf(**PICTURES)
    except BadInput:
        raise
    except Exception as error:  # of many libraries
        raise OrganTwinError(
            f"The PDF could not be written: {error}", remedy="Write the report as .html, and print that."
        ) from error
    assert isinstance(made, bytes)
    return made
