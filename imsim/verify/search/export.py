"""A case as a pytest function that stands on its own: paste it into a test file, and it guards against the bug."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imsim.verify.search.case import Case

__all__ = ["to_pytest"]


def to_pytest(
    case: Case,
    *,
    device: str | None = None,
    command: str | None = None,
    limit: str | None = None,
    flaw: str | None = None,
) -> str:
    """The text of a module with one test, which fails as long as the case breaks its promise.

    Args:
        case: what the test runs.
        device: `module:Class` of what runs on every device; None for imsim's own.
        command: the program that runs on every device instead (`imsim.DeviceCommand`).
        limit: how long that may take to answer a line, such as `"20s"`; None for what is usual.
        flaw: the bug of the zoo that is planted meanwhile; None for none.
    """
    name = re.sub(r"[^a-z0-9]+", "_", f"{case.breaks or 'case'} {case.scenario.name}".lower()).strip("_")
    story = "; ".join(map(str, case.deviations)) or f"seed {case.seed} alone"
    module, _, kind = (device or "").partition(":")
    own = f", device={kind}" if device else f", device={_program(command, limit)}" if command else ""
    imports = [f"from {module} import {kind}"] if device else []
    imports += ["from imsim.verify.zoo import flaw"] if flaw else []
    own += f', swaps=flaw("{flaw}").swaps' if flaw else ""
    lines = [
        "import imsim",
        *imports,
        "",
        f"CASE = {_quoted(case.to_toml())}",
        "",
        "",
        f"def test_{name}():",
        f"    {_docstring(story)}",
        f"    imsim.replay(imsim.Case.from_toml(CASE){own}).assert_ok()",
    ]
    return "\n".join(lines) + "\n"


def _program(command: str, limit: str | None) -> str:
    """What starts the program."""
    granted = "" if limit is None else f", limit={_literal(limit)}"
    return f"imsim.DeviceCommand({_literal(command)}{granted})"


def _quoted(text: str) -> str:
    """The text as a literal over several lines."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""\\\n{escaped}"""'


def _literal(text: str) -> str:
    """The text as a literal on one line."""
    return json.dumps(text, ensure_ascii=False)


def _docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped[:1].upper()}{escaped[1:]}."""'
