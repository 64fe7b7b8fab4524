"""The models that come with imsim: where they are, what they are called, how to take a copy.

An installed wheel carries them inside the package; in a checkout they lie in the repository's `models/`, where a
newcomer looks for them. Network profiles are in `networks/`, constants of real systems in `presets/`.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import msgspec

from imsim.errors import ConfigError, nearest

__all__ = ["Listing", "copy_model", "find", "library", "models", "names"]


class Listing(msgspec.Struct, frozen=True):
    """One shipped model: its name and the first line of its comment."""

    name: str
    about: str


@cache
def library() -> Path:
    """The directory of the shipped models."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def names(folder: str = "") -> list[str]:
    """The names in the library, or in one of its folders (`networks`, `presets`)."""
    return sorted(path.stem for path in (library() / folder).glob("*.toml"))


def models() -> list[Listing]:
    """The shipped models, by name."""
    return [Listing(name, _about(library() / f"{name}.toml")) for name in names()]


def find(model: str | os.PathLike[str]) -> Path:
    """The file of a model: a path, or the name of a shipped one.

    Raises:
        ConfigError: there is neither.
    """
    path = Path(model)
    if path.exists() and not path.is_dir():
        return path
    shipped = _shipped(model)
    if shipped is not None:
        return shipped
    if path.is_dir() and os.fspath(model):
        raise ConfigError(f"{model}: expected a model file, got a directory")
    raise _unknown(model, "no such file, and no shipped model of that name")


def _shipped(name: str | os.PathLike[str]) -> Path | None:
    path = Path(name)
    stem = path.name.removesuffix(".toml")
    return library() / f"{stem}.toml" if path.parent == Path() and stem in names() else None


def _unknown(name: str | os.PathLike[str], problem: str) -> ConfigError:
    known = names()
    hint = nearest(Path(name).stem, known)
    return ConfigError(f"{os.fspath(name) or repr('')}: {problem}{hint}; shipped are {', '.join(known)}")


def copy_model(name: str, target: str | os.PathLike[str]) -> Path:
    """Copy a shipped model to start one's own from; all or nothing, and never over an existing file.

    Args:
        name: the model's name.
        target: the new file, or a directory to put it into.

    Returns:
        The new file.

    Raises:
        ConfigError: there is no such model, or the target cannot be written.
    """
    source, to = _shipped(name), Path(target)
    if source is None:
        raise _unknown(name, "no shipped model of that name")
    to = to / source.name if to.is_dir() else to
    try:
        with tempfile.NamedTemporaryFile(dir=to.parent, prefix=f".{to.name}.", delete=False) as draft:
            draft.write(source.read_bytes())
        try:
            Path(draft.name).chmod(0o644)
            os.link(draft.name, to)  # unlike a rename, fails where the target exists
        finally:
            Path(draft.name).unlink()
    except FileExistsError:
        message = f"{to}: is there already"
        raise ConfigError(message) from None
    except OSError as error:
        message = f"{to}: cannot be written: {error.strerror or error}"
        raise ConfigError(message) from error
    return to


def _about(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next((line.lstrip("#").strip() for line in lines if line.startswith("#") and line.strip("# \n")), "")
