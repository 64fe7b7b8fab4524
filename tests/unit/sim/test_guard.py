"""The guard: the algorithm's own calls of clocks, chance and threads fail loudly, everybody else's go on."""

# ruff: noqa: DTZ002, DTZ005, DTZ011, PLW0108, TID251 - what is forbidden is what is tested, and must be called from here
from __future__ import annotations

import datetime as dt
import importlib
import pickle
import random
import threading
import time
import uuid
from datetime import UTC, date, datetime
from time import monotonic

import pytest

from imsim.errors import AlgorithmError
from imsim.protocol.device import Device
from imsim.scenario import load
from imsim.sim.algorithms import Algorithms
from imsim.sim.world import World
from imsim.verify.search import check

KINDS = (datetime, date)
"""In a tuple, since names of this module are given other meanings while a world runs."""
REAL = (time.time, time.sleep, random.random, uuid.uuid4, threading.Thread.start, monotonic, datetime, dt)


def reaching(act):
    """A device that does something forbidden whenever the app is opened."""

    class Reaching(Device):
        __slots__ = ()

        def open(self, *, now, wall):
            act()
            super().open(now=now, wall=wall)

    return Reaching


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (lambda: time.time(), "time.time"),
        (lambda: monotonic(), "time.monotonic"),
        (lambda: time.sleep(0), "time.sleep"),
        (lambda: random.random(), "random.random"),
        (lambda: random.choice([1]), "random.choice"),
        (lambda: uuid.uuid4(), "uuid.uuid4"),
        (lambda: threading.Thread().start(), "Thread.start"),
        (lambda: datetime.now(UTC), "datetime.now"),
        (lambda: datetime.today(), "datetime.today"),
        (lambda: dt.datetime.now(), "datetime.now"),
        (lambda: dt.date.today(), "date.today"),
    ],
)
def test_what_no_seed_governs_fails_loudly_and_names_the_caller(act, word):
    world = World(load("tiny"), seed=1, algorithms=Algorithms(device=reaching(act)))
    with pytest.raises(AlgorithmError, match=rf"{__name__} called {word}\(\): a run is determined") as told:
        world.run()
    assert told.value.exit_code == 1
    now = (time.time, time.sleep, random.random, uuid.uuid4, threading.Thread.start, monotonic, datetime, dt)
    assert now == REAL, "everything is put back"


def test_the_algorithms_of_imsim_are_watched_too(monkeypatch):
    code = compile("def open(self, *, now, wall):\n    import time\n    time.time()", "x", "exec")
    scope = {"__name__": "imsim.protocol.device"}
    exec(code, scope)  # noqa: S102 (a function of that module)
    monkeypatch.setattr(Device, "open", scope["open"])
    with pytest.raises(AlgorithmError, match=r"imsim\.protocol\.device called time\.time"):
        World(load("tiny"), seed=1).run()


def test_who_is_told_of_progress_may_look_at_the_clock():
    told = []
    World(load("tiny"), seed=1).run(lambda *_: told.append((time.time(), monotonic())))
    assert told


def test_who_makes_the_devices_may_look_at_the_clock_before_the_world_begins():
    class Maker:
        load = staticmethod(Device.load)

        def __enter__(self):
            self.began = time.monotonic()

        def __exit__(self, *_):
            self.took = time.monotonic() - self.began

    maker = Maker()
    World(load("tiny"), seed=1, algorithms=Algorithms(device=maker)).run()
    assert maker.took > 0


def test_other_threads_are_served_as_always():
    others = []

    ready, go = threading.Event(), threading.Event()

    def other():
        ready.set()
        go.wait(10)
        others.append((time.time(), random.random()))

    thread = threading.Thread(target=other)
    thread.start()
    ready.wait(10)

    def let_go():
        go.set()
        thread.join(10)

    World(load("tiny"), seed=1, algorithms=Algorithms(device=reaching(let_go))).run()
    assert len(others) == 1


def test_worlds_in_several_threads_put_back_what_was_there():
    def run():
        World(load("tiny"), seed=1).run()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = (time.time, time.sleep, random.random, uuid.uuid4, threading.Thread.start, monotonic, datetime, dt)
    assert now == REAL


def test_a_calendar_is_no_clock():
    told = []

    def look():
        noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
        same = [datetime.fromtimestamp(noon.timestamp(), UTC), datetime.fromisoformat("2026-03-01T12:00Z"),
                dt.datetime.combine(date(2026, 3, 1), noon.timetz()), pickle.loads(pickle.dumps(noon))]  # fmt: skip # noqa: S301
        assert all(type(one) is KINDS[0] and one == noon for one in same)
        assert isinstance(noon, datetime | dt.date)
        assert issubclass(datetime, date)
        assert not isinstance(noon.date(), datetime)
        assert isinstance(KINDS[0].max, dt.datetime)
        assert dt.timedelta(hours=1) > noon - same[0]
        told.append(noon)

    World(load("tiny"), seed=1, algorithms=Algorithms(device=reaching(look))).run()
    assert told


def test_who_never_asks_for_the_present_has_the_very_classes(tmp_path, monkeypatch):
    (tmp_path / "dated_sdk.py").write_text(
        "from datetime import datetime\n"
        "from imsim.protocol.device import Device\n"
        "class Dated(Device):\n"
        "    __slots__ = ()\n"
        "    def open(self, **when):\n"
        "        assert type(datetime(2026, 3, 1)) is datetime\n"
        "        super().open(**when)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    World(load("tiny"), seed=1, algorithms=Algorithms(device=importlib.import_module("dated_sdk").Dated)).run()


def test_a_search_reports_it_as_a_broken_contract():
    found = check(load("tiny"), runs=2, jobs=1, device=reaching(lambda: time.time()), shrink_seconds=0)
    assert found.failures[0].case.breaks == "contract"


def test_a_clock_that_a_test_put_there_is_left_alone(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    World(load("tiny"), seed=1).run()
    assert time.monotonic() == 7.0
