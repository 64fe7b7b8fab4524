"""What one frame costs, in nanoseconds: the short way, the long way, and the kernel's part in both.

Frames are sent in rounds of 1,000 onto an empty heap and the heap is emptied in between, uncounted; the best round of
many counts. Run it: `python tests/bench/bench_network.py`.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from typing import TYPE_CHECKING

import networkx as nx

from imsim.scenario.network import LinkKind
from imsim.scenario.values import Delay, Shape
from imsim.sim.decisions import Decisions, Kind
from imsim.sim.kernel import Kernel
from imsim.sim.link import LinkModel
from imsim.sim.network import Connection, Network
from imsim.sim.sites import Sites
from imsim.sim.trace import Trace, TracePair

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 1_000
ROUNDS = 200
IDLE = 100_000
EXPONENTIAL = Delay(distribution=Shape.EXPONENTIAL, offset=0.02, mean=0.05)
LOGNORMAL = Delay(distribution=Shape.LOGNORMAL, offset=0.02, mean=0.05, sigma=0.6)


class Message:
    subject = 0x1234_5678_9ABC_DEF0
    index = 1


class Server:
    name = "server-1"
    site = 0
    accepting = True


def build(link: LinkModel, *, recording: bool = False) -> tuple[Network, Connection, Kernel]:
    """A network with one open connection."""
    kernel = Kernel()
    graph: nx.Graph[str] = nx.Graph()
    graph.add_node("everywhere")
    network = Network(kernel, Decisions(1, recording=recording), Sites(graph))
    network.deliver_down = network.deliver_up = lambda _: None
    network.on_accepted = lambda _: None
    device = network.attach("bob/phone", 0, link)
    connection = network.connect(device, Server(), lambda *_: None)
    kernel.run()
    return network, connection, kernel


def cost(link: LinkModel, *, recording: bool = False) -> float:
    """Nanoseconds a frame."""
    network, connection, kernel = build(link, recording=recording)
    salt = network._decisions.kind_salt(Kind.PUSH)
    send, message = network.send_down, Message()
    best = float("inf")
    for round_ in range(ROUNDS if network._plain and connection.path.simple else ROUNDS // 10):
        occurrences = range(round_ * FRAMES + 1, round_ * FRAMES + FRAMES + 1)
        start = time.perf_counter_ns()
        for occurrence in occurrences:
            send(connection, None, message, salt, occurrence, 100)
        best = min(best, time.perf_counter_ns() - start)
        kernel.run()
    return best / FRAMES


def idle_bytes(link: LinkModel) -> float:
    """Bytes of the network for one idle device that is connected, its name apart."""
    kernel = Kernel()
    graph: nx.Graph[str] = nx.Graph()
    graph.add_node("everywhere")
    network = Network(kernel, Decisions(1), Sites(graph))
    network.on_accepted = lambda _: None
    names = [f"user-{number}/phone" for number in range(IDLE)]
    server, kept = Server(), []
    tracemalloc.start()
    kept = [network.connect(network.attach(name, 0, link), server, lambda *_: None) for name in names]
    kernel.run()
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used / len(kept)


def measure() -> dict[str, float]:
    """Nanoseconds a frame, by the kind of link."""
    trace = Trace(list(range(1, 100_000, 3)))
    datagram = {"kind": LinkKind.DATAGRAM, "loss": 0.05}
    cases: dict[str, Callable[[], float]] = {
        "datagram, exponential": lambda: cost(LinkModel(latency=EXPONENTIAL, **datagram)),
        "datagram, lognormal": lambda: cost(LinkModel(latency=LOGNORMAL, **datagram)),
        "datagram, exponential, recording": lambda: cost(LinkModel(latency=EXPONENTIAL, **datagram), recording=True),
        "stream, exponential": lambda: cost(LinkModel(latency=EXPONENTIAL, loss=0.05)),
        "stream over a trace": lambda: cost(LinkModel(latency=EXPONENTIAL, loss=0.05, trace=TracePair(trace, trace))),
    }
    gc.disable()
    found = {name: case() for name, case in cases.items()}
    gc.enable()
    return found


if __name__ == "__main__":
    for name, nanoseconds in measure().items():
        print(f"{name:>34}: {nanoseconds:8,.0f} ns a frame")
    print(f"{'idle and connected':>34}: {idle_bytes(LinkModel(latency=EXPONENTIAL)):8,.0f} bytes a device")
