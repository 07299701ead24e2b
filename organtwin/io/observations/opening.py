"""Files as streams of bytes or text: plain, gzipped, in a zip file or a folder; never more than could be meant."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from organtwin.errors import BadInput

HEAD = 65536
LARGEST_BYTES = 32 * 1024**3
LARGEST_TEXT_BYTES = 512 * 1024**2  # of a file that must be read whole: it takes twenty times that of memory
_SWOLLEN = 300  # packed text becomes 5 to 60 times larger; an attack a thousand times
_SWOLLEN_FROM = 64 * 1024**2
_MOST_MEMBERS = 100_000


class Guarded(io.RawIOBase):
    """A packed stream that ends with a sentence when it swells beyond what readings can, or its packing is damaged."""

    def __init__(self, stream: BinaryIO, packed_bytes: int, name: str) -> None:
        self._stream, self._packed, self._name, self._read = stream, max(packed_bytes, 1), name, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            block = self._stream.read(len(view))
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise BadInput(
                "The packed file is damaged, cut off or locked", where=self._name, remedy="Copy or pack it again."
            ) from error
        self._read += len(block)
        if self._read > LARGEST_BYTES or (self._read > _SWOLLEN_FROM and self._read > _SWOLLEN * self._packed):
            raise BadInput(
                f"The packed file unpacks to more than {self._read // 1024**2} MB from {self._packed / 1024**2:.1f} MB, "
                "which no readings do",
                where=self._name,
                remedy="Nothing of it was taken.",
            )
        view[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._stream.close()
        super().close()


@dataclass(frozen=True)
class Opened:
    """A file to read: ``name`` is without folders (they name patients), ``head`` its first bytes unpacked."""

    name: str
    size: int
    head: bytes
    open: Callable[[], BinaryIO]

    @property
    def encoding(self) -> str:
        """By its byte order mark; UTF-8 without one."""
        for mark, name in (
            (codecs.BOM_UTF8, "utf-8-sig"),
            (codecs.BOM_UTF16_LE, "utf-16"),
            (codecs.BOM_UTF16_BE, "utf-16"),
        ):
            if self.head.startswith(mark):
                return name
        return "utf-8"

    @property
    def start(self) -> str:
        """The first characters, as far as they can be read."""
        text = codecs.getincrementaldecoder(self.encoding)(errors="replace").decode(self.head)
        return text.lstrip("\ufeff")

    def whole(self) -> str:
        """All of it as text.

        Raises
        ------
        BadInput
            When it is not Unicode, or too large to be read at once.
        """
        with self.open() as stream:
            data = stream.read(LARGEST_TEXT_BYTES + 1)
        if len(data) > LARGEST_TEXT_BYTES:
            raise BadInput("The file is too large to be read whole", where=self.name, remedy="Export it as NDJSON.")
        try:
            return data.decode(self.encoding).lstrip("\ufeff")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"The file is not text: byte {error.start} is no UTF-8",
                where=self.name,
                remedy="Export it again as UTF-8.",
            ) from error


@contextmanager
def files_in(paths: list[Path], skipped: list[str]) -> Iterator[Iterator[Opened]]:
    """All files of the paths, one after the other; those in a zip file or folder too. Zips in zips are passed over."""
    archives: list[zipfile.ZipFile] = []

    def each() -> Iterator[Opened]:
        for path in paths:
            if path.is_dir():
                for inner in sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()):
                    yield from one(inner)
            elif path.is_file():
                yield from one(path)
            else:
                raise BadInput("There is nothing at this place", where=path.name, remedy="Check the path.")

    def one(path: Path) -> Iterator[Opened]:
        try:
            with path.open("rb") as stream:
                magic = stream.read(4)
        except OSError as error:
            raise BadInput(f"The file cannot be read: {error.strerror}", where=path.name) from error
        if magic[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            yield from members(path)
        elif magic[:2] == b"\x1f\x8b":
            size = path.stat().st_size
            yield _opened(path.name.removesuffix(".gz"), size, _unzipped(lambda: path.open("rb"), size, path.name))
        else:
            yield _opened(path.name, path.stat().st_size, lambda: path.open("rb"))

    def members(path: Path) -> Iterator[Opened]:
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
            raise BadInput("The zip file is damaged or cut off", where=path.name, remedy="Copy it again.") from error
        archives.append(archive)
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > _MOST_MEMBERS or sum(info.file_size for info in infos) > LARGEST_BYTES:
            raise BadInput("The zip file unpacks to more than readings can be", where=path.name)
        for info in infos:
            name = info.filename.replace("\\", "/").rpartition("/")[2]
            if info.flag_bits & 1:
                raise BadInput(
                    "The zip file is locked with a password", where=path.name, remedy="Unpack it and choose the folder."
                )
            if name.startswith(".") or "__MACOSX" in info.filename:
                continue
            made = _opened(name, info.file_size, _member(archive, info, name))
            if made.head[:4] == b"PK\x03\x04":
                skipped.append(name)
            elif made.head[:2] == b"\x1f\x8b":
                inner = _member(archive, info, name)
                yield _opened(name.removesuffix(".gz"), info.file_size, _unzipped(inner, info.compress_size, name))
            else:
                yield made

    try:
        yield each()
    finally:
        for archive in archives:
            archive.close()


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        try:
            stream = archive.open(info)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError) as error:
            raise BadInput("The zip file is damaged", where=name, remedy="Copy it again.") from error
        return _guarded(stream, info.compress_size, name)  # type: ignore[arg-type]

    return opened


def _unzipped(packed: Callable[[], BinaryIO], packed_bytes: int, name: str) -> Callable[[], BinaryIO]:
    return lambda: _guarded(gzip.GzipFile(fileobj=packed()), packed_bytes, name)  # type: ignore[arg-type]


def _guarded(stream: BinaryIO, packed_bytes: int, name: str) -> BinaryIO:
    return io.BufferedReader(Guarded(stream, packed_bytes, name), 1 << 20)


def _opened(name: str, size: int, opener: Callable[[], BinaryIO]) -> Opened:
    with opener() as stream:
        head = stream.read(HEAD)
    return Opened(name, size, head, opener)
