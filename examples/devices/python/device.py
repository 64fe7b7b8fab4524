"""A device for imsim in plain Python: what turns imsim's lines into calls of the SDK beside this file.

    imsim check tiny --device-cmd "python examples/devices/python/device.py"

`--forget-outbox` breaks it on purpose: after a restart it knows of no message that still waits, and imsim finds out.
docs/device-protocol.md says what every line means.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from sdk import Device

if TYPE_CHECKING:
    from fold import Json

FORGETFUL = "--forget-outbox" in sys.argv

FRAMES = {
    "welcome": Device.on_welcome,
    "refused": Device.on_refused,
    "closed": Device.on_closed,
    "push": Device.on_push,
    "page": Device.on_page,
    "sent": Device.on_sent,
    "heads": Device.on_heads,
    "hint": Device.on_head,
}


def frame(device: Device, line: Json) -> None:
    """A frame came. A pong says only that the peer is alive; presence is not for this SDK."""
    device.heard = line["now"]
    kind = line["frame"]["type"]
    if kind == "epoch":
        raise NotImplementedError("this device knows no failovers")
    if kind in FRAMES:
        FRAMES[kind](device, line["frame"], line["now"])


def offer(device: Device, line: Json, body: Json) -> str:
    return device.offer(line["now"], line["wall"], line["conversation"], body)


def hint(device: Device, line: Json) -> None:
    if device.phase == "asleep":
        device.connect(line["now"])


LINES = {
    "open": lambda device, line: device.open(line["now"]),
    "close": lambda device, _: device.close(),
    "send": lambda device, line: offer(
        device, line, {"type": "message", "content": line["content"], "reply_to": line["reply_to"]}
    ),
    "edit": lambda device, line: offer(
        device, line, {"type": "edit", "target": line["target"], "content": line["content"]}
    ),
    "recall": lambda device, line: offer(device, line, {"type": "recall", "target": line["target"]}),
    "join": lambda device, line: offer(device, line, {"type": "join", "user": line["user"]}),
    "leave": lambda device, line: offer(device, line, {"type": "leave", "user": device.user}),
    "mark_read": lambda device, line: device.mark_read(line["now"], line["wall"], line["conversation"], line["seq"]),
    "cancel": lambda device, line: device.cancel(line["now"], line["client_id"]),
    "connected": lambda device, line: device.connected(line["now"]),
    "disconnected": lambda device, line: device.disconnected(line["now"]),
    "frame": frame,
    "hint": hint,
    "wake": lambda device, line: device.wake(line["now"]),
}


def answer(devices: dict[str, Device], line: Json) -> Json:
    """One line answers one line."""
    do, name = line["do"], line.get("device")
    if do == "hello":
        return {"protocol": 1}
    if do == "begin":
        devices.clear()
        return {}
    if do == "look":
        device = devices[name]
        return {
            "positions": {conversation: [1, log.upto] for conversation, log in device.logs.items()},
            "read": {conversation: [1, log.mark] for conversation, log in device.logs.items()},
            "unread": {conversation: device.unread(conversation) for conversation in device.logs},
            "contents": [device.content(message) for message in line["contents"]],
        }
    if do == "load":
        devices[name] = Device(line, forgetful=FORGETFUL)
        return devices[name].state()
    client_id = LINES[do](devices[name], line)
    return {**devices[name].state(), "client_id": client_id}


def main() -> None:
    devices: dict[str, Device] = {}
    for text in sys.stdin:
        line = json.loads(text)
        print(json.dumps({"n": line["n"], **answer(devices, line)}), flush=True)


if __name__ == "__main__":
    main()
