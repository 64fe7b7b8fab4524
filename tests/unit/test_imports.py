"""What an import costs is what it loads: asked in a fresh interpreter, for this one has loaded everything already."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys

import pytest

import imsim

HEAVY = {"hypothesis", "matplotlib", "numpy", "pandas", "pyarrow"}
WORLDS = {"asyncio", "networkx", "simpy", "sqlite3", "threading", "websockets"}

WHOLE_PROTOCOL = """
import importlib, pkgutil
import imsim.protocol as protocol
for module in pkgutil.walk_packages(protocol.__path__, "imsim.protocol."):
    importlib.import_module(module.name)
"""


def loaded_by(code: str) -> set[str]:
    """Names of all modules in an interpreter that has run `code`, beyond those of an idle one."""
    report = "import json, sys\n{}\nprint(json.dumps(sorted(sys.modules)))"
    runs = [
        subprocess.run([sys.executable, "-c", report.format(each)], check=True, capture_output=True, text=True)
        for each in ("", code)
    ]
    idle, busy = (set(json.loads(run.stdout)) for run in runs)
    return busy - idle


def test_the_package_loads_nothing_heavy_and_no_world() -> None:
    loaded = loaded_by("import imsim")

    assert "imsim" in loaded
    assert not loaded & (HEAVY | WORLDS)


def test_the_whole_protocol_loads_nothing_heavy_and_no_world() -> None:
    loaded = loaded_by(WHOLE_PROTOCOL)

    assert {"imsim.protocol.frames", "imsim.protocol.device"} <= loaded
    assert not loaded & (HEAVY | WORLDS)


def test_the_pytest_plugin_that_everybody_loads_is_light() -> None:
    loaded = loaded_by("import pytest\nimport imsim.pytest_plugin")

    assert not loaded & (HEAVY | {"simpy", "networkx", "websockets", "msgspec"})


@pytest.mark.parametrize("name", ["asyncio", "numpy"])
def test_a_forbidden_module_is_noticed(name: str) -> None:
    assert name in loaded_by(f"import imsim, {name}")


def test_a_public_name_comes_from_its_module_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(imsim._HOME, "dumps", "json")
    try:
        assert imsim.dumps is json.dumps
        assert vars(imsim)["dumps"] is json.dumps
    finally:
        vars(imsim).pop("dumps", None)


def test_an_unknown_name_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="module 'imsim' has no attribute 'simulat'"):
        _ = imsim.simulat


def test_dir_lists_what_is_not_loaded_yet() -> None:
    assert set(imsim.__all__) <= set(dir(imsim))


def test_type_checkers_and_the_interpreter_find_the_same_names_in_the_same_modules() -> None:
    typed = {
        alias.name: node.module
        for node in ast.walk(ast.parse(inspect.getsource(imsim)))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("imsim.")
        for alias in node.names
    }

    assert typed == imsim._HOME
    assert {*typed, "__version__"} == set(imsim.__all__)
