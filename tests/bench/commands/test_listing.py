"""Lists of names: all of them, those that match a name or pattern, and the same as JSON."""

import json
from typing import Any

import pytest

from nas_selection_bench.bench.errors import ExitCode
from tests.bench import fake_bench


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, Any]]:
    """The output of --list --json."""
    assert fake_bench.run("--list", *words, "--json") == ExitCode.OK
    found: dict[str, dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_one_name_is_listed_as_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    whole = listed(capsys)
    assert listed(capsys, "random") == {"selectors": {"random": whole["selectors"]["random"]}}
    assert listed(capsys, "digits") == {kind: {"digits": whole[kind]["digits"]} for kind in ("datasets", "presets")}
    (varied,) = listed(capsys, "fails[how=exit]")["selectors"].items()
    assert varied[0] == varied[1]["name"] == "fails[how=exit]"


@pytest.mark.parametrize("words", [[], ["--json"]])
@pytest.mark.parametrize("name", ["randon", "randon*"])
def test_what_nothing_is_called_is_refused(name: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert fake_bench.run("--list", name, *words) == ExitCode.USAGE
    said = capsys.readouterr()
    assert repr(name) in said.err and "did you mean random" in said.err and said.out == ""


@pytest.mark.parametrize("pattern", ["r*", "*a*", "cifar1*", "?i*", "all", "*[!a]*"])
def test_a_pattern_lists_what_it_matches_of_every_kind(pattern: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole, found = listed(capsys), listed(capsys, pattern)
    assert found == {
        kind: matched for kind, entries in whole.items()
        if (matched := {name: entry for name, entry in entries.items() if fits(name, pattern)})
    }  # fmt: skip
    assert fake_bench.run("--list", pattern) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    names = [name for kind, entries in found.items() for name in entries if kind != "groups"]
    assert [line.split()[0] for line in lines if line.startswith(" ")] == names


def fits(name: str, pattern: str) -> bool:
    """Whether `name` matches one of the patterns above, worked out by hand."""
    return {
        "r*": name.startswith("r"), "*a*": "a" in name, "cifar1*": name.startswith("cifar1"), "?i*": name[1:2] == "i",
        "all": True, "*[!a]*": name.strip("a") != "",
    }[pattern]  # fmt: skip
