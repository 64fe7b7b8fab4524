"""What people type: `imsim run | check | replay | export | zoo | verify | models | new | schema | import | serve | …`.

    arguments ─▶ commands.py, search.py, verify.py, zoo.py ─▶ the library ─▶ screen.py ─▶ exit code
                      └────────────── whatever goes wrong ──▶ exits.py ──────┘

A command reads its input, calls the library, and lays out what comes back; nothing is computed here. A user's mistake
is one plain line on standard error that names the file and the key, and never a traceback.
"""

from __future__ import annotations

from imsim.cli import commands, search, verify, zoo
from imsim.cli.exits import Exit, main
from imsim.cli.options import app

__all__ = ["Exit", "app", "commands", "main", "search", "verify", "zoo"]
