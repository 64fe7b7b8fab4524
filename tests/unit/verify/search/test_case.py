"""A case and its file: what is written is read as the same, and what is no case is told so."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.scenario import load
from imsim.sim.deviations import parse
from imsim.verify.search import Case

WORDS = ("drop the 2nd push of alice-3 to bob/phone", "partition home from city from 1.5 s until 4 s")


@pytest.fixture
def case():
    return Case(scenario=load("tiny"), seed=7, deviations=tuple(map(parse, WORDS)), breaks="no loss")


def test_a_case_is_read_as_it_was_written(case, tmp_path):
    file = tmp_path / "new" / "case.toml"
    case.write(file)
    assert Case.read(file) == case
    assert [path.name for path in file.parent.iterdir()] == ["case.toml"], "a draft was left behind"


def test_its_file_says_first_what_matters(case):
    assert case.to_toml().splitlines()[:6] == [
        'case.breaks = "no loss"',
        "case.seed = 7",
        "case.deviations = [",
        f'  "{WORDS[0]}",',
        f'  "{WORDS[1]}",',
        "]",
    ]


def test_a_case_without_deviations_says_what_it_is():
    assert str(Case(scenario=load("tiny"), seed=3)) == "nothing but seed 3"


def test_names_of_files_tell_cases_apart(case):
    other = Case(scenario=case.scenario, seed=8, deviations=case.deviations, breaks=case.breaks)
    assert case.file_name.startswith("tiny-no-loss-")
    assert case.file_name != other.file_name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = ", "not TOML"),
        ('duration = "1s"', "case: missing"),
        ("case = 1", "case: missing"),
        ("case.sead = 1", "case.sead: unknown key (did you mean 'seed'?)"),
        ("case.breaks = ''", "case.seed: expected an integer >= 0, got None"),
        ("case.seed = -1", "case.seed: expected an integer >= 0, got -1"),
        ("case.seed = true", "case.seed: expected an integer >= 0, got True"),
        ("case.seed = 1\ncase.breaks = 1", "case.breaks: expected the name of a promise, got 1"),
        ("case.seed = 1\ncase.deviations = 'x'", "case.deviations: expected a list of sentences, got 'x'"),
        ("case.seed = 1\ncase.deviations = [1]", "case.deviations[0]: expected a sentence, got 1"),
        ("case.seed = 1\ncase.deviations = ['drap it']", "case.deviations[0]: expected a deviation such as"),
        ("case.seed = 1", "the model is empty"),
    ],
)
def test_what_is_no_case_is_told_so_by_file_and_key(text, says, tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        Case.read(file)
    assert str(error.value).startswith(str(file))
    assert says in str(error.value)


def test_what_cannot_be_read_or_written_is_told_so(case, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Case.read(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Case.read(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        Case.read(tmp_path / "bytes.toml")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        case.write(tmp_path / "file" / "case.toml")
