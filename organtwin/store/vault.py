"""The one door to the files of a project: as they are, or encrypted with age where the project is sealed.

Everything that reads or writes in a project folder asks :func:`vault_of` for its door. A sealed project's files are ordinary
age files (https://age-encryption.org/v1) for an X25519 identity, which lies in the project encrypted with the passphrase:
``age -d identity.age > key; age -d -i key objects/UUID/meta.json.age`` reads them without OrganTwin.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.store.atomic import replaced, said_plainly, written

IDENTITY = "identity.age"  # what makes a project a sealed one
ROLES = "roles"  # the same identity under a passphrase for each role that has one
KEYS = "ORGANTWIN_KEYS"  # in the environment of a child: what its parent has unlocked


class Locked(BadInput):
    """A sealed project whose passphrase was not given, or is another."""


class Vault:
    """Files as they are. Arrays are memory-mapped."""

    sealed = False
    holders = 0
    role = ""  # that the passphrase binds to; "" where any may be chosen

    def path(self, path: Path) -> Path:
        """Where the file lies that is called ``path``."""
        return path

    def array_path(self, folder: Path, name: str) -> Path:
        """Where an array of an object lies."""
        return folder / f"{name}.npy"

    def exists(self, path: Path) -> bool:
        return self.path(path).exists()

    def read_bytes(self, path: Path) -> bytes:
        """All of a file.

        Raises
        ------
        OSError
            When it is not there.
        ValueError
            When it is sealed and damaged.
        """
        return path.read_bytes()

    def write_bytes(self, path: Path, data: bytes, unseen: bool = False) -> None:
        """Replace a file at once: it is the old one or the new one, whatever happens. ``unseen``: its folder has no name yet."""
        with (written if unseen else replaced)(self.path(path)) as stream:
            stream.write(self._shut(data))

    def read_json(self, path: Path) -> Any:
        return json.loads(self.read_bytes(path))

    def write_json(self, path: Path, data: Any, unseen: bool = False) -> None:
        self.write_bytes(path, json.dumps(data, indent=1).encode() + b"\n", unseen)

    def line(self, record: bytes) -> bytes:
        """A record as a line of a file that grows; without the end of the line."""
        return record

    def record(self, line: bytes) -> bytes:
        """What :meth:`line` made a line of.

        Raises
        ------
        ValueError
            When it was torn or changed.
        """
        return line

    def records(self, path: Path) -> list[bytes]:
        """The whole records of a file that grows, up to the first that is torn; none where there is no file."""
        found: list[bytes] = []
        try:
            lines = self.path(path).read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return found
        for raw in lines:
            try:
                if not raw.endswith(b"\n"):
                    break
                found.append(self.record(raw[:-1]))
            except ValueError:
                break
        return found

    def append(self, path: Path, record: bytes, sync: bool = True) -> None:
        """Let a file grow by a record (no line feeds in it)."""
        with said_plainly(path), self.path(path).open("ab") as stream:
            stream.write(self.line(record) + b"\n")
            stream.flush()
            if sync:
                os.fsync(stream.fileno())

    def save_array(self, path: Path, array: NDArray[Any]) -> None:
        """Write an array to a place that :meth:`array_path` gave. Nothing but zeros is a hole in the file."""
        with path.open("wb") as stream:
            write_array(stream, np.ascontiguousarray(array))
            stream.flush()
            os.fsync(stream.fileno())

    def load_array(self, path: Path) -> NDArray[Any]:
        """Read an array, not to be changed."""
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def save_arrays(self, path: Path, arrays: Mapping[str, NDArray[Any]], unseen: bool = False) -> None:
        """Write named arrays as one file, at once. ``unseen``: its folder has no name yet."""
        with (written if unseen else replaced)(self.path(path)) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # any name but allow_pickle

    def load_arrays(self, path: Path) -> dict[str, NDArray[Any]]:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)

    def log_file(self, path: Path) -> BinaryIO:
        """Where a process of the project may print to."""
        return path.open("ab")

    def keep_log(self, path: Path, stream: BinaryIO) -> None:
        """Called when that process has ended."""
        stream.close()

    def environment(self) -> dict[str, str]:
        """For the processes of the project: what lets them through the same door."""
        return dict(os.environ)

    def seal_of(self, data: bytes) -> str:
        """A code over ``data`` that only who has the key can make; "" where there is no key."""
        return ""

    def _shut(self, data: bytes) -> bytes:
        return data


class Sealed(Vault):
    """Files encrypted to one identity. Arrays are decrypted into memory."""

    sealed = True

    def __init__(self, root: Path, secret: str, role: str = "") -> None:
        from pyrage import x25519

        self.root, self._secret, self.role = root, secret, role
        self._identity = x25519.Identity.from_str(secret)
        self._recipient = self._identity.to_public()
        self._names = hashlib.sha256(b"organtwin names\n" + secret.encode()).digest()
        self._seals = hashlib.sha256(b"organtwin audit\n" + secret.encode()).digest()

    def path(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.age")

    def array_path(self, folder: Path, name: str) -> Path:
        # the names of some arrays are names of faces and fields, which people choose
        return folder / f"{hmac.new(self._names, name.encode(), 'sha256').hexdigest()[:24]}.age"

    def read_bytes(self, path: Path) -> bytes:
        return self.opened(self.path(path).read_bytes())

    def line(self, record: bytes) -> bytes:
        return b64encode(self._shut(record))

    def record(self, line: bytes) -> bytes:
        return self.opened(b64decode(line, validate=True))

    def save_array(self, path: Path, array: NDArray[Any]) -> None:
        head = io.BytesIO()
        header = np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(array))
        np.lib.format.write_array_header_1_0(head, {**header, "fortran_order": False})
        zeros = array.dtype.kind in "biu" and not array.any()  # nothing but zeros: the head says it all
        body = b"" if zeros else np.ascontiguousarray(array).tobytes()
        with replaced(path) as stream:
            stream.write(self._shut(head.getvalue() + body))

    def load_array(self, path: Path) -> NDArray[Any]:
        data = self.opened(path.read_bytes())
        head = io.BytesIO(data)
        if np.lib.format.read_magic(head) != (1, 0):
            raise ValueError("not an array")
        shape, _, dtype = np.lib.format.read_array_header_1_0(head)
        count = int(np.prod(shape))
        if count and head.tell() == len(data):
            return np.zeros(shape, dtype)
        return np.frombuffer(data, dtype, count, head.tell()).reshape(shape)

    def save_arrays(self, path: Path, arrays: Mapping[str, NDArray[Any]], unseen: bool = False) -> None:
        packed = io.BytesIO()
        np.savez(packed, **arrays)  # type: ignore[arg-type]  # any name but allow_pickle
        self.write_bytes(path, packed.getvalue(), unseen)

    def load_arrays(self, path: Path) -> dict[str, NDArray[Any]]:
        with np.load(io.BytesIO(self.read_bytes(path)), allow_pickle=False) as arrays:
            return dict(arrays)

    def log_file(self, path: Path) -> BinaryIO:
        """A file without a name, in memory: it goes with the last process that has it open."""
        return unnamed_file()

    def keep_log(self, path: Path, stream: BinaryIO) -> None:
        with stream:
            size = os.fstat(stream.fileno()).st_size
            self.write_bytes(path, os.pread(stream.fileno(), size, 0))

    def environment(self) -> dict[str, str]:
        return {**os.environ, KEYS: json.dumps({str(self.root): self.key})}

    @property
    def key(self) -> tuple[str, str]:
        """The secret identity, and the role it was unlocked in."""
        return self._secret, self.role

    def seal_of(self, data: bytes) -> str:
        return hmac.new(self._seals, data, "sha256").hexdigest()

    def wrapped(self, passphrase: str) -> bytes:
        """The identity, encrypted with a passphrase (scrypt): an age file that holds an age identity file."""
        from pyrage import passphrase as with_passphrase

        return with_passphrase.encrypt(f"{self._secret}\n".encode(), passphrase)

    def opened(self, data: bytes) -> bytes:
        """Decrypted.

        Raises
        ------
        ValueError
            When it is damaged, or belongs to another project.
        """
        import pyrage

        try:
            return pyrage.decrypt(data, [self._identity])
        except pyrage.DecryptError as error:
            raise ValueError(f"it cannot be decrypted: {error}") from error

    def _shut(self, data: bytes) -> bytes:
        import pyrage

        return pyrage.encrypt(data, [self._recipient])


PLAIN = Vault()
_unlocked: WeakValueDictionary[str, Sealed] = (
    WeakValueDictionary()
)  # until the last that has the project open closes it
_handed: dict[str, Sealed] = {}  # by the parent of this process, for its whole life


def vault_of(path: Path) -> Vault:
    """The door to the project in which ``path`` lies; outside of any, files are as they are.

    Raises
    ------
    Locked
        When that project is sealed and this process has not unlocked it.
    """
    root = sealed_root(path)
    if root is None:
        return PLAIN
    vault = unlocked(root)
    if vault is None:
        raise Locked(
            "This project is sealed",
            where=str(root),
            remedy="Give its passphrase: --passphrase-file FILE, ORGANTWIN_PASSPHRASE, or on a terminal when asked.",
        )
    return vault


def sealed_root(path: Path) -> Path | None:
    """The sealed project in which ``path`` lies."""
    at = os.path.abspath(path)
    while True:
        if os.path.exists(f"{at}/project.json"):
            return Path(os.path.realpath(at)) if os.path.exists(f"{at}/{IDENTITY}") else None
        above = os.path.dirname(at)
        if above == at:
            return None
        at = above


def unlocked(root: Path) -> Sealed | None:
    """The door of a sealed project, where this process or its parent has unlocked it."""
    _take_handed()
    return _unlocked.get(str(root)) or _handed.get(str(root))


def remember(vault: Sealed) -> Sealed:
    """Let :func:`vault_of` find it, until the last that holds it lets go."""
    _unlocked[str(vault.root)] = vault
    return vault


def hold(vault: Vault) -> Vault:
    """Somebody has the project open."""
    vault.holders += 1
    return vault


def let_go(vault: Vault) -> None:
    """And closes it: after the last one this process has forgotten the key."""
    vault.holders -= 1
    if isinstance(vault, Sealed) and vault.holders <= 0:
        _unlocked.pop(str(vault.root), None)


def keys() -> dict[str, str]:
    """For the environment of a process that may open any project that this one has unlocked."""
    found = {**_handed, **_unlocked}
    return {KEYS: json.dumps({root: vault.key for root, vault in found.items()})} if found else {}


def _take_handed() -> None:
    """Keys come by the environment, which works across mpiexec; they leave it at once, so that no program inherits them."""
    text = os.environ.pop(KEYS, "")
    if text:
        from organtwin.store.scratch import private

        for root, (secret, role) in json.loads(text).items():
            _handed[root] = Sealed(Path(root), secret, role)
        private()


def write_array(stream: BinaryIO, array: NDArray[Any]) -> None:
    """As :func:`numpy.save`; labels of nothing yet are a hole in the file, which takes neither time nor room."""
    if array.dtype.kind in "biu" and not array.any():
        format_ = np.lib.format
        format_.write_array_header_1_0(stream, format_.header_data_from_array_1_0(array))
        stream.truncate(stream.tell() + array.nbytes)
    else:
        np.save(stream, array, allow_pickle=False)


def unnamed_file() -> BinaryIO:
    """A file in memory that no folder lists."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("organtwin", os.MFD_CLOEXEC), "w+b", buffering=0)
    import tempfile

    return tempfile.TemporaryFile(buffering=0)
