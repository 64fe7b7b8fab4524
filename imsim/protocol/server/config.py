"""How a server behaves: one frozen value, shared by all servers of a deployment.

Every time-out of a port stands here, because time-outs are arguments of port calls; and every bound that keeps one busy
conversation, one silent install or one unreachable backend from costing more than it should. How pushes are
repeated is a policy of its own (retry.py) and is given beside this.
"""

from __future__ import annotations

import msgspec

__all__ = ["ServerConfig"]


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a server behaves; durations in seconds.

    Attributes:
        log_timeout, kv_timeout, queue_timeout, locks_timeout, peers_timeout: how long one call of that port may take.
        patience: tries of one call of the log, the key-value store or the locks before its handler gives up.
        rounds: slots that one handler tries before it stops without an answer.
        lease: how long the ownership of a conversation lasts without being renewed.
        mailbox: sends of one conversation that may wait; the next one is answered `LATER`.
        retry_after: what `LATER` tells the device to wait.
        repair_pause: the first pause before a failed commit, announcement or publication is tried again; it doubles up
            to `lease`.
        claim_retention: an install silent for longer than this loses its claims.
        floor_stride: how far an install's floor lies behind what is resolved before it is raised.
        reoffer_window: how long after a failover senders may offer lost entries again.
        tail_memory: how long it is remembered whose entry a slot of an asynchronous log holds; more than a replica
            is ever behind and `reoffer_window` together.
        retain_entries: committed entries of a conversation that are kept (None: all).
        retain_seconds: how long a committed entry is kept at least (None: for ever).
        sweep: how often a server looks after what nobody touches: logs to trim, installs that are silent.
        content: bytes of one content.
        read_fan_out_from: members from which on a group is read by its devices instead of written to them.
        offline_cap: entries of one conversation that are kept for devices that are away.
        page, page_bytes: entries of one page, and bytes of their contents unless a single one has more.
        window: pushed entries in flight to one session.
        timer_tick: how often a server looks at its timers.
        resume_window: how long the state of a closed session is kept.
        ping: seconds between pings of a quiet connection.
        presence: whether users are told who is there.
    """

    log_timeout: float = 2.0
    kv_timeout: float = 2.0
    queue_timeout: float = 2.0
    locks_timeout: float = 2.0
    peers_timeout: float = 5.0
    patience: int = 3
    rounds: int = 16
    lease: float = 10.0
    mailbox: int = 256
    retry_after: float = 1.0
    repair_pause: float = 0.5
    claim_retention: float = 30 * 86400.0
    floor_stride: int = 64
    reoffer_window: float = 120.0
    tail_memory: float = 86400.0
    retain_entries: int | None = None
    retain_seconds: float | None = None
    sweep: float = 60.0
    content: int = 65536
    read_fan_out_from: int = 100
    offline_cap: int = 10_000
    page: int = 100
    page_bytes: int = 1 << 18
    window: int = 64
    timer_tick: float = 0.05
    resume_window: float = 60.0
    ping: float = 25.0
    presence: bool = True
