"""The ports of the servers, simulated: durable states that all servers share, and what lies between.

Two halves, kept apart. A *state* (`SlotLog`, `ValueMap`, `TopicBroker`, `LeaseTable`, `Switchboard`) is the semantics
of a port and knows no failure. A *desk* (`Desk`, service.py) is time and failure, and knows no semantics. A server's
port joins the two; where a backend can be neither slow nor broken there is no desk, and the port asks the state.

Backends are the durable world: they survive every crash of a server. A server's ports die with its incarnation.

What does not belong here: scenario files (world.py turns their settings into these values), and devices.
"""

from __future__ import annotations

from imsim.sim.backends.assembly import Backends, Ports
from imsim.sim.backends.broker import TopicBroker
from imsim.sim.backends.keyvalue import ValueMap
from imsim.sim.backends.line import Host
from imsim.sim.backends.locks import LeaseTable
from imsim.sim.backends.log import SlotLog
from imsim.sim.backends.peers import Switchboard
from imsim.sim.backends.service import Desk, Service

__all__ = [
    "Backends",
    "Desk",
    "Host",
    "LeaseTable",
    "Ports",
    "Service",
    "SlotLog",
    "Switchboard",
    "TopicBroker",
    "ValueMap",
]
