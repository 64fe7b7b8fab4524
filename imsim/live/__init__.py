"""The real world: servers and devices as processes on this machine, which a supervisor starts and kills.

It drives the objects of imsim/protocol/ through the ports of imsim/adapters/ and writes the same History as the
simulated world, which it does not know. How one technology is spoken to belongs into imsim/adapters/.
"""
