"""``organtwin feed``: readings that arrive over MQTT or as FHIR over HTTP."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from organtwin.cli.base import ProjectPath, app
from organtwin.cli.follow import console
from organtwin.errors import BadInput
from organtwin.timeline.words import unit_words

if TYPE_CHECKING:
    from organtwin.document import Document
    from organtwin.feed.service import Heard

PASSWORD = "ORGANTWIN_MQTT_PASSWORD"


@app.command()
def feed(
    project: ProjectPath,
    fhir: Annotated[
        int | None, typer.Option(help="Take FHIR Observations on this port of this computer (0: any).")
    ] = None,
    mqtt: Annotated[str | None, typer.Option(help="Listen to this MQTT broker, HOST:PORT.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Topic of the broker (repeat).")] = None,
    patient: Annotated[
        str, typer.Option(help='What senders call the patient, as in "Patient/123"; left out: the first that is named.')
    ] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token that senders of FHIR show; made where there is none.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; one that others reach needs --tls-cert.")
    ] = "127.0.0.1",
    tls_cert: Annotated[str, typer.Option(help="Certificate of the FHIR endpoint (PEM).")] = "",
    tls_key: Annotated[str, typer.Option(help="Its key (PEM).")] = "",
    mqtt_user: Annotated[str, typer.Option(help=f"User of the broker; its password is taken from {PASSWORD}.")] = "",
    mqtt_tls: Annotated[bool, typer.Option("--mqtt-tls", help="Speak TLS with the broker.")] = False,
    mqtt_ca: Annotated[
        str, typer.Option(help="The broker's certificate authority (PEM); left out: the system's.")
    ] = "",
    purpose: Annotated[str, typer.Option(help="What the patient's consent allows these readings to be used for.")] = "",
    every: Annotated[float, typer.Option(min=1.0, help="Seconds between steps that take in what arrived.")] = 300.0,
) -> None:
    """Take in readings as they arrive, until Ctrl-C. Each is on the disk before its sender hears so."""
    from organtwin.feed.service import Feed

    if fhir is None and mqtt is None:
        raise BadInput(
            "A feed needs somewhere to listen", remedy="Give --fhir PORT, --mqtt HOST:PORT with --topic, or both."
        )
    if (mqtt is None) != (not topic):
        raise BadInput(
            "--mqtt and --topic belong together", remedy='As in --mqtt localhost:1883 --topic "patients/7/#".'
        )
    if bool(tls_cert) != bool(tls_key):
        raise BadInput("--tls-cert and --tls-key belong together")
    if mqtt_ca and not mqtt_tls:
        raise BadInput("--mqtt-ca belongs to --mqtt-tls")
    stop = threading.Event()
    running = Feed(project, patient, purpose, tell=told, after=judge, every_s=every)
    closing = []
    try:
        if fhir is not None:
            from organtwin.feed.http import Endpoint

            token = token_of(token_file)
            endpoint = Endpoint(running, fhir, token, host, (tls_cert, tls_key) if tls_cert else None)
            endpoint.start()
            closing.append(endpoint.stop)
            shown = f"the token in {token_file}" if token_file else f"the token {token}"
            say(f"FHIR at {endpoint.url}/Observation, with {shown}")
        if mqtt is not None:
            from organtwin.feed.mqtt import Broker, Subscription

            more = {"user": mqtt_user, "password": os.environ.get(PASSWORD, ""), "tls": mqtt_tls, "authority": mqtt_ca}
            broker = Broker.at(mqtt, tuple(topic or ()), running.session, **more)
            subscription = Subscription(running, broker, say)
            subscription.start()
            closing.append(subscription.stop)
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        if running.live.models:
            say(f"twins followed: {', '.join(running.live.models)}")
        running.run(stop)
    finally:
        for close in closing:
            close()
        running.close()


def token_of(file: Path | None) -> str:
    """The token in a file, which is made where it is not there; without a file a new one."""
    if file is None:
        return secrets.token_urlsafe(24)
    try:
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(secrets.token_urlsafe(24) + "\n")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("The file of the token cannot be read or made", where=str(file)) from error


def judge(document: Document) -> None:
    """Alerts, after readings were taken in."""
    from organtwin.monitoring import evaluate_project, keep

    done = evaluate_project(document.project)
    keep(document, done)
    for alert in done.raised:
        say(f"{alert.severity}: {alert.name}. {alert.why}")
    for alert in done.ended:
        say(f"over: {alert.name}")


def told(heard: Heard) -> None:
    said = [
        f"{u.model}: {', '.join(f'{q.name} {q.value:+.3g} {unit_words(q.unit)} ({q.why})' for q in u.state.fit)}"
        for u in heard.updates
    ]
    say("; ".join([heard.what, *said]))


def say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
