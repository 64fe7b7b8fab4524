"""What a run is asked: model files, their sections, and the frozen `Scenario` that comes out.

    values.py     bounded numbers, durations, distributions
    people.py     devices, users, groups, presence          traffic.py   what users do
    network.py    profiles, sites                           servers.py   servers and their backends
    policy.py     sync and retry                            faults.py    what goes wrong on purpose
    model.py      Scenario: all of them together
    check.py      one table against one struct              rules.py     what holds between sections
    load.py       file and overrides to Scenario            library.py   the shipped models
    text.py       Scenario to TOML                          document.py  reference and JSON Schema
    traces.py     recorded traffic, read and imported

Nothing here runs anything: sim/workload.py turns a scenario into what users do.
"""

from __future__ import annotations

from imsim.scenario.document import reference, schema
from imsim.scenario.faults import Fault, Faults, Rates
from imsim.scenario.library import Listing, copy_model, models
from imsim.scenario.load import Overrides, load, loads
from imsim.scenario.model import History, HistoryLevel, Scenario
from imsim.scenario.network import Energy, LinkKind, Network, NetworkProfile, Outages, SiteLink
from imsim.scenario.people import (
    Conversations,
    DeviceKind,
    Devices,
    Group,
    GroupKind,
    PlatformPush,
    Presence,
)
from imsim.scenario.policy import Retry, StrategyName, Sync
from imsim.scenario.servers import Backend, Backends, Durability, Retention, Servers, Timeouts
from imsim.scenario.traces import Edges, Imported, import_edges, read_edges
from imsim.scenario.traffic import Action, Burst, Daily, Gaps, Listed, Poisson, Step, Traced, Traffic
from imsim.scenario.values import Delay, Shape, Sizes

__all__ = [
    "Action", "Backend", "Backends", "Burst", "Conversations", "Daily", "Delay", "DeviceKind", "Devices",
    "Durability", "Edges", "Energy", "Fault", "Faults", "Gaps", "Group", "GroupKind", "History", "HistoryLevel",
    "Imported", "LinkKind", "Listed", "Listing", "Network", "NetworkProfile", "Outages", "Overrides", "PlatformPush",
    "Poisson", "Presence", "Rates", "Retention", "Retry", "Scenario", "Servers", "Shape", "SiteLink", "Sizes", "Step",
    "StrategyName", "Sync", "Timeouts", "Traced", "Traffic", "copy_model", "import_edges", "load", "loads", "models",
    "read_edges", "reference", "schema",
]  # fmt: skip
