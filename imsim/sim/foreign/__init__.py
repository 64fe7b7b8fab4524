"""A device in any language: a program that imsim talks to over standard input and output.

One program serves all devices of all cases that a process of imsim runs, one line in and one line out at a time: to
start a program costs as much as a whole case. So it keeps nothing but its devices, which a line `begin` ends and a line
`load` begins; docs/device-protocol.md is the whole of what its author reads.

    device.py    the device as the world sees it, and `DeviceCommand`, which makes them
    lines.py     what the lines say
    host.py      the talk: numbered lines, and what breaks it off
    program.py   the program: started, asked, and ended when it does not answer

What does not belong here: what a device promises (protocol/contract.py), and whether it kept it (verify/).
"""

from __future__ import annotations

from imsim.sim.foreign.device import DeviceCommand, ForeignDevice

__all__ = ["DeviceCommand", "ForeignDevice"]
