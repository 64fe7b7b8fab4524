"""An M/M/c queue on the kernel waits as long as A. K. Erlang calculated in 1917.

Interarrival and service times are exponential and drawn from one seed. Waits of neighbours are correlated, so the
error of their mean comes from batch means: the run is cut into long batches whose means are nearly independent
(Law and Kelton, Simulation Modeling and Analysis, chapter 9).
"""

from __future__ import annotations

import math
import random
import statistics

import pytest

from imsim.sim.kernel import Kernel
from imsim.sim.resources import Station

JOBS = 60_000
WARM_UP = 2_000
BATCHES = 20


def erlang_c(servers: int, offered: float) -> float:
    """The probability that an arriving job has to wait; `offered` is arrival rate times mean service time."""
    busy = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return busy / (sum(offered**n / math.factorial(n) for n in range(servers)) + busy)


def waits(servers: int, load: float, seed: int) -> list[float]:
    """How long each job waited, in mean service times."""
    kernel = Kernel()
    station = Station(kernel, servers)
    draw = random.Random(seed)
    waited: list[float] = []

    def done(job: tuple[float, float]) -> None:
        arrived, service = job
        waited.append(kernel.now - arrived - service)

    def arrive(left: int) -> None:
        service = draw.expovariate(1.0)
        station.submit(service, done, (kernel.now, service))
        if left:
            kernel.call_in(draw.expovariate(load * servers), arrive, left - 1)

    kernel.call_in(0.0, arrive, JOBS - 1)
    kernel.run()
    assert station.served == JOBS
    return waited[WARM_UP:]


def batch_means(values: list[float]) -> tuple[float, float]:
    """The mean and its standard error."""
    size = len(values) // BATCHES
    means = [statistics.fmean(values[n * size : (n + 1) * size]) for n in range(BATCHES)]
    return statistics.fmean(means), statistics.stdev(means) / math.sqrt(BATCHES)


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("servers", [1, 2, 5])
def test_mean_wait_agrees_with_erlang_c(servers: int, load: float) -> None:
    must_wait = erlang_c(servers, servers * load)
    expected = must_wait / (servers * (1 - load))
    waited = waits(servers, load, seed=1917)

    mean, error = batch_means(waited)
    assert abs(mean - expected) < 4 * error
    assert error < 0.1 * expected  # or the line above could not fail

    share = [float(wait > 1e-5) for wait in waited]  # times are whole microseconds
    mean, error = batch_means(share)
    assert abs(mean - must_wait) < 4 * error
    assert error < 0.05 * must_wait


def test_another_number_of_servers_would_be_noticed() -> None:
    mean, error = batch_means(waits(2, 0.8, seed=1917))
    for servers in (1, 3):
        expected = erlang_c(servers, servers * 0.8) / (servers * 0.2)
        assert abs(mean - expected) > 4 * error
