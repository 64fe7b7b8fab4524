"""What the benchmark runs in processes of their own."""

from __future__ import annotations

from imsim.scenario import load
from imsim.study import bench_worker
from imsim.study.run import simulate


def test_recording_again_reads_every_row(monkeypatch):
    recorded = []

    class Listening(bench_worker.Writer):
        def finish(self):
            history = super().finish()
            recorded.append(history)
            return history

    run = simulate(load("bench", ["devices.count=10"]), seed=1)
    monkeypatch.setattr(bench_worker, "Writer", Listening)
    seconds = bench_worker.recording_seconds(run.history, run.history.level)

    assert seconds > 0.0
    assert list(recorded[0].rows()) == list(run.history.rows())


def test_the_two_loops_fire_the_same_timers():
    import simpy

    from imsim.sim.kernel import Kernel

    light = bench_worker.light_timers(Kernel(), 3.0)

    assert light == bench_worker.simpy_timers(simpy.Environment(), 3.0) > 1_000


def test_rates_come_in_pairs():
    pairs = bench_worker.kernel_rates(1.0)

    assert len(pairs) >= 2
    assert all(rate > 0.0 for pair in pairs for rate in pair.values())


def test_idle_devices_are_weighed_while_they_are_connected():
    found = bench_worker.idle_weight(50)

    assert (found["devices"], found["online"]) == (50, 50)
