"""The server: gateway, sequencer, log, offline store, delivery and presence.

Ordinary `async def` code whose only vocabulary of concurrency is the Runtime port; asyncio runs it in production and
the simulator's kernel in a simulated world. Concrete stores, queues and sockets do not belong here but into
imsim/adapters/, and the part of a server that only services need (idempotency, locks, ...) into services/.
"""
