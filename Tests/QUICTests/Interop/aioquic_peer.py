"""A QUIC peer of aioquic's, which sends back what it hears, or checks that ours does.

usage: aioquic_peer.py serve --alpn PROTOCOL --certificate FILE --key FILE [--retry] [--timeout SECONDS]
       aioquic_peer.py offend HOST PORT --alpn PROTOCOL --insecure [--timeout SECONDS]
       aioquic_peer.py connect HOST PORT --alpn PROTOCOL [--ca FILE | --insecure] [--certificate FILE --key FILE]
                       [--key-update] [--timeout SECONDS]

A server binds 127.0.0.1, prints `port N`, and echoes until its standard input ends: bidirectional streams as their
bytes come, a unidirectional stream that is finished by one of its own, datagrams by datagrams. For each connection that
ends it prints a line of JSON. A client tries all of it, closes with the code 7 and the reason "done", and prints a line
of JSON: what it saw, and as "errors" what was not right. It ends with 0 only if there are none. An offender breaks one
rule of QUIC per connection, and prints for each a line with the rule and the code of the error by which it was refused.
"""

import argparse
import asyncio
import json
import os
import random
import ssl
import sys
import threading

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.tls import Epoch
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# Frames that no honest client sends (RFC 9000, 19): its rule, then types and contents, numbers being those of the RFC.
OFFENCES = {
    "a stream that only the server may open": [(0x0A, [1, 1, b"x"])],
    "a stream on which only the server may send": [(0x0A, [3, 1, b"x"])],
    "a stream beyond the limit": [(0x0A, [4 * 100_000, 1, b"x"])],
    "a stop of a stream that was never opened": [(0x05, [1, 0])],
    "bytes beyond the stream's window": [(0x0E, [0, 1 << 40, 1, b"x"])],
    "bytes beyond the connection's window": [
        (0x0E, [4 * number, 262_143, 1, b"x"]) for number in range(8)
    ],
    "bytes behind the end": [(0x0B, [0, 1, b"x"]), (0x0A, [0, 3, b"xyz"])],
    "another end than before": [(0x0B, [0, 1, b"x"]), (0x04, [0, 0, 5])],
    "a frame that nobody knows": [(0x21, [])],
    "a frame that ends in the middle": [(0x0A, [0, 5000, b"x"])],
    "the server's word that the handshake is done": [(0x1E, [])],
    "the server's token": [(0x07, [1, b"x"])],
    "an id that replaces itself": [(0x18, [7, 8, b"\x08" + bytes(8 + 16)])],
    "the end of an id that was never there": [(0x19, [1000])],
    "word of a packet that was never sent": [(0x02, [1 << 30, 0, 0, 0])],
    "more streams than there can be": [(0x12, [(1 << 60) + 1])],
    "more of a stream that takes nothing": [(0x11, [2, 1000])],
    "a handshake without end": [(0x06, [1 << 24, 1, b"x"])],
}

# The first half goes before an update of the keys, the other after it.
STREAM_SIZES = [0, 1, 63, 64, 1000, 1200, 4096, 16383, 65536, 1 << 20]
STREAM_SIZES += [2, 100, 1199, 1500, 10000, 16384, 65535, 100000, 300000, (1 << 20) - 1]
DATAGRAM_SIZES = [1 + 50 * number for number in range(20)]
ONE_WAY_SIZE = 50000


def is_unidirectional(stream):
    return bool(stream & 2)


class Peer(QuicConnectionProtocol):
    """What both sides notice."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.alpn = None
        self.key_updates = {"local_update": 0, "remote_update": 0}
        self.closed = None

    def quic_event_received(self, event):
        if isinstance(event, events.HandshakeCompleted):
            self.alpn = event.alpn_protocol
            self.count_key_updates()
        elif isinstance(event, events.ConnectionTerminated):
            self.closed = {
                "code": event.error_code,
                "by_application": event.frame_type is None,
                "reason": event.reason_phrase,
            }

    def count_key_updates(self):
        keys = self._quic._cryptos[Epoch.ONE_RTT]
        update = keys._update_key

        def counted(trigger):
            self.key_updates[trigger] += 1
            update(trigger)

        keys._update_key = counted

    def report(self):
        return {
            "alpn": self.alpn,
            "version": f"{self._quic._version or 0:#010x}",
            "key_updates": {
                "ours": self.key_updates["local_update"],
                "theirs": self.key_updates["remote_update"],
            },
            "closed": self.closed,
        }

    def send(self, stream, data, end=False):
        self._quic.send_stream_data(stream, data, end_stream=end)

    def open(self, data, one_way=False):
        stream = self._quic.get_next_available_stream_id(is_unidirectional=one_way)
        self.send(stream, data, end=True)
        return stream


class Echo(Peer):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.one_way = {}
        self.counts = {"bidirectional": 0, "unidirectional": 0, "datagrams": 0}

    def quic_event_received(self, event):
        super().quic_event_received(event)
        if isinstance(event, events.StreamDataReceived):
            if is_unidirectional(event.stream_id):
                self.one_way.setdefault(event.stream_id, bytearray()).extend(event.data)
                if event.end_stream:
                    self.open(bytes(self.one_way.pop(event.stream_id)), one_way=True)
                    self.counts["unidirectional"] += 1
            else:
                self.send(event.stream_id, event.data, event.end_stream)
                self.counts["bidirectional"] += event.end_stream
        elif isinstance(event, events.DatagramFrameReceived):
            self._quic.send_datagram_frame(event.data)
            self.counts["datagrams"] += 1
        elif isinstance(event, events.ConnectionTerminated):
            print(json.dumps(self.report() | self.counts), flush=True)


class Asker(Peer):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.errors = []
        # What must come back on streams of ours, and on one of theirs.
        self.expected = {}
        self.expected_one_way = []
        self.received = {}
        self.datagrams = set()
        self.right = {"bidirectional": 0, "unidirectional": 0, "datagrams": 0}
        self.something_came = asyncio.Event()

    def quic_event_received(self, event):
        super().quic_event_received(event)
        if isinstance(event, events.StreamDataReceived):
            self.received.setdefault(event.stream_id, bytearray()).extend(event.data)
            if event.end_stream:
                self.check(event.stream_id, bytes(self.received.pop(event.stream_id)))
        elif isinstance(event, events.DatagramFrameReceived):
            if event.data in self.datagrams:
                self.datagrams.remove(event.data)
                self.right["datagrams"] += 1
            else:
                self.errors.append(f"a datagram of {len(event.data)} bytes came twice or was never sent")
        elif isinstance(event, (events.StreamReset, events.StopSendingReceived)):
            self.errors.append(f"stream {event.stream_id}: {type(event).__name__}, code {event.error_code}")
        self.something_came.set()

    def check(self, stream, data):
        if stream in self.expected:
            wanted, kind = self.expected.pop(stream), "bidirectional"
        elif is_unidirectional(stream) and self.expected_one_way:
            wanted, kind = self.expected_one_way.pop(0), "unidirectional"
        else:
            return self.errors.append(f"stream {stream} was not expected")
        if data == wanted:
            self.right[kind] += 1
        else:
            self.errors.append(f"stream {stream}: {len(data)} bytes came that are not the {len(wanted)} sent")

    async def until(self, is_done):
        while not is_done() and not self.errors and not self.closed:
            self.something_came.clear()
            await self.something_came.wait()

    async def try_everything(self, with_key_update):
        chance = random.Random(1)

        async def try_streams(sizes):
            for size in sizes:
                data = chance.randbytes(size)
                self.expected[self.open(data)] = data
            self.transmit()
            await self.until(lambda: not self.expected)

        half = len(STREAM_SIZES) // 2
        await try_streams(STREAM_SIZES[:half])
        if with_key_update:
            self.request_key_update()
        limit = self._quic._remote_max_datagram_frame_size
        if limit is None:
            self.errors.append("the other side takes no datagrams")
        else:
            for number, size in enumerate(DATAGRAM_SIZES):
                datagram = bytes([number]) + chance.randbytes(size - 1)
                self.datagrams.add(datagram)
                self._quic.send_datagram_frame(datagram)
        one_way = chance.randbytes(ONE_WAY_SIZE)
        self.expected_one_way.append(one_way)
        self.open(one_way, one_way=True)
        await try_streams(STREAM_SIZES[half:])
        await self.until(lambda: not self.expected_one_way)
        # Datagrams may be lost.
        try:
            await asyncio.wait_for(self.until(lambda: not self.datagrams), 1)
        except asyncio.TimeoutError:
            pass
        if limit is not None and not self.right["datagrams"]:
            self.errors.append("no datagram came back")
        if with_key_update and not self.key_updates["local_update"]:
            self.errors.append("the keys were not updated")

    def report(self):
        tls = getattr(self._quic, "tls", None)
        certificate = tls and tls._peer_certificate
        return super().report() | self.right | {
            "retried": self._quic._retry_count > 0,
            "public_key": certificate and hex_of(certificate.public_key()),
        }


class Offender(Peer):
    async def offend(self, frames):
        def write(builder, uids, comment=""):
            # Once: the probe that follows where the answer is late is an honest one.
            del self._quic._write_ping_frame
            for kind, contents in frames:
                buf = builder.start_frame(kind, capacity=300)
                for content in contents:
                    buf.push_bytes(content) if isinstance(content, bytes) else buf.push_uint_var(content)

        self._quic._write_ping_frame = write
        self._quic.send_ping(0)
        self.transmit()
        await asyncio.wait_for(self.wait_closed(), 5)
        return self.closed


def hex_of(key):
    """The key as RFC 7250 has it, a SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


def configure(words, is_client):
    configuration = QuicConfiguration(
        is_client=is_client,
        alpn_protocols=[words.alpn],
        idle_timeout=words.timeout,
        max_datagram_frame_size=65535,
    )
    if words.certificate:
        configuration.load_cert_chain(words.certificate, words.key)
    return configuration


async def until_input_ends():
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def read():
        while os.read(0, 65536):
            pass
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()


async def run_server(words):
    server = await serve(
        "127.0.0.1", 0, configuration=configure(words, False), create_protocol=Echo, retry=words.retry
    )
    print("port", server._transport.get_extra_info("sockname")[1], flush=True)
    try:
        await asyncio.wait_for(until_input_ends(), words.timeout)
        return 0
    except asyncio.TimeoutError:
        print(f"the standard input did not end within {words.timeout} seconds", file=sys.stderr)
        return 1
    finally:
        server.close()


async def connect(words, kind):
    configuration = configure(words, True)
    configuration.server_name = words.host
    if words.insecure:
        configuration.verify_mode = ssl.CERT_NONE
    if words.ca:
        configuration.load_verify_locations(words.ca)
    transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: kind(QuicConnection(configuration=configuration)), remote_addr=(words.host, words.port)
    )
    peer.connect(transport.get_extra_info("peername"))
    return transport, peer


async def run_offender(words):
    for rule, frames in OFFENCES.items():
        transport, offender = await connect(words, Offender)
        await offender.wait_connected()
        try:
            closed = await offender.offend(frames)
            print(f"{rule}: {closed['code']:#x}", flush=True)
        except asyncio.TimeoutError:
            print(f"{rule}: nothing", flush=True)
        transport.close()
    return 0


async def run_client(words):
    transport, asker = await connect(words, Asker)

    async def meet():
        await asker.wait_connected()
        if asker.alpn != words.alpn:
            asker.errors.append(f"the protocol is not {words.alpn}")
        await asker.try_everything(words.key_update)
        if asker.closed:
            asker.errors.append("the other side closed")

    try:
        await asyncio.wait_for(meet(), words.timeout)
    except asyncio.TimeoutError:
        asker.errors.append(f"not done after {words.timeout} seconds")
    except ConnectionError:
        asker.errors.append("there is no connection")
    # What the other side said, if it closed; it is ours from here on.
    report = asker.report()
    asker.close(error_code=7, reason_phrase="done")
    try:
        await asyncio.wait_for(asker.wait_closed(), 1)
    except asyncio.TimeoutError:
        pass
    transport.close()
    print(json.dumps(report | {"errors": asker.errors}), flush=True)
    return 1 if asker.errors else 0


def main():
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    modes = words.add_subparsers(dest="mode", required=True)
    server, client, offender = (modes.add_parser(name) for name in ("serve", "connect", "offend"))
    for mode in (client, offender):
        mode.add_argument("host")
        mode.add_argument("port", type=int)
    for mode in (server, client, offender):
        mode.add_argument("--alpn", required=True)
        mode.add_argument("--certificate", required=mode is server)
        mode.add_argument("--key", required=mode is server)
        mode.add_argument("--timeout", type=float, default=30)
    server.add_argument("--retry", action="store_true")
    client.add_argument("--key-update", action="store_true")
    for mode in (client, offender):
        trust = mode.add_mutually_exclusive_group()
        trust.add_argument("--ca")
        trust.add_argument("--insecure", action="store_true")
    words = words.parse_args()
    run = {"serve": run_server, "connect": run_client, "offend": run_offender}[words.mode]
    sys.exit(asyncio.run(run(words)))


main()
