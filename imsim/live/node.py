"""One process of a live run: a server, or a device that is told what to do. `python -m imsim.live.node`.

A device reads one JSON command a line from its standard input and answers with one line; whoever started it decides
what its user does. Both write their facts beside their database, and end when their standard input does: a
supervisor that is gone, however it went, leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imsim.client import Client
from imsim.live.facts import Facts, of_arrival, of_device, of_effect, of_frame, of_record, of_views
from imsim.live.server import LiveServer
from imsim.protocol.config import DeviceConfig
from imsim.protocol.retry import EqualJitter
from imsim.protocol.sync import Hybrid

if TYPE_CHECKING:
    from imsim.protocol.frames import Frame

__all__ = ["main"]

_QUICK = DeviceConfig(
    sync=Hybrid(check=1.0),
    send=EqualJitter(base=0.3, cap=1.0),
    connect=EqualJitter(base=0.1, cap=0.5),
    ask=EqualJitter(base=0.5, cap=1.0),
)
"""A live run lasts seconds, not a day."""
_LINE_BYTES = 1 << 20
_TELLING = {"status": of_device, "end": of_views}
"""What a device tells of itself when it is asked."""


async def _serve(folder: Path, port: int) -> None:
    with Facts(folder / "server-1.facts", "server-1", time.monotonic) as facts:

        def note(sent: bool, device: str, frame: Frame) -> None:  # noqa: FBT001 (the server's callback)
            if sent:
                facts.tell(of_frame(device, frame))

        async with LiveServer(str(folder / "chat.db"), port=port, on_frame=note) as server:
            if server.incarnation > 1:
                facts.tell([{"event": "restarted"}])
            _say({"port": server.port})
            await _until_left(server)


async def _until_left(server: LiveServer) -> None:
    """Wait until whoever started this process is gone, or something failed that must not."""
    commands = await _commands()
    loop = asyncio.get_running_loop()
    waits: list[asyncio.Task[Any]] = [loop.create_task(server.failed()), loop.create_task(commands.read())]
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*done)


async def _live(folder: Path, url: str, user: str, device: str) -> None:
    with Facts(folder / f"{user}-{device}.facts", f"{user}/{device}", time.monotonic) as facts:
        await _obey_all(facts, folder, url, user, device)


async def _obey_all(facts: Facts, folder: Path, url: str, user: str, device: str) -> None:
    name = f"{user}/{device}"
    facts.tell_again([{"event": "installed", "detail": name}])
    online = False

    def note(effect: Any) -> None:  # noqa: ANN401 (any effect)
        nonlocal online
        facts.tell(of_effect(effect))
        if client.online != online:
            online = client.online
            facts.tell([{"event": "connected" if online else "disconnected"}])

    client = Client(
        url, user=user, device=device, store=folder / f"{user}-{device}.db", config=_QUICK, on_effect=note,
        on_frame=lambda frame: facts.tell(of_arrival(frame)),
    )  # fmt: skip
    async with client:
        facts.tell_again(fact for record in client.device.stored() for fact in of_record(record))
        _say({"ready": name})
        commands = await _commands()
        while line := await commands.readline():
            command = json.loads(line)
            if (of := _TELLING.get(command["do"])) is not None:
                facts.tell(of(client.device))
            _say(await _obey(client, command))


async def _commands() -> asyncio.StreamReader:
    """The standard input, read without a thread that would outlive a failure."""
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _obey(client: Client, command: dict[str, Any]) -> dict[str, Any]:
    """Do one thing, and say what came of it."""
    do, args = command["do"], command.get("args", [])
    if do == "end":
        return {}
    if do == "status":
        device = client.device
        positions = {name: list(device.position(name)) for name in (device.own_log, *device.conversations())}
        return {"quiet": device.is_quiet() and device.online, "positions": positions}
    if do == "read":
        conversation, target = args
        row = next((row for row in client.view(conversation) if row.client_id == target), None)
        return {"client_id": None if row is None else await client.mark_read(conversation, row.seq)}
    return {"client_id": await getattr(client, do)(*args, **command.get("named", {}))}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Parse the arguments and live."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    kinds = parser.add_subparsers(dest="kind", required=True)
    server = kinds.add_parser("server")
    server.add_argument("folder", type=Path)
    server.add_argument("--port", type=int, default=0)
    device = kinds.add_parser("device")
    device.add_argument("folder", type=Path)
    for option in ("--url", "--user", "--device"):
        device.add_argument(option, required=True)
    options = parser.parse_args()
    if options.kind == "server":
        asyncio.run(_serve(options.folder, options.port))
    else:
        asyncio.run(_live(options.folder, options.url, options.user, options.device))


if __name__ == "__main__":
    main()
