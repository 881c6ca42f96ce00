"""An ICE agent of aioice's, which meets one of ours and sends back what it hears, backwards.

usage: aioice_agent.py controlling|controlled FOLDER

It writes its description to FOLDER/aioice.sdp and reads the other one's from FOLDER/warren.sdp.
"""

import asyncio
import os
import pathlib
import sys

import aioice


def describe(connection: aioice.Connection) -> str:
    lines = [f"a=ice-ufrag:{connection.local_username}", f"a=ice-pwd:{connection.local_password}"]
    lines += [f"a=candidate:{candidate.to_sdp()}" for candidate in connection.local_candidates]
    return "\n".join(lines + ["a=end-of-candidates", ""])


async def take(connection: aioice.Connection, text: str) -> None:
    for line in text.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        if name == "ice-ufrag":
            connection.remote_username = value
        elif name == "ice-pwd":
            connection.remote_password = value
        elif name == "candidate":
            await connection.add_remote_candidate(aioice.Candidate.from_sdp(value))
    await connection.add_remote_candidate(None)


async def main(role: str, folder: pathlib.Path) -> None:
    connection = aioice.Connection(ice_controlling=role == "controlling", components=1, use_ipv6=False)
    await connection.gather_candidates()
    (folder / "aioice.part").write_text(describe(connection))
    os.rename(folder / "aioice.part", folder / "aioice.sdp")
    while not (folder / "warren.sdp").exists():
        await asyncio.sleep(0.02)
    await take(connection, (folder / "warren.sdp").read_text())
    await connection.connect()
    while (data := await connection.recv()) != b"end":
        await connection.send(data[::-1])
    await connection.close()


asyncio.run(asyncio.wait_for(main(sys.argv[1], pathlib.Path(sys.argv[2])), 20))
