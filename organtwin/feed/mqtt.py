"""Readings from an MQTT broker: each message is acknowledged only when it is on the disk.

The session is a persistent one with quality of service 1: what the broker receives while the feed is away waits there, and what
was not acknowledged comes again.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from organtwin.errors import BadInput, OrganTwinError
from organtwin.feed.arriving import LARGEST_BYTES, NotTaken, entries, parsed
from organtwin.feed.service import Feed

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

WAIT_S = 10.0  # for the first connection


@dataclass(frozen=True)
class Broker:
    """Where the broker is and how one logs in. ``client`` names the session: another name, another session."""

    host: str
    port: int
    topics: tuple[str, ...]
    client: str
    user: str = ""
    password: str = ""
    tls: bool = False
    authority: str = ""  # a file with the broker's certificate authority

    @classmethod
    def at(cls, address: str, topics: tuple[str, ...], client: str, **more: Any) -> Broker:
        """From "HOST:PORT" ("HOST" for the usual port).

        Raises
        ------
        BadInput
            When the address or a topic is none.
        """
        host, _, port = address.rpartition(":") if ":" in address.strip("[]").replace("::", "") else (address, "", "")
        usual = "8883" if more.get("tls") else "1883"
        if not host or not (port or usual).isdigit() or not 0 < int(port or usual) < 65536:
            raise BadInput(f"'{address}' is no address of a broker", remedy="Write it as HOST:PORT.")
        for topic in topics:
            parts = topic.split("/")
            several = "#" in topic.removesuffix("#") or (topic.endswith("#") and parts[-1] != "#")
            wrong = several or any("+" in p and p != "+" for p in parts)
            if not topic or len(topic) > 1000 or wrong or "\0" in topic:
                raise BadInput(f"'{topic[:60]}' is no topic of MQTT")
        return cls(host.strip("[]"), int(port or usual), topics, client, **more)


class Subscription:
    """Listens to a broker until stopped; it connects again by itself."""

    def __init__(self, feed: Feed, broker: Broker, tell: Callable[[str], None]) -> None:
        try:
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise BadInput(
                "MQTT needs paho-mqtt, which is not installed", remedy="Install it: pip install 'organtwin[feed]'."
            ) from error
        self.feed, self.broker, self._tell = feed, broker, tell
        self._ready = threading.Event()
        self._refused = ""
        self._client: Client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=broker.client, clean_session=False, manual_ack=True
        )
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password or None)
        if broker.tls:
            try:
                self._client.tls_set_context(ssl.create_default_context(cafile=broker.authority or None))
            except (OSError, ssl.SSLError) as error:
                raise BadInput("The certificate authority cannot be read", where=broker.authority) from error
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._gone
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 30)

    def start(self) -> None:
        """Connect and listen, in a thread.

        Raises
        ------
        BadInput
            When the broker cannot be reached, or does not let one in.
        """
        where = f"{self.broker.host}:{self.broker.port}"
        try:
            self._client.connect(self.broker.host, self.broker.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise BadInput(f"The broker cannot be reached: {error}", where=where) from error
        self._client.loop_start()
        if not self._ready.wait(WAIT_S) or self._refused:
            self.stop()
            raise BadInput(f"The broker did not let us in: {self._refused or 'it does not answer'}", where=where)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
        else:
            client.subscribe([(topic, 1) for topic in self.broker.topics])
            self._tell(f"listening to {', '.join(self.broker.topics)} at {self.broker.host}:{self.broker.port}")
        self._ready.set()

    def _gone(self, client: Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._tell(f"the broker is gone ({reason}); trying again")

    def _message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        try:
            self.take(bytes(message.payload))
        except OrganTwinError as error:  # it is not on the disk: without an acknowledgement the broker sends it again
            self._tell(f"a message could not be kept: {error.sentence}")
            return
        client.ack(message.mid, message.qos)

    def take(self, payload: bytes) -> None:
        """Keep what a message says; what is wrong with it is set aside with its reason, as there is nobody to tell."""
        try:
            resources = list(_resources(payload))
        except NotTaken as why:
            self.feed.set_aside(payload[:LARGEST_BYTES], why, "mqtt")
            return
        for resource, refused in zip(resources, self.feed.accept(resources, "mqtt"), strict=True):
            if refused is not None:
                self.feed.set_aside(json.dumps(resource).encode(), refused, "mqtt")


def _resources(payload: bytes) -> Iterator[dict[str, Any]]:
    told = parsed(payload)
    if told.get("resourceType") == "Bundle":
        yield from entries(told)
    else:
        yield told
