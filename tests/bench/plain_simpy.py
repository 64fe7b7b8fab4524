"""The benchmark's workload as anybody would write it in SimPy: a process for each device, each frame and each retry.

Groups of ten devices; each device sends its messages with exponential gaps; links delay and lose; sends and pushes
are repeated with a doubled, jittered wait until they are answered. Run as `plain_simpy.py DEVICES MESSAGES`; prints
one JSON line."""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import defaultdict

import simpy

GROUP = 10
LOSS = 0.05
MEAN_GAP = 10.0
FIRST_RETRY = 0.5
ATTEMPTS = 8


class Chat:
    """One server and its devices."""

    def __init__(self, devices: int, messages: int, seed: int = 1) -> None:
        self.env = simpy.Environment()
        self.chance = random.Random(seed)
        self.devices = devices
        self.messages = messages
        self.at_server = simpy.Store(self.env)
        self.at_device = [simpy.Store(self.env) for _ in range(devices)]
        self.seen: list[set[tuple[int, int]]] = [set() for _ in range(devices)]
        self.answered: set[tuple[int, int]] = set()
        self.confirmed: set[tuple[int, tuple[int, int]]] = set()
        self.log: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.accepted: set[tuple[int, int]] = set()
        self.delivered = self.duplicates = 0

    def link(self, store, frame):
        """One frame on its way."""
        yield self.env.timeout(0.02 + self.chance.expovariate(20.0))
        if self.chance.random() >= LOSS:
            yield store.put(frame)

    def repeat(self, store, frame, is_done):
        """One frame until it is answered."""
        for attempt in range(ATTEMPTS):
            if is_done():
                return
            self.env.process(self.link(store, frame))
            yield self.env.timeout(FIRST_RETRY * 2**attempt * self.chance.uniform(0.5, 1.0))

    def user(self, device):
        """What one user sends."""
        for number in range(self.messages):
            yield self.env.timeout(self.chance.expovariate(1.0 / MEAN_GAP))
            key = (device, number)
            self.env.process(self.repeat(self.at_server, ("send", device, key), lambda key=key: key in self.answered))

    def receive(self, device):
        """What one device does with a frame."""
        while True:
            kind, key = yield self.at_device[device].get()
            if kind == "answer":
                self.answered.add(key)
                continue
            if key in self.seen[device]:
                self.duplicates += 1
            else:
                self.seen[device].add(key)
                self.delivered += 1
            self.env.process(self.link(self.at_server, ("got", device, key)))

    def serve(self):
        """The server."""
        while True:
            kind, device, key = yield self.at_server.get()
            if kind == "got":
                self.confirmed.add((device, key))
                continue
            if key not in self.accepted:
                self.accepted.add(key)
                group = device // GROUP
                self.log[group].append(key)
                for member in range(group * GROUP, min(self.devices, (group + 1) * GROUP)):
                    done = lambda member=member, key=key: (member, key) in self.confirmed  # noqa: E731
                    self.env.process(self.repeat(self.at_device[member], ("push", key), done))
            self.env.process(self.link(self.at_device[device], ("answer", key)))

    def run(self):
        """Until nothing is left to do."""
        self.env.process(self.serve())
        for device in range(self.devices):
            self.env.process(self.user(device))
            self.env.process(self.receive(device))
        self.env.run()


def main() -> None:
    """Run and tell."""
    chat = Chat(int(sys.argv[1]), int(sys.argv[2]))
    begin = time.perf_counter()
    chat.run()
    wall = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {
        "delivered": chat.delivered,
        "duplicates": chat.duplicates,
        "wall_s": round(wall, 3),
        "rss_mb": round(peak),
    }
    sys.stdout.write(json.dumps({"kind": "plain", "devices": chat.devices, **figures}) + "\n")


if __name__ == "__main__":
    main()
