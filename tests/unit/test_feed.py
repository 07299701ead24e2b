"""Readings that arrive: kept before they are answered, taken in once, and nothing that a sender does stops the feed."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.feed import http as endpoint_module
from organtwin.feed.arriving import LARGEST_BYTES, NotTaken, observation, parsed
from organtwin.feed.http import Endpoint
from organtwin.feed.intake import joined, take_in
from organtwin.feed.mqtt import Broker
from organtwin.feed.service import Feed
from organtwin.feed.spool import Spool, waiting
from organtwin.model import Observations

TOKEN = "a-token-of-the-tests-0123"


def weight(kg: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": f"2026-03-01T07:{minute:02d}:00+01:00",
        "valueQuantity": {"value": kg, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Document.create(tmp_path / "case.otwin").close()
    return tmp_path / "case.otwin"


@pytest.fixture
def feed(folder: Path) -> Iterator[Feed]:
    made = Feed(folder)
    yield made
    made.close()


@pytest.fixture
def endpoint(feed: Feed) -> Iterator[Endpoint]:
    made = Endpoint(feed, 0, TOKEN)
    made.start()
    yield made
    made.stop()


def taken(folder: Path) -> list[float]:
    """All weights in the project."""
    document = Document.open(folder)
    try:
        while take_in(document) is not None:
            pass
        found = [document.get(e.uuid) for e in document.entries("observations")]
        return sorted(v for one in found if isinstance(one, Observations) for v in one.values.tolist())
    finally:
        document.close()


def quarantined(folder: Path) -> list[tuple[str, str]]:
    document = Document.open(folder)
    try:
        found = [document.get(e.uuid) for e in document.entries("observations")]
        return [(q.reason, q.said) for one in found if isinstance(one, Observations) for q in one.quarantined]
    finally:
        document.close()


def post(
    endpoint: Endpoint, body: object, path: str = "/Observation", method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json", **headers}
    request = urllib.request.Request(endpoint.url + path, data, {k: v for k, v in told.items() if v}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def raw(endpoint: Endpoint, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", endpoint.server_port), timeout=10) as connection:
        connection.sendall(data)
        got = b""
        while block := connection.recv(65536):
            got += block
    return got


# -- the spool ------------------------------------------------------------------------------------------------------------


def test_what_was_kept_is_taken_in_once_however_often_the_feed_starts(folder: Path) -> None:
    for n in range(3):
        feed = Feed(folder)
        feed.accept([weight(80 + n, n)], "http")
        feed.close()
    assert taken(folder) == [80, 81, 82]
    assert taken(folder) == [80, 81, 82]
    assert not list((folder / "feed").glob("*.spool"))


def test_a_crash_between_the_step_and_its_note_doubles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(folder)
    feed.accept([weight(80 + n, n) for n in range(4)], "http")
    document = Document.open(folder)
    with monkeypatch.context() as patch:
        patch.setattr("organtwin.feed.intake.note_taken", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            take_in(document)
    document.close()
    feed.close()
    assert taken(folder) == [80, 81, 82, 83]
    assert quarantined(folder) == []


def test_a_crash_before_the_step_loses_nothing(folder: Path, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.accept([weight(80)], "http")
    document = Document.open(folder)
    with monkeypatch.context() as patch:
        patch.setattr(document, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            take_in(document)
    document.close()
    assert taken(folder) == [80]


def test_a_record_cut_off_by_a_crash_hides_no_other(folder: Path, feed: Feed) -> None:
    feed.accept([weight(80)], "http")
    feed.spool.rest()
    (file,) = (folder / "feed").glob("*.spool")
    with file.open("ab") as stream:
        stream.write(b'{"at":1,"by":"http","resource":{"resou')
    feed.accept([weight(81, 1)], "http")
    feed.spool.rest()
    assert taken(folder) == [80, 81]


def test_readings_are_taken_in_by_whoever_has_the_project_open(folder: Path, feed: Feed) -> None:
    said: list[str] = []
    feed.tell = lambda heard: said.append(heard.what)
    document = Document.open(folder)
    feed.accept([weight(80)], "mqtt")
    assert feed.step() is None
    assert "open" in said[0]
    done = take_in(document)
    assert done is not None
    assert done.readings == 1
    assert take_in(document) is None
    document.close()
    feed.accept([weight(81, 1)], "mqtt")
    step = feed.step()
    assert step is not None
    assert step.readings == 1
    assert taken(folder) == [80, 81]


def test_a_sealed_project_has_no_reading_in_the_open(tmp_path: Path) -> None:
    from organtwin.store import Project

    folder = tmp_path / "sealed.otwin"
    project = Project.create(folder, passphrase="correct horse battery staple")
    spool = Spool(project.folder)
    spool.append([{"resource": weight(80.125)}])
    files = list((folder / "feed").iterdir())
    assert files
    assert all(b"80.125" not in file.read_bytes() and b"Observation" not in file.read_bytes() for file in files)
    assert [r.data["resource"]["valueQuantity"]["value"] for r in waiting(folder, project.vault)] == [80.125]
    project.close()


def test_files_that_vanish_under_the_feed_are_begun_anew(folder: Path, feed: Feed) -> None:
    feed.accept([weight(80)], "http")
    for file in (folder / "feed").glob("*.spool"):
        file.unlink()
    feed.accept([weight(81, 1)], "http")
    assert taken(folder) == [81]


def test_two_lots_joined_keep_order_devices_and_what_was_set_aside(folder: Path, feed: Feed) -> None:
    feed.accept(
        [weight(80, 5, device={"display": "scales"}), {**weight(81, 4), "valueQuantity": {"value": 5, "unit": "mmHg"}}],
        "http",
    )
    assert feed.step()
    feed.accept([weight(82, 1, device={"display": "other scales"})], "mqtt")
    assert feed.step()
    document = Document.open(folder)
    (entry,) = document.entries("observations")
    one = document.get(entry.uuid)
    assert isinstance(one, Observations)
    assert one.values.tolist() == [82, 80]
    assert [one.sources[k].device for k in one.source] == ["other scales", "scales"]
    assert [q.reason for q in one.quarantined] == ["unit"]
    assert np.all(np.diff(joined(one, one).times_s) >= 0)
    document.close()


def test_the_purpose_that_was_told_goes_with_the_readings(folder: Path) -> None:
    first = Feed(folder, purpose="care")
    first.accept([weight(80)], "http")
    first.close()
    document = Document.open(folder)
    take_in(document)
    (entry,) = document.entries("observations")
    assert entry.facts["purpose"] == "care"
    document.close()


def test_the_same_message_again_is_no_second_reading(folder: Path, feed: Feed) -> None:
    feed.accept([weight(80), weight(80)], "mqtt")
    feed.step()
    feed.accept([weight(80)], "mqtt")
    feed.step()
    assert taken(folder) == [80]


def test_readings_that_arrive_move_the_twin_once_and_are_stored_as_one_version(folder: Path) -> None:
    from organtwin.feed.live import Live
    from organtwin.model import TwinState
    from organtwin.physiology.model import find, names
    from organtwin.twin.calibration import Settings, calibrate
    from organtwin.twin.readings import Readings

    if "circulation" not in names():
        pytest.skip("no model of the circulation in this installation")
    model = find("circulation")
    start_s = 1_770_000_000.0
    parts = [Readings.from_values(model, start_s + 86400.0 * day, {"systolic": 130.0 + day % 3, "diastolic": 80.0, "heart_rate": 68.0})
             for day in range(8)] if _has(model) else []  # fmt: skip
    if not parts:
        pytest.skip("its readings have other names")
    state = calibrate(model, parts[0].with_(parts[1:]), Settings(members=40))
    document = Document.open(folder)
    document.add([state], "twin")
    document.close()
    feed = Feed(folder)
    heard: list[Any] = []
    feed.tell = heard.append
    pressure = {"code": "8480-6", "value": 150, "unit": "mmHg", "time": "2026-03-01T07:10:00Z"}
    feed.accept([pressure, {**pressure, "value": 151, "time": "2026-03-01T08:10:00Z"}, pressure], "mqtt")
    while feed._follow(0.0):
        pass
    moved = [h for h in heard if h.updates]
    assert len(moved) == 2
    assert moved[-1].updates[0].state.used["8480-6"] == state.used["8480-6"] + 2
    feed.step()
    feed.close()
    document = Document.open(folder)
    kept = [document.get(e.uuid) for e in document.entries("twin-state")]
    assert [s.recipe.operation if s.recipe else "" for s in kept] == ["", "feed"]
    assert isinstance(kept[1], TwinState)
    assert kept[1].at_s > state.at_s
    again = Live.of(document.project)  # knows what it has learnt
    assert again._trackers["circulation"].at_s == kept[1].at_s
    document.close()


def _has(model: Any) -> bool:
    return {"systolic", "diastolic", "heart_rate"} <= {r.key for r in model.readings}


# -- over HTTP ------------------------------------------------------------------------------------------------------------


def test_an_observation_and_a_bundle_are_taken(folder: Path, endpoint: Endpoint) -> None:
    assert post(endpoint, weight(80))[0] == 201
    bundle = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": weight(81, 1)}, {"resource": {"resourceType": "Patient"}}],
    }
    status, answer = post(endpoint, bundle, "/")
    assert status == 200
    assert [e["response"]["status"][:3] for e in answer["entry"]] == ["201", "422"]
    assert taken(folder) == [80, 81]


def test_its_capabilities_are_those_of_fhir(endpoint: Endpoint) -> None:
    resources = pytest.importorskip("fhir.resources.R4B.capabilitystatement")
    outcomes = pytest.importorskip("fhir.resources.R4B.operationoutcome")
    status, told = post(endpoint, b"", "/metadata", "GET")
    assert status == 200
    resources.CapabilityStatement.model_validate(told)
    outcomes.OperationOutcome.model_validate(post(endpoint, {"resourceType": "Patient"})[1])


@pytest.mark.parametrize(
    ("body", "headers", "path", "method", "status"),
    [
        (b"{", {}, "/Observation", "POST", 400),
        (b"[1]", {}, "/Observation", "POST", 400),
        (b"[" * 100_000, {}, "/Observation", "POST", 400),
        (b'{"resourceType":"Observation","value":NaN}', {}, "/Observation", "POST", 400),
        (b'{"a":' * 60 + b"1" + b"}" * 60, {}, "/Observation", "POST", 400),
        (b"\xff\xfe\x00", {}, "/Observation", "POST", 400),
        (b"", {}, "/Observation", "POST", 400),
        ({"resourceType": "Patient"}, {}, "/Observation", "POST", 422),
        ({"resourceType": "Observation", "status": "final", "code": {}}, {}, "/Observation", "POST", 422),
        (weight(80), {"Authorization": "Bearer wrong"}, "/Observation", "POST", 401),
        (weight(80), {"Authorization": ""}, "/Observation", "POST", 401),
        (weight(80), {"Content-Type": "text/plain"}, "/Observation", "POST", 415),
        (weight(80), {"Content-Encoding": "gzip"}, "/Observation", "POST", 415),
        (weight(80), {"Origin": "http://bad.example"}, "/Observation", "POST", 403),
        (weight(80), {"Host": "bad.example"}, "/Observation", "POST", 421),
        (weight(80), {}, "/../../etc/passwd", "POST", 404),
        (weight(80), {}, "/Observation/%2e%2e", "POST", 404),
        (b"", {}, "/Observation/1", "GET", 404),
        (weight(80), {}, "/Observation/1", "PUT", 405),
        (b"", {}, "/Observation/1", "DELETE", 405),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 2001}, {}, "/", "POST", 413),
        ({"resourceType": "Bundle", "type": "batch"}, {}, "/", "POST", 422),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_an_outcome(
    folder: Path, endpoint: Endpoint, body: object, headers: dict[str, str], path: str, method: str, status: int
) -> None:
    got, told = post(endpoint, body, path, method, **headers)
    assert got == status
    assert told["resourceType"] == "OperationOutcome"
    assert taken(folder) == []
    assert post(endpoint, weight(80))[0] == 201  # and goes on


def test_ten_megabytes_are_refused_before_they_are_read(endpoint: Endpoint) -> None:
    head = f"POST /Observation HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    for length in ("10485760", "99999999999999999999", "-1", "1e3"):
        answer = raw(endpoint, f"{head}Content-Length: {length}\r\n\r\n".encode())
        assert answer.split()[1] in (b"413", b"400")
    assert b" 411 " in raw(endpoint, f"{head}\r\n".encode()).splitlines()[0]
    assert b" 411 " in raw(endpoint, f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode()).splitlines()[0]
    assert (
        b" 413 "
        in raw(endpoint, f"{head}Content-Length: 10485760\r\nExpect: 100-continue\r\n\r\n".encode()).splitlines()[0]
    )
    two = f"{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode()
    assert b" 400 " in raw(endpoint, two).splitlines()[0]


def test_what_is_no_http_is_cut_off(endpoint: Endpoint) -> None:
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET " + b"a" * 70_000 + b"\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"POST /Observation HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n"):  # fmt: skip
        raw(endpoint, data)
    assert post(endpoint, weight(80))[0] == 201


def test_a_sender_that_dawdles_is_cut_off_and_others_are_served(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "SECONDS", 1.0)
    endpoint = Endpoint(feed, 0, TOKEN)
    endpoint.start()
    slow = [socket.create_connection(("127.0.0.1", endpoint.server_port), timeout=10) for _ in range(5)]
    try:
        for one in slow:
            one.sendall(b"POST /Observation HTTP/1.1\r\nHost: localhost\r\n")
        assert post(endpoint, weight(80))[0] == 201
        begun = time.monotonic()
        for one in slow:
            while time.monotonic() - begun < 8.0:
                try:
                    one.sendall(b"X-a: b\r\n")
                    one.settimeout(0.2)
                    if one.recv(1000) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            else:
                pytest.fail("still connected")
    finally:
        for one in slow:
            one.close()
        endpoint.stop()


def test_more_senders_than_there_is_room_for_are_told_to_come_later(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "MOST_AT_ONCE", 2)
    endpoint = Endpoint(feed, 0, TOKEN)
    endpoint.start()
    idle = [socket.create_connection(("127.0.0.1", endpoint.server_port), timeout=10) for _ in range(2)]
    try:
        time.sleep(0.3)
        assert b" 503 " in raw(endpoint, b"").splitlines()[0]
    finally:
        for one in idle:
            one.close()
        endpoint.stop()


def test_another_patient_is_refused(folder: Path, endpoint: Endpoint) -> None:
    assert post(endpoint, weight(80, subject={"reference": "Patient/7"}))[0] == 201
    status, told = post(endpoint, weight(95, 1, subject={"reference": "Patient/8"}))
    assert status == 422
    assert "another patient" in told["issue"][0]["diagnostics"]
    assert post(endpoint, weight(81, 2, subject={"reference": "https://clinic.example/fhir/Patient/7"}))[0] == 201
    assert taken(folder) == [80, 81]
    again = Feed(folder)  # and is remembered
    assert isinstance(again.accept([weight(95, 3, subject={"reference": "Patient/8"})], "http")[0], NotTaken)
    again.close()


def test_the_patient_is_not_named_in_the_project(folder: Path, feed: Feed) -> None:
    feed.accept([weight(80, subject={"reference": "Patient/Mustermann"})], "http")
    feed.step()
    texts = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file() and "spool" not in p.name)
    assert b"Mustermann" not in texts


def test_many_senders_at_once_lose_nothing(folder: Path, endpoint: Endpoint) -> None:
    def send(k: int) -> None:
        for n in range(5):
            assert post(endpoint, weight(50 + 5 * k + n, 5 * k + n))[0] == 201

    threads = [threading.Thread(target=send, args=(k,)) for k in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert taken(folder) == [50 + n for n in range(30)]


def test_a_full_disk_is_told_and_nothing_is_acknowledged(
    folder: Path, feed: Feed, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("organtwin.feed.spool.os.fsync", full)
        assert post(endpoint, weight(80))[0] == 503
    assert post(endpoint, weight(81, 1))[0] == 201
    assert taken(folder) == [81]
    monkeypatch.setattr("organtwin.feed.spool.LARGEST_BYTES", 100)
    assert post(endpoint, weight(82, 2))[0] == 507


def test_an_address_that_others_reach_needs_a_certificate(feed: Feed) -> None:
    with pytest.raises(BadInput, match="certificate"):
        Endpoint(feed, 0, TOKEN, host="0.0.0.0")
    with pytest.raises(BadInput, match="token"):
        Endpoint(feed, 0, "short")


# -- messages -------------------------------------------------------------------------------------------------------------


def test_a_simple_message_is_an_observation() -> None:
    told = observation(
        parsed(b'{"code":"weight","value":178.6,"unit":"[lb_av]","time":"2026-03-01T07:10:00Z","device":"scales"}')
    )
    assert told["code"]["coding"][0]["code"] == "29463-7"
    for wrong in (
        b'{"code":"weight","value":"80","unit":"kg","time":"2026-03-01T07:10:00Z"}',
        b'{"code":"weight","value":true,"unit":"kg","time":"2026-03-01T07:10:00Z"}',
        b'{"code":"weight","value":80,"time":"2026-03-01T07:10:00Z"}',
        b'{"code":"weight","value":80,"unit":"kg","time":"yesterday"}',
        b'{"code":"wait","value":80,"unit":"kg","time":"2026-03-01T07:10:00Z"}',
        b'{"code":"weight","value":80,"unit":"kg","time":"2026-03-01T07:10:00Z","vaule":1}',
    ):
        with pytest.raises(NotTaken):
            observation(parsed(wrong))
    with pytest.raises(NotTaken):
        parsed(b" " * (LARGEST_BYTES + 1))


def test_addresses_and_topics_that_are_none_are_told() -> None:
    assert Broker.at("localhost", ("a/#",), "x").port == 1883
    assert Broker.at("[::1]:1884", ("a/+/b",), "x").port == 1884
    for address, topic in (
        ("a:b", "t"),
        (":1", "t"),
        ("a:99999", "t"),
        ("a", "t#"),
        ("a", "#/t"),
        ("a", "a+/b"),
        ("a", ""),
    ):
        with pytest.raises(BadInput):
            Broker.at(address, (topic,), "x")
