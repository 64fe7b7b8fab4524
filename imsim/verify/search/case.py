"""A case: scenario, seed and deviations, as a value and as one small file that people read.

The file is a model file with a few keys before it, so that whoever knows models can read and change it:

    case.breaks = "no loss"
    case.seed = 1000017
    case.deviations = [
      "drop the 2nd push of alice-3 to bob/phone",
    ]

Reading one never imports or unpickles anything: a case from a stranger is harmless.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.errors import ConfigError, nearest
from imsim.scenario import Scenario
from imsim.scenario.files import read_text
from imsim.scenario.load import from_table
from imsim.scenario.text import inline
from imsim.sim.deviations import Deviation, parse

if TYPE_CHECKING:
    import os

__all__ = ["Case"]

_KEYS: Final = ("breaks", "seed", "deviations")
_DIGEST: Final = 4
"""Bytes of the digest in a file's name."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One run that can be had again, exactly.

    Attributes:
        scenario: what is asked.
        seed: answers every decision that no deviation answers.
        deviations: what is done instead, and where.
        breaks: the promise that this case breaks, in the verdict's words; empty if none is known.
    """

    scenario: Scenario
    seed: int
    deviations: tuple[Deviation, ...] = ()
    breaks: str = ""

    def to_toml(self) -> str:
        """The text of its file; `from_toml` gives an equal case."""
        lines = [
            f"case.breaks = {inline(self.breaks)}",
            f"case.seed = {self.seed}",
            "case.deviations = [",
            *(f"  {inline(str(deviation))}," for deviation in self.deviations),
            "]",
        ]
        return "\n".join(lines) + "\n\n" + self.scenario.to_toml()

    @staticmethod
    def from_toml(content: str, *, source: str = "<text>", base: Path | None = None) -> Case:
        """The case in the text of a file; paths in it are relative to `base`, by default the working directory.

        Raises:
            ConfigError: it is none; the message names `source` and the key.
        """
        try:
            table = tomllib.loads(content)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError(f"{source}: not TOML: {error}") from error
        own = table.pop("case", None)
        if not isinstance(own, dict):
            raise ConfigError(f"{source}: case: missing; this is no case, which has case.seed and case.deviations")
        for key in own:
            if key not in _KEYS:
                raise ConfigError(f"{source}: case.{key}: unknown key{nearest(key, _KEYS)}")
        seed, breaks = _seed(own.get("seed"), source), _breaks(own.get("breaks", ""), source)
        deviations = tuple(_deviations(own.get("deviations", []), source))
        scenario = from_table(table, source=source, base=base or Path.cwd())
        return Case(scenario=scenario, seed=seed, deviations=deviations, breaks=breaks)

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Case:
        """The case in a file.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        file = Path(path)
        return Case.from_toml(read_text(file), source=str(file), base=file.absolute().parent)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write its file, whole or not at all.

        Raises:
            ConfigError: it cannot be written there.
        """
        file = Path(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=file.parent, prefix=file.name, suffix=".tmp", delete=False
            ) as part:
                part.write(self.to_toml())
            Path(part.name).replace(file)
        except OSError as error:
            raise ConfigError(f"{file}: cannot be written: {error.strerror or error}") from error

    @property
    def file_name(self) -> str:
        """A name for its file: the model, the promise, and a digest that tells cases apart."""
        digest = hashlib.blake2b(self.to_toml().encode(), digest_size=_DIGEST).hexdigest()
        words = re.sub(r"[^a-z0-9]+", "-", f"{self.scenario.name or 'case'} {self.breaks}".lower()).strip("-")
        return f"{words}-{digest}.toml"

    def __str__(self) -> str:
        """What is done, line by line."""
        return "\n".join(map(str, self.deviations)) or f"nothing but seed {self.seed}"


def _seed(value: Any, source: str) -> int:  # noqa: ANN401 (whatever the file holds)
    if type(value) is not int or value < 0:
        raise ConfigError(f"{source}: case.seed: expected an integer >= 0, got {value!r}")
    return value


def _breaks(value: Any, source: str) -> str:  # noqa: ANN401 (as above)
    if not isinstance(value, str):
        raise ConfigError(f"{source}: case.breaks: expected the name of a promise, got {value!r}")
    return value


def _deviations(value: Any, source: str) -> list[Deviation]:  # noqa: ANN401 (as above)
    if not isinstance(value, list):
        raise ConfigError(f"{source}: case.deviations: expected a list of sentences, got {value!r}")
    found = []
    for place, text in enumerate(value):
        if not isinstance(text, str):
            raise ConfigError(f"{source}: case.deviations[{place}]: expected a sentence, got {text!r}")
        try:
            found.append(parse(text))
        except ConfigError as error:
            raise ConfigError(f"{source}: case.deviations[{place}]: {error}") from error
    return found
