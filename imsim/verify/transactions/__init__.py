"""Transactions on lists: which consistency do they rule out? A conversation is a list, so this is messaging itself.

    transactions ─▶ observed.py ─▶ version orders ─▶ edges.py ─▶ graph ─▶ components.py ─▶ cycles.py ─▶ names

An append is a send, and a read is what a device shows. Because values are different, one read fixes the order of all
that it shows, and dependencies follow: who wrote after whom (ww), who read whom (wr), and who did not see whom (rw).
A cycle of dependencies is an anomaly, and its kinds have names (Adya, 1999); edges of a session and of real time make
more of them. The method is Elle's (Kingsbury and Alvaro, 2020). Everything up to the components is linear in what was
read, on integer arrays; only inside a component are paths searched.

    transaction.py  what is judged                       components.py  strongly connected components, in linear time
    observed.py     version orders; what needs no graph  cycles.py      the cycles of a component, by kind
    edges.py        dependencies, sessions, real time    anomalies.py   names, what they rule out, messaging terms
    check.py        all of it, and the sentences

What does not belong here: single objects with other operations (verify/linear/).
"""

from __future__ import annotations

from imsim.verify.transactions.check import Consistency, check_transactions
from imsim.verify.transactions.transaction import Append, Read, Transaction

__all__ = ["Append", "Consistency", "Read", "Transaction", "check_transactions"]
