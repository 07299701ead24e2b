"""The page of a batch on this machine alone, so that marks given in it are kept."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from organtwin.batch.folder import BatchFolder
from organtwin.batch.protocol import read_protocol
from organtwin.batch.review import set_mark
from organtwin.batch.run import write_results
from organtwin.errors import BadInput, OrganTwinError


class _Handler(SimpleHTTPRequestHandler):
    """Gives out the page and its pictures, and takes marks from whoever holds the key in the address."""

    def __init__(self, *arguments: Any, folder: BatchFolder, key: str, **more: Any) -> None:
        self._folder, self._key = folder, key
        super().__init__(*arguments, directory=str(folder.root), **more)

    def do_GET(self) -> None:
        parts = Path(unquote(urlsplit(self.path).path)).parts
        picture = len(parts) == 5 and parts[1] == "studies" and parts[3] == "batch" and parts[4].endswith(".png")
        if not (parts in (("/",), ("/", "index.html")) or (picture and ".." not in parts)):
            self.send_error(404)
            return
        super().do_GET()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not secrets.compare_digest(self.headers.get("X-Key", ""), self._key) or length > 10_000:
            self.send_error(403)
            return
        try:
            told = json.loads(self.rfile.read(length))
            set_mark(self._folder, str(told["study"]), str(told["mark"]), str(told.get("note", "")))
        except OrganTwinError as error:
            self._answer(400, error.sentence)
        except (ValueError, KeyError, TypeError):
            self._answer(400, "This is no mark.")
        else:
            self._answer(200, "kept")

    def _answer(self, code: int, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None: ...


def server(folder: BatchFolder, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """A server on 127.0.0.1 and the address of its page, with the key that marks need."""
    key = secrets.token_urlsafe(12)
    made = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, folder=folder, key=key))
    return made, f"http://127.0.0.1:{made.server_address[1]}/?key={key}"


def serve(folder: BatchFolder, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; then the table and the page are written with the marks.

    Raises
    ------
    BadInput
        When the port is taken.
    """
    try:
        serving, address = server(folder, port)
    except OSError as error:
        raise BadInput(f"Port {port} cannot be used: {error.strerror}", remedy="Take another one, or 0.") from error
    ready(address)
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        serving.server_close()
        write_results(folder, read_protocol(folder.root / "protocol.yaml"))
