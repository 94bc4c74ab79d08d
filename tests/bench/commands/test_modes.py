"""In every mode, each command-line option is read or refused: none is accepted and ignored."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from nas_selection_bench.bench.commands.modes import INSTEAD_OF_RUNNING, READS, RUN
from nas_selection_bench.bench.commands.options import Options, build_parser, parse_options
from nas_selection_bench.bench.commands.run import answer
from nas_selection_bench.bench.errors import ExitCode, UsageError
from tests.bench import fake_bench
from tests.bench.fake_bench import places

ASKED_BY = {
    RUN: [], "--plan": ["--plan"], "--list": ["--list"], "--doctor": ["--doctor"], "--check": ["--check", "stored"],
    "--report-only with --out": ["--report-only", "--out", "there"], "--report-only without --out": ["--report-only"],
}  # fmt: skip
VALUES = {
    "epochs": "last", "bn": "batch", "preset": "lite", "budget": "lite", "device": "cpu", "backend": "loky",
}  # fmt: skip
"""A valid value for each option that does not accept every value."""

WORDS = [
    action for action in build_parser()._actions if action.dest not in ("help", "version", *INSTEAD_OF_RUNNING)
]  # fmt: skip


def test_these_are_all_modes_and_all_words() -> None:
    assert {*ASKED_BY} == {*READS}
    assert {w.dest for w in WORDS} == {f.name for f in fields(Options)} - {"asks", *INSTEAD_OF_RUNNING}
    assert {w.dest for w in WORDS} == set().union(*READS.values())


@pytest.mark.parametrize("mode", READS)
@pytest.mark.parametrize("word", WORDS, ids=lambda action: action.dest)
def test_a_word_is_read_or_refused(mode: str, word: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flag = word.option_strings[-1]
    line = [*ASKED_BY[mode], flag, *([] if word.nargs == 0 else [VALUES.get(word.dest, "1")])]
    if word.dest in READS[mode] or (word.dest == "out" and mode.startswith("--report-only")):
        parse_options(line)
        return
    with pytest.raises(UsageError, match=f"{mode} does not read {flag}: leave it out"):
        parse_options(line, exit_on_error=False)
    with pytest.raises(SystemExit) as left:
        parse_options(line)
    said = capsys.readouterr().err
    assert left.value.code == 2 and flag in said and said.count("\n") == 1


class Watched(Options):
    """Options that record which of them are read."""

    read: set[str]

    def __getattribute__(self, name: str) -> Any:
        if name in READS[RUN] or name == "json":
            Watched.read.add(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize("mode", READS)
def test_what_is_said_to_be_read_is_read(
    mode: str, place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = str(tmp_path / "out" / "digits")  # the default without --out
    place[place.index("--out") + 1] = stored
    place += ["--selectors", "random"]
    assert fake_bench.run(*place) == ExitCode.OK
    table = place[place.index("--table") + 1]
    words = {
        RUN: place, "--plan": [*place, "--plan"], "--list": ["--list"], "--doctor": ["--doctor"],
        "--check": ["--check", stored, "--table", table],
        "--report-only with --out": [*places(place), "--report-only"],
        "--report-only without --out": ["--report-only", "--device", "cpu", "--table", table],
    }[mode]  # fmt: skip
    Watched.read = set()
    options = Watched(**vars(parse_options(words)))
    assert answer(options, words, fake_bench.methods, fake_bench.draw_report, Path(fake_bench.__file__).parent) == 0
    assert {*READS[mode]} <= Watched.read


def test_the_words_of_a_check_are_told_with_what_reads_them() -> None:
    line = ["--check", "results/digits-tiny", "--seeds", "7", "--selectors", "magnitude", "--retry-failed"]
    with pytest.raises(UsageError) as refused:
        parse_options(line, exit_on_error=False)
    assert str(refused.value) == (
        "--check does not read --selectors, --seeds and --retry-failed: leave them out; a run and --plan read them."
    )
