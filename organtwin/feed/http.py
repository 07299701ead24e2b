"""A FHIR endpoint for readings, on this computer alone unless told otherwise.

``POST /Observation`` takes one, ``POST /`` a Bundle of them, ``GET /metadata`` says so; everything else is refused, and every
refusal is an OperationOutcome. Whoever sends must show a token. A message may not be large, may not take long, and few are read
at once: what does not keep to that is cut off.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from organtwin import __version__
from organtwin.errors import BadInput, OrganTwinError
from organtwin.feed.arriving import LARGEST_BYTES, NotTaken, entries, parsed
from organtwin.feed.service import Feed
from organtwin.feed.spool import Full

MOST_AT_ONCE = 32
SECONDS = 20.0  # for a whole request, from its first byte to its last
JSON = "application/fhir+json; charset=utf-8"
_CODES = {"too-long": 413, "security": 422, "structure": 400}


class Endpoint(ThreadingHTTPServer):
    """Listens until closed.

    Parameters
    ----------
    feed : Feed
        Where readings go.
    host, port
        Where to listen; port 0 takes any that is free. An address that others can reach needs ``tls``.
    token : str
        What senders must show ("Authorization: Bearer ...").

    Raises
    ------
    BadInput
        When the port is taken, the token is too short, or others could listen in.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self, feed: Feed, port: int, token: str, host: str = "127.0.0.1", tls: tuple[str, str] | None = None
    ) -> None:
        if len(token) < 16:
            raise BadInput("The token is shorter than 16 characters", remedy="Let the program make one.")
        if not is_loopback(host) and tls is None:
            raise BadInput(
                f"{host} can be reached from other computers, and readings would travel in the open",
                remedy="Give a certificate (--tls-cert and --tls-key), or stay on 127.0.0.1.",
            )
        self.feed, self.token = feed, token
        self._context = _tls(*tls) if tls else None
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._until: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        self._over = threading.Event()
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise BadInput(
                f"Port {port} of {host} cannot be listened on: {getattr(error, 'strerror', None) or error}"
            ) from error
        self.names = {"localhost", "127.0.0.1", "[::1]", host, f"[{host}]"} if is_loopback(host) else None
        threading.Thread(target=self._cut_off, daemon=True, name="feed-http-clock").start()

    @property
    def url(self) -> str:
        host = str(self.server_address[0])
        return f"http{'s' if self._context else ''}://{f'[{host}]' if ':' in host else host}:{self.server_port}"

    def start(self) -> None:
        """Listen, in a thread."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True, name="feed-http"
        ).start()

    def stop(self) -> None:
        self._over.set()
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            with suppress(OSError):
                request.settimeout(1.0)
                if self._context is None:
                    request.sendall(
                        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"
                    )
            self.shutdown_request(request)
            return
        self.extend(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        plain = request
        try:
            if self._context is not None:
                try:
                    request = self._context.wrap_socket(request, server_side=True)  # its time counts as well
                except OSError:
                    self.shutdown_request(plain)
                    return
                self.extend(request)
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._until.pop(plain, None)
                self._until.pop(request, None)
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that goes away is no news."""

    def extend(self, request: socket.socket) -> None:
        """Time for another request of a connection."""
        with self._guard:
            self._until[request] = time.monotonic() + SECONDS

    def _cut_off(self) -> None:
        while not self._over.wait(0.5):
            now = time.monotonic()
            with self._guard:
                late = [one for one, until in self._until.items() if now > until]
                for one in late:
                    self._until.pop(one)
            for one in late:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"
    server_version = "OrganTwin"
    sys_version = ""
    timeout = SECONDS

    def do_GET(self) -> None:
        if self._may():
            path = self.path.split("?")[0]
            if path in ("/metadata", "/fhir/metadata"):
                self._send(200, capabilities(self.server.url))
            else:
                self._refuse(404, "not-found", "There is nothing to read here but /metadata")

    def do_POST(self) -> None:
        if not self._may():
            return
        path = self.path.removeprefix("/fhir").rstrip("/")
        take = {"/Observation": self._observation, "": self._bundle}.get(path)
        if take is None:
            self._refuse(404, "not-found", "Readings are posted to /Observation, a Bundle of them to /")
            return
        body = self._body()
        if body is None:
            return
        try:
            take(parsed(body))
        except NotTaken as why:
            self._refuse(_CODES.get(why.code, 422), why.code, why.what)
        except Full as why:
            self._refuse(507, "throttled", why.sentence)
        except OrganTwinError as why:
            self._refuse(503, "exception", why.sentence)

    def _not_allowed(self) -> None:
        if self._may():
            self._refuse(405, "not-supported", "Readings are posted; nothing here can be changed or removed")

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = do_TRACE = do_CONNECT = _not_allowed

    # -- what is posted

    def _observation(self, told: dict[str, Any]) -> None:
        why = self.server.feed.accept([told], "http")[0]
        if why is not None:
            raise why
        self._send(201, outcome("information", "informational", "Taken"))

    def _bundle(self, told: dict[str, Any]) -> None:
        if told.get("resourceType") != "Bundle":
            raise NotTaken("A Bundle is posted here; an Observation is posted to /Observation", "not-supported")
        kind = told.get("type")
        if kind not in ("batch", "transaction", "collection", "message", "history", "searchset"):
            raise NotTaken(f"A Bundle of the type '{str(kind)[:40]}' is not taken")
        results = self.server.feed.accept(list(entries(told)), "http")
        answer = [
            {"response": {"status": "201 Created"}}
            if why is None
            else {
                "response": {"status": f"{_CODES.get(why.code, 422)}", "outcome": outcome("error", why.code, why.what)}
            }
            for why in results
        ]
        self._send(200, {"resourceType": "Bundle", "type": "batch-response", "entry": answer})

    # -- before anything is read

    def _may(self) -> bool:
        names = self.server.names
        host = self.headers.get("Host", "")
        if names is not None and host.rpartition(":")[0] not in names and host not in names:
            return self._refuse(
                421, "security", "This endpoint is not called by that name"
            )  # a page in a browser that guesses
        if self.headers.get("Origin"):
            return self._refuse(403, "security", "Pages in a browser may not send readings")
        kind, _, shown = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(
            shown.strip().encode("utf-8", "replace"), self.server.token.encode()
        ):
            return self._refuse(401, "login", "A token is needed: Authorization: Bearer ...")
        return True

    def _body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding"):
            self._refuse(411, "structure", "A Content-Length is needed; parts (chunked) are not read")
            return None
        lengths = set(self.headers.get_all("Content-Length", []))
        if len(lengths) != 1:
            self._refuse(411 if not lengths else 400, "structure", "One Content-Length is needed")
            return None
        length = lengths.pop()
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            self._refuse(400, "structure", "The Content-Length is no number")
            return None
        if int(length) > LARGEST_BYTES:
            self._refuse(413, "too-long", f"A message has at most {LARGEST_BYTES // 1024} kB")
            return None
        kind = self.headers.get_content_type()
        if kind not in ("application/fhir+json", "application/json"):
            self._refuse(415, "not-supported", "A message is application/fhir+json")
            return None
        if self.headers.get("Content-Encoding", "identity") != "identity":
            self._refuse(415, "not-supported", "A message is not packed")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def handle_expect_100(self) -> bool:
        """ "Go on" is only said to who may send that much."""
        length = self.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > LARGEST_BYTES:
            self._refuse(413, "too-long", f"A message has at most {LARGEST_BYTES // 1024} kB")
            return False
        return self._may() and super().handle_expect_100()

    def handle_one_request(self) -> None:
        self.server.extend(self.connection)
        super().handle_one_request()

    # -- answers

    def _refuse(self, status: int, code: str, why: str) -> bool:
        self.close_connection = True  # what is left of the message is not read
        self._send(status, outcome("error", code, why))
        return False

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses by itself (a line too long, a method that is none) is told like everything else."""
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = getattr(self, "request_version", "") or self.protocol_version
        with suppress(OSError):
            self._send(code, outcome("error", "structure", message or "This is no request"))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: addresses and paths are not kept."""


def outcome(severity: str, code: str, why: str) -> dict[str, Any]:
    """FHIR's way to say what is wrong."""
    known = {"login", "security", "structure", "required", "value", "invalid", "not-supported", "not-found", "too-long",
             "throttled", "exception", "informational", "code-invalid"}  # fmt: skip
    issue = {"severity": severity, "code": code if code in known else "invalid", "diagnostics": why}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def capabilities(url: str) -> dict[str, Any]:
    """What the endpoint can do, as FHIR wants it told."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": "OrganTwin", "version": __version__},
        "implementation": {"description": "Takes readings of one patient into his twin", "url": url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "Bearer token"},
                "resource": [{"type": "Observation", "interaction": [{"code": "create"}]}],
                "interaction": [{"code": "batch"}],
            }
        ],
    }


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadInput("The certificate or its key cannot be read", where=certificate) from error
    return context
