"""The real algorithms of instant messaging, the same objects in a simulation and in production.

Everything here is either sans-IO (device, session, strategies, retry: values in, effects out) or `async def` on the
small interfaces of imsim/ports.py (server, services). No clock, no socket, no disk, no thread and no randomness of its
own: these are handed in. Code that knows in which world it runs belongs into imsim/sim/ or imsim/live/.
"""
