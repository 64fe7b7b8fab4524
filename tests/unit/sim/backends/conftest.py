"""A stage for backends: a kernel, servers that can die, and a log of what happened to them."""

from __future__ import annotations

import pytest

from imsim.sim.backends import Backends
from imsim.sim.clock import RightClock
from imsim.sim.decisions import Decisions
from imsim.sim.deviations import parse
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Incarnation, SimRuntime


class Server:
    """One incarnation of one server, and the host that a deviation may hurt."""

    def __init__(self, stage, backends, name="server-1", number=1):
        self.stage = stage
        self.runtime = SimRuntime(
            stage.kernel,
            Incarnation(number),
            clock=RightClock(stage.kernel, epoch=0.0),
            random=stage.decisions.randomness(f"at {name}"),
            node=name,
        )
        self.ports = backends.ports(self.runtime, self)
        self.crashed_at = None

    def crash(self):
        self.crashed_at = self.stage.kernel.now
        self.runtime.revoke()

    def pause(self, seconds):
        self.runtime.pause()
        self.stage.kernel.call_in(seconds, lambda _: self.runtime.resume())


class Stage:
    """Builds backends and servers on one kernel, and keeps what their calls came to."""

    def __init__(self, *deviations, seed=1):
        self.kernel = Kernel()
        self.decisions = Decisions(seed, [parse(text) for text in deviations])
        self.ends = {}

    def backends(self, **settings):
        settings.setdefault("services", {})
        return Backends(self.kernel, self.decisions, **settings)

    def server(self, backends, name="server-1", number=1):
        return Server(self, backends, name, number)

    def start(self, server, label, call):
        """Begin a call; `ends[label]` becomes (when, what it returned or raised)."""

        async def watched():
            try:
                value = await call
            except Exception as error:  # noqa: BLE001 - the test looks at it
                value = error
            self.ends[label] = (self.kernel.now, value)

        server.runtime.spawn(watched())

    def call(self, server, call):
        """Make one call, run until nothing is left to do, and give what it came to."""
        self.start(server, "call", call)
        self.kernel.run()
        return self.ends.pop("call", None)


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def staged():
    return Stage
