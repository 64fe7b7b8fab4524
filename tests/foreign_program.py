"""A program that imsim may drive as a device, and that does one thing wrong: what a test types as its command.

    python foreign_program.py LINE WHAT      when it is told LINE, it does WHAT instead of answering

It knows nothing of messaging: it never wants anything done.
"""

from __future__ import annotations

import json
import os
import sys
import time

STATE = {"effects": [], "wake_at": None, "online": False, "quiet": True, "client_id": "n-0"}
ANSWERS = {"hello": {"protocol": 1}, "look": {"positions": {}, "read": {}, "unread": {}, "contents": []}}


def said(line, **other):
    return json.dumps({"n": line["n"], **ANSWERS.get(line["do"], STATE), **other}) + "\n"


def hang(line):
    time.sleep(1000.0)


def die(line):
    sys.stderr.write("first\nno such table: messages\n")
    sys.exit(7)


def echo(line):
    sys.stderr.write(json.dumps(line))
    sys.exit(0)


def deaf(line):
    sys.stdout.write(said(line))
    sys.stdout.flush()
    hang(line)


def half(line):
    sys.stdout.write(said(line) + '{"n":')
    sys.stdout.flush()
    hang(line)


def hang_up(line):
    os.close(sys.stdout.fileno())
    hang(line)


def transmit(line, frame):
    return said(line, effects=[{"type": "transmit", "frame": frame}])


WRONG = {
    "hang": hang,
    "die": die,
    "echo": echo,
    "deaf": deaf,
    "hang up": hang_up,
    "nonsense": lambda line: "Segmentation fault?\n",
    "half a line": half,
    "long": lambda line: "x" * ((1 << 24) + 100),
    "twice": lambda line: 2 * said(line),
    "nothing done": lambda line: json.dumps({"n": line["n"], "wake_at": None, "online": False, "quiet": True}) + "\n",
    "a server's frame": lambda line: transmit(line, {"type": "pong", "number": 1}),
    "an empty send": lambda line: transmit(line, {"type": "send", "conversation": "team", "epoch": 1, "drafts": []}),
    "an empty write": lambda line: said(line, effects=[{"type": "write", "records": []}]),
    "always awake": lambda line: said(line, wake_at=line["now"]),
    "no name": lambda line: said(line, client_id=None),
    "another version": lambda line: said(line, protocol=2),
    "two contents": lambda line: said(line, contents=[None, "a"]),
}


def main():
    where, what = sys.argv[1:]
    for text in sys.stdin:
        line = json.loads(text)
        sys.stdout.write(WRONG[what](line) if line["do"] == where else said(line))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
