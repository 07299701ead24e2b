"""Films are WebM: elements of the right sizes, an index that points at its clusters, VP8 key frames inside."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

webm = pytest.importorskip("organtwin_gui.webm")


def elements(data: bytes, start: int = 0, end: int | None = None):
    """(id, start of content, end of content) of the EBML elements side by side in a span."""
    at, end = start, len(data) if end is None else end
    while at < end:
        width = 9 - data[at].bit_length()
        name = int.from_bytes(data[at : at + width], "big")
        at += width
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
        at += length
        yield name, at, at + size
        at += size
    assert at == end


def test_a_film_has_its_frames_and_an_index_that_is_right():
    frames = []
    for n in range(30):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:, 2 * n : 2 * n + 4] = 255
        frames.append(webm.vp8_frame(Image.fromarray(picture)))
    assert all(f[3:6] == b"\x9d\x01\x2a" for f in frames), "the start code of a VP8 key frame"
    data = webm.film(frames, 64, 48, 25)
    (_, _, _), (segment, start, end) = elements(data)
    assert segment == 0x18538067
    parts = list(elements(data, start, end))
    clusters = [(s, e) for name, s, e in parts if name == 0x1F43B675]
    assert len(clusters) == 2, "one a second"
    blocks = [(s, e) for c in clusters for name, s, e in elements(data, *c) if name == 0xA3]
    assert [data[s + 4 : e] for s, e in blocks] == frames
    (cues,) = [(s, e) for name, s, e in parts if name == 0x1C53BB6B]
    for _, s, e in elements(data, *cues):
        (_, t0, t1), (_, p0, p1) = elements(data, s, e)
        positions = {name: (a, b) for name, a, b in elements(data, p0, p1)}
        at = int.from_bytes(data[slice(*positions[0xF1])], "big")
        assert data[start + at : start + at + 4] == b"\x1f\x43\xb6\x75"
        assert int.from_bytes(data[t0:t1], "big") in (0, 1000)
