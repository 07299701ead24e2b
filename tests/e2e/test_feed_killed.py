"""The feed as a program of its own, killed with -9 while readings arrive, and started again; over HTTP and from a broker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from organtwin.document import Document
from organtwin.model import Observations

TOKEN = "a-token-of-the-tests-0123"


def weight(n: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "id": f"reading-{n}",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": f"2026-03-{1 + n // 60:02d}T07:{n % 60:02d}:00Z",
        "valueQuantity": {"value": 50 + n, "unit": "kg", "code": "kg"},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Document.create(tmp_path / "case.otwin").close()
    return tmp_path / "case.otwin"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the feed; whatever still runs at the end is ended."""
    running: list[subprocess.Popen[str]] = []
    token = tmp_path / "token"
    token.write_text(TOKEN)

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "organtwin.cli.main",
            "feed",
            str(folder),
            "--every",
            "1",
            "--token-file",
            str(token),
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, text=True, env=environment)
        running.append(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "FHIR at" in line or "listening" in line, line + process.stderr.read()
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def send(port: int, n: int) -> bool:
    body = json.dumps(weight(n)).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}/Observation", body, headers), timeout=5
        ) as answer:
            return bool(answer.status == 201)
    except (urllib.error.URLError, OSError):
        return False


def weights(folder: Path) -> list[float]:
    with_lock = time.monotonic() + 10.0
    while True:
        try:
            document = Document.open(folder)
            break
        except Exception:
            if time.monotonic() > with_lock:
                raise
            time.sleep(0.2)
    try:
        found = [document.get(e.uuid) for e in document.entries("observations")]
        return sorted(v for one in found if isinstance(one, Observations) for v in one.values.tolist())
    finally:
        document.close()


@pytest.mark.slow
def test_killed_again_and_again_it_loses_and_doubles_nothing(
    folder: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    port = free_port()
    acknowledged: list[int] = []
    n = 0
    for life in range(3):
        process = start("--fhir", str(port))
        until = time.monotonic() + 1.5 + 1.1 * life  # in its first, second, third step
        while time.monotonic() < until:
            if send(port, n):
                acknowledged.append(n)
            n += 1
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = start("--fhir", str(port))
    for again in acknowledged[:5]:  # a sender that did not hear sends again
        assert send(port, again)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    have = weights(folder)
    assert len(acknowledged) > 50
    assert len(have) == len(set(have))
    assert set(have) >= {50.0 + k for k in acknowledged}
    assert set(have) <= {50.0 + k for k in range(n)}


@pytest.fixture
def broker() -> Iterator[int]:
    """A broker in this process."""
    amqtt = pytest.importorskip("amqtt.broker")
    port = free_port()
    loop = asyncio.new_event_loop()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}},
    }
    made: list[Any] = []

    async def begin() -> None:
        made.append(amqtt.Broker(config))
        await made[0].start()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield port
    asyncio.run_coroutine_threadsafe(made[0].shutdown(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def publish(port: int, payloads: list[bytes], topic: str = "patients/7/weight") -> None:
    paho = pytest.importorskip("paho.mqtt.client")
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="scales")
    client.username_pw_set("scales")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish(topic, payload, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


@pytest.mark.slow
def test_what_a_broker_received_while_the_feed_was_dead_arrives(
    folder: Path, start: Callable[..., subprocess.Popen[str]], broker: int
) -> None:
    # this broker keeps a session only of a client with a name
    arguments = ("--mqtt", f"127.0.0.1:{broker}", "--topic", "patients/7/#", "--mqtt-user", "twin")
    process = start(*arguments)
    publish(broker, [json.dumps(weight(n)).encode() for n in range(20)])
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    simple = b'{"code":"weight","value":99,"unit":"kg","time":"2026-03-09T07:00:00Z"}'
    publish(broker, [json.dumps(weight(n)).encode() for n in range(15, 40)] + [b"no json", simple])
    process = start(*arguments)
    time.sleep(3.0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert weights(folder) == [50.0 + n for n in range(40)] + [99.0]
    document = Document.open(folder)
    found = [document.get(e.uuid) for e in document.entries("observations")]
    assert "unreadable" in {q.reason for one in found if isinstance(one, Observations) for q in one.quarantined}
    document.close()
