"""WebM films without a video library: every picture is a VP8 key frame, as it stands in a lossy WebP file.

A WebP picture is one VP8 key frame in a RIFF wrapper (https://developers.google.com/speed/webp/docs/riff_container); WebM is
Matroska with VP8 (https://www.webmproject.org/docs/container). Such films are larger than those of a video encoder, and
play in every browser and player.
"""

from __future__ import annotations

import io
import struct

from PIL import Image

_TRACK = 1
_CLUSTER_MS = 1000


def vp8_frame(picture: Image.Image, quality: int = 88) -> bytes:
    """A picture (RGB) as a VP8 key frame."""
    packed = io.BytesIO()
    picture.convert("RGB").save(packed, "WEBP", quality=quality, method=2)
    data = packed.getvalue()
    at = 12
    while at < len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"VP8 ":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise ValueError("no VP8 frame in the picture")


def film(frames: list[bytes], width: int, height: int, frames_per_second: float) -> bytes:
    """VP8 key frames as a WebM file that can be sought in."""
    period_ms = 1000.0 / frames_per_second
    times = [round(n * period_ms) for n in range(len(frames))]
    info = _element(
        0x1549A966,
        _uint(0x2AD7B1, 1_000_000),  # a tick is a millisecond
        _element(0x4489, struct.pack(">d", len(frames) * period_ms)),
        _text(0x4D80, "OrganTwin"),
        _text(0x5741, "OrganTwin"),
    )
    tracks = _element(
        0x1654AE6B,
        _element(
            0xAE,
            _uint(0xD7, _TRACK),
            _uint(0x73C5, 1),
            _uint(0x9C, 0),
            _uint(0x83, 1),  # video
            _text(0x86, "V_VP8"),
            _uint(0x23E383, round(period_ms * 1e6)),
            _element(0xE0, _uint(0xB0, width), _uint(0xBA, height)),
        ),
    )
    clusters: list[tuple[int, bytes]] = []
    for start in range(0, times[-1] + 1 if times else 0, _CLUSTER_MS):
        within = [n for n, t in enumerate(times) if start <= t < start + _CLUSTER_MS]
        if not within:
            continue
        first = times[within[0]]
        blocks = (_element(0xA3, struct.pack(">BhB", 0x80 | _TRACK, times[n] - first, 0x80), frames[n]) for n in within)
        clusters.append((first, _element(0x1F43B675, _uint(0xE7, first), *blocks)))
    # the index comes before the clusters; all its numbers have eight bytes, so its size does not depend on them
    position = len(info) + len(tracks) + len(_cues([(t, 0) for t, _ in clusters]))
    points = []
    for first, cluster in clusters:
        points.append((first, position))
        position += len(cluster)
    segment = _element(0x18538067, info, tracks, _cues(points), *(c for _, c in clusters))
    return _header() + segment


def _cues(points: list[tuple[int, int]]) -> bytes:
    return _element(
        0x1C53BB6B,
        *(
            _element(0xBB, _uint(0xB3, time, 8), _element(0xB7, _uint(0xF7, _TRACK), _uint(0xF1, at, 8)))
            for time, at in points
        ),
    )


def _header() -> bytes:
    return _element(
        0x1A45DFA3,
        _uint(0x4286, 1),
        _uint(0x42F7, 1),
        _uint(0x42F2, 4),
        _uint(0x42F3, 8),
        _text(0x4282, "webm"),
        _uint(0x4287, 4),
        _uint(0x4285, 2),
    )


def _element(name: int, *content: bytes) -> bytes:
    """An EBML element; its size is written in eight bytes where it does not fit one."""
    body = b"".join(content)
    size = struct.pack(">B", 0x80 | len(body)) if len(body) < 127 else struct.pack(">Q", 1 << 56 | len(body))
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + size + body


def _uint(name: int, value: int, length: int | None = None) -> bytes:
    return _element(name, value.to_bytes(length or max(1, (value.bit_length() + 7) // 8), "big"))


def _text(name: int, value: str) -> bytes:
    return _element(name, value.encode())
