"""Which model judges a history: the one that was asked for, the one that its format means, or the only one that fits.

Code comes from the command line alone: `--model my_models.py:TICKETS` imports that file, and no history ever does.
What does not belong here: the models.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import ConfigError
from imsim.verify.linear.model import Model, adopted
from imsim.verify.linear.models import MODELS, model_named

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["chosen", "fitting", "starting"]


def chosen(name: str) -> Model:
    """The model of that name, or a user's own, named as FILE.py:NAME or package.module:NAME.

    Raises:
        ConfigError: there is none, or it is no model.
    """
    home, colon, attribute = name.rpartition(":")
    if not colon:
        return model_named(name)
    module = _module(home, name)
    if not hasattr(module, attribute):
        raise ConfigError(f"--model {name}: {home} has no {attribute}")
    return adopted(getattr(module, attribute), f"--model {name}")


def _module(home: str, name: str) -> Any:  # noqa: ANN401 (a module)
    try:
        if not home.endswith(".py"):
            return importlib.import_module(home)
        spec = importlib.util.spec_from_file_location(Path(home).stem, home)
        if spec is None or spec.loader is None:
            return importlib.import_module(home)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look for their own module
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f"--model {name}: cannot be imported: {type(error).__name__}: {error}") from error
    return module


def fitting(words: Iterable[str], where: str) -> Model:
    """The one model that has all these operations; a register, where all that a cas-register has more is not used.

    Raises:
        ConfigError: none or several fit, so that one has to be named.
    """
    used = set(words)
    fits = [model for model in MODELS.values() if used <= set(model.functions)]
    if MODELS["register"] in fits:
        fits.remove(MODELS["cas-register"])
    if len(fits) != 1 or not used:
        which = " and ".join(model.name for model in fits) if fits else "no model"
        listed = ", ".join(sorted(used)) or "nothing"
        raise ConfigError(f"{where}: it calls {listed}, which {which} can judge; name one with --model")
    return fits[0]


def starting(model: Model, given: str) -> Model:
    """The model with the first state that `--initial` gives: JSON, or else text; `nil` is null.

    Raises:
        ConfigError: a value of another kind than the model's states.
    """
    value = _value(given)
    kind = type(model.init)
    if isinstance(model.init, (frozenset, tuple)):
        if not isinstance(value, list):
            raise ConfigError(f"--initial {given}: {model.name} begins with a list, such as [1, 2]")
        value = kind(_frozen(value))
    elif model.init is not None and model.name in MODELS and type(value) is not kind:
        raise ConfigError(f"--initial {given}: {model.name} begins with {_NOUNS[kind]}")
    return model.starting(_frozen(value))


_NOUNS = {int: "an integer", bool: "true or false"}


def _value(given: str) -> Any:  # noqa: ANN401 (a user's own)
    try:
        return msgspec.json.decode(given.encode())
    except msgspec.DecodeError:
        return None if given == "nil" else given


def _frozen(value: Any) -> Any:  # noqa: ANN401 (a user's own)
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
