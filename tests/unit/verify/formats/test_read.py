"""A file is known by its first words, or it is not read."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.history import Event, History, Writer
from imsim.verify.formats.read import Format, format_named, read

LOG = "INFO  jepsen.util - 0\t:invoke\t:write\t1\n"
EDN = "{:process 0, :type :invoke, :f :write, :value 1}\n"
KV = '{:process 0, :type :invoke, :f :append, :key "k", :value "x"}\n'
FACT = '{"t":0.5,"node":"alice/phone","event":"submitted"}\n'


@pytest.fixture
def saved(tmp_path):
    def save(text, name="history"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return save


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (LOG, Format.JEPSEN_LOG),
        ("WARN jepsen.core - starting\n" + LOG, Format.JEPSEN_LOG),
        (EDN, Format.JEPSEN_EDN),
        ("; by hand\n\n[" + EDN + "]", Format.JEPSEN_EDN),
        ("(" + EDN + ")", Format.JEPSEN_EDN),
        ('{:process 0, :type :invoke, :f :write, :value ":key"}', Format.JEPSEN_EDN),
        (KV, Format.PORCUPINE_KV),
        ("[" + KV + "]", Format.PORCUPINE_KV),
        (FACT, Format.IMSIM_JSONL),
        ('{"format":"imsim-history/1"}\n' + FACT, Format.IMSIM_JSONL),
    ],
)
def test_a_format_is_told_by_the_first_words(saved, text, known):
    assert read(saved(text))[0] is known


def test_imsims_own_is_read_whatever_it_is_called(tmp_path):
    writer = Writer()
    writer.fact(0.5, "alice/phone", Event.SUBMITTED)
    history = writer.finish()
    for suffix, known in ((".jsonl", Format.IMSIM_JSONL), (".parquet", Format.IMSIM_PARQUET)):
        history.write(tmp_path / f"h{suffix}")
        path = (tmp_path / f"h{suffix}").rename(tmp_path / known.value)
        for asked in (None, known):
            found, facts = read(path, asked)
            assert found is known
            assert isinstance(facts, History)
            assert facts.sha256 == history.sha256


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[]", r"begins with '\[\]'"),
        ("hello", "begins with 'hello'"),
        ('{"a": 1}', "begins with"),
    ],
)
def test_what_fits_nothing_is_not_guessed(saved, text, got):
    with pytest.raises(
        ConfigError, match=f"history: its format cannot be told: it {got}.*; name it with --format, one of"
    ):
        read(saved(text))


def test_a_file_in_another_format_than_was_said_is_refused(saved):
    with pytest.raises(ConfigError, match="history: line 1: expected a line such as"):
        read(saved(EDN), Format.JEPSEN_LOG)
    with pytest.raises(ConfigError, match="history: expected jepsen-edn, got an empty file"):
        read(saved(""), Format.JEPSEN_EDN)


def test_what_is_no_text_is_refused_with_its_line(saved):
    with pytest.raises(ConfigError, match=r"history: line 2: expected text in UTF-8, got the byte 0xff"):
        read(saved(LOG.encode() + b"\xff"))


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=f"cannot be read: {why}"):
            read(path)


def test_a_format_is_named_or_auto():
    assert format_named("auto") is None
    assert format_named("jepsen-log") is Format.JEPSEN_LOG
    with pytest.raises(ConfigError, match=r"--format jepsen-lgo: no such format \(did you mean 'jepsen-log'\?\)"):
        format_named("jepsen-lgo")
