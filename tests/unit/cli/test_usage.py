"""A mistyped command line is told in the style of every other mistake, and never by the parser's own sentences."""

from __future__ import annotations

import pytest

from imsim import cli

COMMANDS = "run, models, new, schema, import, serve, bench, check, replay, export, verify, zoo"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("run", "MODEL is missing; see: imsim run --help"),
        ("run tiny extra", "extra: one argument too many; see: imsim run --help"),
        ("run tiny --sed 4", "--sed: no such option (did you mean '--seed'?); see: imsim run --help"),
        ("run tiny --sed=4", "--sed: no such option (did you mean '--seed'?); see: imsim run --help"),
        ("run tiny -x", "-x: no such option; see: imsim run --help"),
        ("run --model tiny", "--model: no such option; see: imsim run --help"),
        ("run tiny --no-json", "--no-json: no such option (did you mean '--json'?); see: imsim run --help"),
        ("run tiny --seed", "--seed: a value is missing; see: imsim run --help"),
        ("run tiny --seed first", "--seed: expected an integer, got 'first'"),
        ("run tiny --seed 1.5", "--seed: expected an integer, got '1.5'"),
        ("run tiny --seed 1 --seed 2", "--seed: given more than once"),
        ("run tiny --json=3", "--json: expected true or false, got '3'"),
        ("import chats.txt", "--output is missing; see: imsim import --help"),
        ("import chats.txt -o x.csv", "--output x.csv: expected a file that ends in .parquet"),
        ("import a -o b.parquet --format edge", "--format: expected edges, got 'edge' (did you mean 'edges'?)"),
        ("models tiny", "tiny: one argument too many; see: imsim models --help"),
        (
            "rum tiny",
            f"rum: no such command (did you mean 'run'?); there are {COMMANDS}",
        ),
        ("--loud", "--loud: no such option; see: imsim --help"),
        ("--versoin", "--versoin: no such option (did you mean '--version'?); see: imsim --help"),
    ],
)
def test_a_mistyped_line_is_told_in_one_style(typed, said, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(typed.split())

    assert stop.value.code == cli.Exit.COULD_NOT_RUN
    assert capsys.readouterr() == ("", f"imsim: {said}\n")


def test_what_has_no_sentence_of_its_own_still_takes_one_line():
    from cyclopts import CycloptsError

    from imsim.cli.usage import tell

    assert tell(CycloptsError(msg="something\n  else")) == "something else"
