"""Linearizability: does an order of the operations, each at one moment from its call to its return, explain it all?

    operations ─▶ parts by key ─▶ levels ─▶ depth-first ┐
                                      └──▶ frontier ────┴▶ an order, re-checked · what cannot be placed · unknown

Linearizability is Herlihy's and Wing's (1990), and deciding it is NP-complete (Gibbons and Korach, 1997): a checker
that answers always must sometimes say *unknown*, and this one says so when its budget is spent. What makes most
histories quick is known: place an operation as late as possible (Lowe, 2017), remember where one has been (the memo of
Wing, Gong and Lowe), part the history by key (Horn and Kroening, 2015), and let two orders of search compete (Knossos).
Three prunings are added: of operations that nobody can tell apart only the first is placed; what overwrites hides what
else does, at no cost; and whoever used up fewer of the operations that need no place is as good as those who used more.

    operation.py   what is judged                        levels.py        a part, made ready for search
    model.py       what an object may do                 depth_first.py   one path as far as it goes
    models.py      the models that come with imsim       frontier.py      all paths, side by side
    steps.py       a model's steps, remembered           part.py          both, in turn
    seen.py        what is worth placing early           check.py         all parts under one budget
    recheck.py     is a claimed order an order?          obstacle.py      why there is none
    choice.py      which model judges                    shrink.py        what of a violation matters

What does not belong here: files (verify/formats/), and several keys at once (verify/transactions/).
"""

from __future__ import annotations

from imsim.verify.linear.check import Linearity, check_linearizable
from imsim.verify.linear.model import adopted
from imsim.verify.linear.operation import Operation

__all__ = ["Linearity", "Operation", "adopted", "check_linearizable"]
