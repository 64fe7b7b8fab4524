"""The command line: what a user gets wrong is one plain line, and what a run leaves behind can be read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imsim import __version__, cli
from imsim.errors import AlgorithmError, InternalError
from imsim.history import History
from imsim.protocol.inbox import Inbox

TRACED = 'duration = "10s"\n[traffic]\nkind = "trace"\ntrace = "chats.txt"\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(imsim):
    """Run the command with a mistake in it: the one line that it says."""

    def call(*arguments):
        code, _, err = imsim(*arguments)
        assert code == 2
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert err.startswith("imsim: ")
        assert not list(Path().glob(".*")), "a draft was left behind"
        return err.removeprefix("imsim: ").rstrip("\n")

    return call


def model(text, name="mine.toml"):
    Path(name).write_text(text, encoding="utf-8")
    return name


# ------------------------------------------------------------------------------------------ wrong values


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("network.loss=high", "network.loss: expected a number >= 0, got 'high'"),
        ("network.loss=-1", "network.loss: expected a number >= 0, got -1"),
        ("network.loss=1.5", "network.loss: expected a number <= 1, got 1.5"),
        ("network.loss=1", "network.loss: expected a number < 1 on a stream, which would stall for ever, got 1"),
        ("network.loss=nan", "network.loss: expected a number >= 0, got nan"),
        ("network.loss=1e999", "network.loss: expected a number >= 0, got inf"),
        ("network.los=0.1", "network.los: unknown key (did you mean 'loss'?)"),
        ("netwrok.loss=0.1", "netwrok: unknown key (did you mean 'network'?)"),
        ("network.profile=5h", "network.profile: no such network profile: '5h'"),
        ("network.trace=nowhere", "network.trace: no such file"),
        ("duration=-5s", "duration: expected a duration"),
        ("duration=1e300", "duration: expected a duration"),
        ("duration=soon", "duration: expected a duration"),
        ("devices.count=2.5", "devices.count: expected an integer >= 1, got 2.5"),
        ("devices.count=0", "devices.count: expected an integer >= 1, got 0"),
        ("devices.count=99999999999", "devices.count: expected an integer <= 10000000, got 99999999999"),
        ("devices=3", "devices: expected a table"),
        ("sync.strategy=pushh", "sync.strategy: expected push, poll, long_poll, hybrid or adaptive, got 'pushh'"),
        ("faults.events.9.at=1s", "faults.events.9: expected an index below 3"),
        ("preset=nobody", "no such preset"),
        ("loss", "expected KEY=VALUE"),
        ("=1", "expected KEY=VALUE"),
        ("lo\nss", "--set lo\\nss: expected KEY=VALUE"),
    ],
)
def test_an_override_that_is_wrong_is_told_with_its_key(refused, override, said):
    line = refused("run", "tiny", "--set", override)
    assert said in line
    assert line.startswith("--set ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the model is empty"),
        ("# nothing yet\n", "the model is empty"),
        ("a = [", "not TOML"),
        ("durration = 3\n", "durration: unknown key (did you mean 'duration'?)"),
        ('[devices]\ncount = "x\\ny"\n', "devices.count: expected an integer"),
        ('"a\\nb" = 3\n', "a\\nb: unknown key"),
        ("[network]\nloss = -0.5\n", "network.loss: expected a number >= 0, got -0.5"),
        ('[sync]\nstrategy = "telepathy"\n', "sync.strategy: expected push"),
        (TRACED, "traffic.trace: no such file"),
    ],
)
def test_a_model_that_is_wrong_is_told_with_its_file(refused, text, said):
    line = refused("run", model(text))
    assert line.startswith("mine.toml: ")
    assert said in line


def test_a_model_that_is_no_text_is_refused(refused):
    Path("noise.toml").write_bytes(b"\xff\xfe\x00")
    assert refused("run", "noise.toml").startswith("noise.toml: cannot be read")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "'': no such file, and no shipped model of that name; shipped are bench, campus"),
        ("folder", "folder: expected a model file, got a directory"),
        (".", ".: expected a model file, got a directory"),
        ("/dev/null", "/dev/null: the model is empty"),
        ("naïve☃", "naïve☃: no such file, and no shipped model of that name"),
    ],
)
def test_what_is_no_model_is_told(refused, given, said):
    Path("folder").mkdir()
    assert refused("run", given).startswith(said)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("without=nobody", "without: no such message, device, user or conversation: 'nobody'"),
        ("traffic.steps.1.to=nowhere", "traffic.steps[1].to: no such conversation or user: 'nowhere'"),
        ("traffic.steps.1.device=pc", "traffic.steps[1].device: bob has no pc, only phone"),
        ("traffic.steps.3.target=zzz", "traffic.steps[3].target: no such message before: 'zzz'"),
    ],
)
def test_what_only_the_run_can_find_is_told_with_the_model(refused, override, said):
    assert refused("run", "tiny", "--set", override) == f"tiny: {said}"


def test_a_live_run_names_the_model_too(refused):
    assert refused("run", "bench", "--live") == "bench: --live: traffic.kind: expected list, got gaps"


def test_a_model_that_is_not_there_names_the_nearest(refused):
    assert "tinny: no such file" in (line := refused("run", "tinny"))
    assert "did you mean 'tiny'?" in line


# ------------------------------------------------------------------------------------------ traces


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a b 1\nfoo\n", "chats.txt:2: expected 'src dst unix-time', got 'foo'"),
        (b"a b 1\na b -7\n", "chats.txt:2: expected 'src dst unix-time', got 'a b -7'"),
        (b"a b 1\na b nan\n", "chats.txt:2: expected 'src dst unix-time', got 'a b nan'"),
        (b"", "chats.txt: no messages in it"),
        (b"a a 1\n", "chats.txt: no messages in it"),
        (b"\xff\xfe", "chats.txt: cannot be read"),
    ],
)
def test_a_malformed_message_trace_is_told_with_its_line(refused, content, said):
    Path("chats.txt").write_bytes(content)
    assert said in (line := refused("run", model(TRACED)))
    assert line.startswith("mine.toml: traffic.trace: ")
    assert said in refused("import", "chats.txt", "-o", "chats.parquet")
    assert not Path("chats.parquet").exists()


def test_what_is_no_parquet_is_refused(refused):
    Path("chats.parquet").write_bytes(b"x")
    assert "chats.parquet: cannot be read as Parquet" in refused("run", model(TRACED.replace(".txt", ".parquet")))


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ": expected at least one millisecond, and the last one above 0"),
        ("0\n", ": expected at least one millisecond, and the last one above 0"),
        ("1\nfoo\n", ": line 2: expected a whole number of milliseconds, got 'foo'"),
        ("5\n-3\n", ": line 2: expected a whole number of milliseconds, got '-3'"),
        ("5\n3\n", ": line 2: expected a millisecond >= 5, the one before, got 3"),
    ],
)
def test_a_malformed_cellular_trace_is_told_with_its_line(refused, direction, content, said):
    for name in ("up", "down"):
        Path(f"cell.{name}").write_text("1\n5\n", encoding="utf-8")
    Path(f"cell.{direction}").write_text(content, encoding="utf-8")
    line = refused("run", "tiny", "--set", "network.trace=cell")
    assert line.startswith("tiny: network.trace: ")
    assert f"cell.{direction}{said}" in line


def test_half_of_a_cellular_trace_is_told(refused):
    Path("cell.up").write_text("1\n5\n", encoding="utf-8")
    line = refused("run", "tiny", "--set", "network.trace=cell")
    assert "network.trace: no such file" in line
    assert "cell.down" in line


# ------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "MODEL is missing"),
        (["run", "tiny", "extra"], "extra"),
        (["run", "tiny", "--nope"], "--nope"),
        (["run", "tiny", "--seed", "first"], "--seed"),
        (["run", "tiny", "--seed"], "--seed"),
        (["run", "tiny", "--seed", "-1"], "--seed: expected an integer >= 0, got -1"),
        (["new", "/etc/hostname"], "/etc/hostname: no shipped model of that name"),
        (["new", ""], "'': no shipped model of that name"),
        (["rum", "tiny"], "rum"),
        (["new", "nothing"], "nothing: no shipped model of that name"),
        (["import", "chats.txt"], "--output is missing"),
        (["import", "chats.txt", "-o", "x.parquet"], "chats.txt: cannot be read: No such file or directory"),
        (["import", ".", "-o", "x.parquet"], ".: cannot be read: Is a directory"),
        (["import", "chats.txt", "-o", "x.parquet", "--format", "csv"], "--format: expected edges, got 'csv'"),
        (["serve", "--store", "redis://x"], "--store redis://x: expected sqlite:///FILE"),
        (["serve", "--listen", "here"], "--listen here: expected an address and a port"),
        (["serve", "--listen", "0.0.0.0:1"], "--listen 0.0.0.0:1: only loopback"),
    ],
)
def test_a_command_that_is_wrong_is_told(refused, arguments, said):
    assert said in refused(*arguments)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nowhere/facts.jsonl", "cannot be written: No such file or directory"),
        ("facts.csv", "expected a file that ends in .jsonl or .parquet"),
        ("facts", "expected a file that ends in .jsonl or .parquet"),
        ("folder.jsonl", "cannot be written: it is a directory"),
    ],
)
def test_a_history_that_cannot_be_written_is_told_before_the_run(refused, monkeypatch, file, said):
    def never(*_, **__):
        pytest.fail("it ran")

    monkeypatch.setattr("imsim.study.run.simulate", never)
    Path("folder.jsonl").mkdir()
    assert refused("run", "tiny", "--history", file) == f"--history {file}: {said}"
    assert [path.name for path in Path().iterdir()] == ["folder.jsonl"]


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nowhere/report.md", "cannot be written: No such file or directory"),
        ("report.jsn", "expected a file that ends in .xml, .json or .md (did you mean '.json'?)"),
    ],
)
def test_a_report_that_cannot_be_written_is_told_before_the_work(refused, command, file, said):
    assert refused(command, "tiny", "--report", file) == f"--report {file}: {said}"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("ending", "begin"), [("xml", "<?xml"), ("json", "{"), ("md", "# imsim run tiny: holds")])
def test_a_report_is_written_beside_what_is_shown(imsim, ending, begin):
    code, out, _ = imsim("run", "tiny", "--report", f"report.{ending}")
    assert (code, "holds: " in out) == (0, True)
    assert Path(f"report.{ending}").read_text().startswith(begin)
    assert [path.name for path in Path().iterdir()] == [f"report.{ending}"]


def test_a_search_writes_its_report_too(imsim):
    code, _, _ = imsim("check", "tiny", "--runs", "2", "--jobs", "1", "--report", "report.json")
    found = json.loads(Path("report.json").read_text())
    assert (found["title"], found["verdict"]) == ("imsim check tiny", {0: "holds", 3: "unknown"}[code])


# ------------------------------------------------------------------------------------------ a run


def test_json_is_one_object_on_one_line(imsim):
    code, out, err = imsim("run", "tiny", "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    found = json.loads(out)
    assert found.keys() >= {
        "delivered", "expected", "lost", "duplicates_shown", "duplicates_suppressed", "retries", "latency_ms",
        "events", "wall_s", "verdict_s", "peak_rss_mb", "history_sha256", "verdict",
    }  # fmt: skip
    assert found["latency_ms"].keys() == {"p50", "p95", "p99"}
    assert (found["verdict"], found["delivered"], found["expected"], found["lost"]) == ("holds", 18, 18, 0)


def test_a_run_shows_its_seed_its_figures_and_its_verdict(imsim):
    code, out, err = imsim("run", "tiny", "--seed", "7")
    assert (code, err) == (0, "")
    first, *_ = out.splitlines()
    assert first == "seed 7"
    assert "18 of 18" in out
    assert "holds: " in out


def test_a_broken_promise_exits_with_1_and_shows_the_facts_that_prove_it(imsim, monkeypatch):
    monkeypatch.setattr(Inbox, "knows", lambda *_: False)
    code, out, err = imsim("run", "tiny")
    assert (code, err) == (1, "")
    assert "violated: " in out
    assert "shown" in out
    code, out, _ = imsim("run", "tiny", "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "violated")


def test_what_cannot_be_decided_exits_with_3(imsim):
    code, out, _ = imsim("run", "tiny", "--set", "network.loss=0.9", "--set", "settle=2s", "--json")
    assert (code, json.loads(out)["verdict"]) == (3, "unknown")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_history_reads_back_with_the_digest_that_was_printed(imsim, ending):
    code, out, _ = imsim("run", "tiny", "--json", "--history", f"facts.{ending}")
    assert code == 0
    assert History.read(f"facts.{ending}").sha256 == json.loads(out)["history_sha256"]
    assert [path.name for path in Path().iterdir()] == [f"facts.{ending}"]


def test_the_seed_decides_what_happens(imsim):
    digests = [json.loads(imsim("run", "tiny", "--json", "--seed", seed)[1])["history_sha256"] for seed in "778"]
    assert digests[0] == digests[1] != digests[2]


def test_an_overriding_value_is_toml_or_else_text(imsim):
    typed = imsim("run", "tiny", "--json", "--set", 'sync.strategy="poll"', "--set", 'sync.interval="5s"')
    plain = imsim("run", "tiny", "--json", "--set", "sync.strategy=poll", "--set", "sync.interval=5s")
    digests = {json.loads(out)["history_sha256"] for _, out, _ in (typed, plain)}
    assert len(digests) == 1
    assert digests != {json.loads(imsim("run", "tiny", "--json")[1])["history_sha256"]}
    code, out, _ = imsim("run", "tiny", "--json", "--set", 'without=["alice-3"]')
    assert (code, json.loads(out)["messages"]) == (0, 5)


def test_two_processes_do_the_same_whatever_strings_hash_to():
    def outcome(hash_seed):
        done = subprocess.run(
            [sys.executable, "-m", "imsim.cli", "run", "tiny", "--json", "--seed", "3"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert not done.stderr
        measured = {"wall_s", "verdict_s", "peak_rss_mb"}
        return {key: value for key, value in json.loads(done.stdout).items() if key not in measured}

    assert outcome("1") == outcome("4242")


# ------------------------------------------------------------------------------------------ when it goes wrong


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "imsim: interrupted\n"),
        (RuntimeError("oops"), 70, "RuntimeError: oops\nimsim: this is a bug of imsim's own"),
        (InternalError("oops"), 70, "InternalError: oops\nimsim: this is a bug of imsim's own"),
        (AlgorithmError("oops"), 1, "imsim: oops\n"),
    ],
)
def test_a_run_that_breaks_off_says_so_by_its_exit_code(imsim, monkeypatch, raised, code, said):
    def broken(*_, **__):
        raise raised

    monkeypatch.setattr("imsim.study.run.simulate", broken)
    found, out, err = imsim("run", "tiny", "--json", "--history", "facts.jsonl")
    assert (found, out) == (code, "")
    assert err.endswith(said) if code != 70 else said in err
    assert ("Traceback" in err) == (code == 70)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_standard_stream_may_be_closed(closed):
    command = f"{sys.executable} -m imsim.cli run tiny {closed}"
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("holds: " in done.stdout) == (closed == "2>&-")


def test_an_algorithm_that_raises_is_shown_with_the_place_where_it_did(imsim, monkeypatch):
    def broken(*_, **__):
        raise AlgorithmError("a task raised") from ZeroDivisionError("in mine.py")

    monkeypatch.setattr("imsim.study.run.simulate", broken)
    assert imsim("run", "tiny") == (1, "seed 1\n", "ZeroDivisionError: in mine.py\nimsim: a task raised\n")


# ------------------------------------------------------------------------------------------ the other commands


def test_a_copied_model_runs_and_is_never_overwritten(imsim, refused):
    assert imsim("new", "tiny", "mine.toml") == (0, "mine.toml\n", "")
    code, out, _ = imsim("run", "mine.toml", "--json")
    assert (code, json.loads(out)["scenario"]) == (0, "mine")
    assert refused("new", "tiny", "mine.toml") == "mine.toml: is there already"
    assert "cannot be written" in refused("new", "tiny", "nowhere/mine.toml")
    assert imsim("new", "tiny") == (0, "tiny.toml\n", "")


def test_an_imported_trace_runs_like_its_text(imsim, refused):
    Path("chats.txt").write_text("1 2 100\n2 1 103\n2 2 104\n1 3 107\n", encoding="utf-8")
    code, out, err = imsim("import", "chats.txt", "-o", "chats.parquet")
    assert (code, err) == (0, "")
    assert out == "chats.parquet: 3 messages of 3 users, over 7 s\nleft out, as they went to oneself: 1\n"
    digests = [
        json.loads(imsim("run", model(TRACED.replace(".txt", ending)), "--json")[1])["history_sha256"]
        for ending in (".txt", ".parquet")
    ]
    assert digests[0] == digests[1]
    assert "cannot be written" in refused("import", "chats.txt", "-o", "nowhere/chats.parquet")


def test_the_shipped_models_are_listed(imsim):
    code, out, err = imsim("models")
    assert (code, err) == (0, "")
    names = [line.split()[0] for line in out.splitlines()]
    assert names == sorted(names)
    assert {"tiny", "enterprise", "campus"} <= set(names)


def test_the_schema_is_json_and_knows_the_sections(imsim):
    code, out, err = imsim("schema")
    assert (code, err) == (0, "")
    assert "network" in json.dumps(json.loads(out))


def test_the_version_and_the_help_are_there(imsim):
    assert imsim("--version")[:2] == (0, f"{__version__}\n")
    code, out, _ = imsim("run", "--help")
    assert code == 0
    assert "--history" in out
