"""What iroh's QUIC does over loopback: its endpoints in one process, without relays or discovery.

usage: iroh_quic.py [--seconds SECONDS]

It prints one object of JSON: the figures, and what went wrong as "error" beside those that there are. SECONDS is how
long each is measured. All of it ends within a minute.
"""

import argparse
import asyncio
import contextlib
import ctypes
import errno
import faulthandler
import fcntl
import importlib.metadata
import json
import os
import resource
import signal
import socket
import struct
import sys
import time

LIMIT = 55
PROTOCOL = b"warren-bench"
# What goes through the binding in one call, and still into the cache; its first byte says whether more follows.
CHUNK = 1 << 18
MORE, LAST = b"\1" + bytes(CHUNK - 1), bytes(CHUNK)
STREAMS = 16
AT_ONCE = 8
CLIENTS = 64
REQUESTS = 2000
REQUEST = bytes(range(64))
NOTE = (
    "The binding writes bytes one by one: its _UniffiRustBufferBuilder.write is replaced by a memmove. Python is in "
    "all figures, since each call is a future of iroh's and a turn of the event loop; latency and handshakes feel it "
    "most. CPU seconds are user and system of the process: both endpoints and Python, whose thread "
    "(python_thread_share of them) also does what iroh does when its futures are polled. A handshake is over when both "
    "sides have the connection. Its client is an endpoint that was never there before, bound beforehand, since one "
    "that comes again resumes its session without certificates: those are the figures named resumed. All runs in a "
    "network namespace that has loopback alone, since an endpoint looks for UPnP gateways even with relays and "
    "discovery turned off."
)


def leave_the_network():
    """Goes where there is loopback and nothing else, with root's rights or as root of a namespace of one's own."""
    new_user, new_network = 0x10000000, 0x40000000
    system = ctypes.CDLL(None, use_errno=True)
    if system.unshare(new_network) and (
        ctypes.get_errno() != errno.EPERM or system.unshare(new_user | new_network)
    ):
        raise OSError(ctypes.get_errno(), "no network namespace can be had here")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        get_flags, set_flags, is_up = 0x8913, 0x8914, 1
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16xh14x", fcntl.ioctl(any_socket, get_flags, request))[0]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", flags | is_up))


# Before iroh is there, since its threads would stay behind.
if __name__ == "__main__":
    try:
        leave_the_network()
    except OSError as reason:
        print(json.dumps({"error": str(reason)}))
        sys.exit(1)

import iroh
from iroh import iroh_ffi


def write_at_once(builder, value):
    value = bytes(value)
    with builder._reserve(len(value)):
        if value:
            ctypes.memmove(ctypes.addressof(builder.rbuf.data.contents) + builder.rbuf.len, value, len(value))


iroh_ffi._UniffiRustBufferBuilder.write = write_at_once


async def bind():
    builder = iroh.EndpointBuilder()
    builder.apply_minimal()
    builder.relay_mode(iroh.RelayMode.disabled())
    builder.bind_addr("127.0.0.1:0")
    builder.alpns([PROTOCOL])
    return await builder.bind()


class Server:
    """Puts each connection that it accepts into a queue."""

    @classmethod
    async def start(cls):
        it = cls()
        it.endpoint = await bind()
        here = [address for address in it.endpoint.bound_sockets() if address.startswith("127.")]
        it.address = iroh.EndpointAddr(it.endpoint.id(), None, here)
        it.accepted = asyncio.Queue()
        it.tasks = set()
        it.start_task(it.accept())
        return it

    def start_task(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def accept(self):
        while incoming := await self.endpoint.accept_next():
            self.start_task(self.welcome(incoming))

    async def welcome(self, incoming):
        self.accepted.put_nowait(await (await incoming.accept()).connect())

    async def meet(self, client):
        """A connection, as the client and as some side of the server have it."""
        mine = await client.connect(self.address, PROTOCOL)
        return mine, await self.accepted.get()


class Watch:
    """Adds up the time on the wall, of the processor, and of this thread of all that is done within it."""

    def __init__(self):
        self.sums = [0.0, 0.0, 0.0]

    def now(self):
        return time.perf_counter(), time.process_time(), time.thread_time()

    def __enter__(self):
        self.start = self.now()

    def __exit__(self, *_):
        self.sums = [sum + end - start for sum, end, start in zip(self.sums, self.now(), self.start)]

    def rates(self, count, unit):
        wall, cpu, thread = self.sums
        return {
            unit + "per_second": round(count / wall, 3),
            unit + "per_cpu_second": round(count / cpu, 3),
            "python_thread_share": round(thread / cpu, 3),
        }


async def shake_hands(server, clients, at_once, watch):
    waiting = list(clients)

    async def work():
        while waiting:
            mine, theirs = await server.meet(waiting.pop())
            mine.close(0, b"")

    with watch:
        await asyncio.gather(*[work() for _ in range(at_once)])


async def handshakes(server, seconds, at_once, fresh):
    watch, count = Watch(), 0
    clients = [await bind() for _ in range(1 if fresh else AT_ONCE)]
    # The first time is another's, and leaves a session to resume.
    await shake_hands(server, clients, 1, Watch())
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if fresh:
            clients = [await bind() for _ in range(CLIENTS)]
        round = clients if fresh else clients[:at_once] * (CLIENTS // at_once)
        await shake_hands(server, round, at_once, watch)
        count += len(round)
        if fresh:
            await asyncio.gather(*[client.close() for client in clients])
    return watch.rates(count, "")


async def send(connection, end):
    stream = await connection.open_uni()
    while time.perf_counter() < end:
        await stream.write_all(MORE)
    await stream.write_all(LAST)
    await stream.finish()


async def receive(connection):
    stream, count = await connection.accept_uni(), 0
    while True:
        chunk = await stream.read_exact(CHUNK)
        count += len(chunk)
        if not chunk[0]:
            return count


async def transfer(server, client, seconds, streams):
    mine, theirs = await server.meet(client)

    async def run(duration):
        end = time.perf_counter() + duration
        receivers = [receive(theirs) for _ in range(streams)]
        counts = await asyncio.gather(*receivers, *[send(mine, end) for _ in range(streams)])
        return sum(counts[:streams])

    # Until the windows are open.
    await run(seconds / 8)
    watch = Watch()
    with watch:
        count = await run(seconds)
    mine.close(0, b"")
    return watch.rates(count * 8e-9, "gbit_")


async def answer(connection):
    while True:
        stream = await connection.accept_bi()
        request = await stream.recv().read_to_end(len(REQUEST))
        await stream.send().write_all(request)
        await stream.send().finish()


async def latency(server, client, seconds):
    mine, theirs = await server.meet(client)
    answering = asyncio.create_task(answer(theirs))
    times = []

    async def ask():
        start = time.perf_counter()
        stream = await mine.open_bi()
        await stream.send().write_all(REQUEST)
        await stream.send().finish()
        if await stream.recv().read_to_end(len(REQUEST)) != REQUEST:
            raise ValueError("an answer is not the question")
        times.append(time.perf_counter() - start)

    for _ in range(200):
        await ask()
    times.clear()
    end = time.perf_counter() + seconds
    while len(times) < REQUESTS or time.perf_counter() < end:
        await ask()
    answering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await answering
    mine.close(0, b"")
    times.sort()
    return {
        "count": len(times),
        "p50_microseconds": round(times[len(times) // 2] * 1e6, 1),
        "p99_microseconds": round(times[len(times) * 99 // 100] * 1e6, 1),
    }


async def measure(seconds, figures):
    server = await Server.start()
    client = await bind()
    figures["sequential_handshakes"] = await handshakes(server, seconds, 1, True)
    figures["concurrent_handshakes"] = {"at_once": AT_ONCE} | await handshakes(server, seconds, AT_ONCE, True)
    figures["resumed_sequential_handshakes"] = await handshakes(server, seconds, 1, False)
    figures["resumed_concurrent_handshakes"] = {"at_once": AT_ONCE} | await handshakes(server, seconds, AT_ONCE, False)
    figures["one_stream"] = await transfer(server, client, seconds, 1)
    figures["many_streams"] = {"streams": STREAMS} | await transfer(server, client, seconds, STREAMS)
    figures["requests"] = {"bytes": len(REQUEST)} | await latency(server, client, seconds)


def print_and_leave(figures, code):
    print(json.dumps(figures, indent=2), flush=True)
    # What iroh still has under way is nobody's business any more.
    os._exit(code)


def main():
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--seconds", type=float, default=3)
    seconds = words.parse_args().seconds
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    figures = {"iroh": importlib.metadata.version("iroh"), "note": NOTE}

    def give_up(*_):
        print_and_leave(figures | {"error": f"not done after {LIMIT} seconds"}, 1)

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT)
    # Where Python itself is stuck.
    faulthandler.dump_traceback_later(LIMIT + 3, exit=True)
    try:
        asyncio.run(measure(seconds, figures))
    except BaseException as error:
        print_and_leave(figures | {"error": f"{type(error).__name__}: {error}"}, 1)
    print_and_leave(figures, 0)


if __name__ == "__main__":
    main()
