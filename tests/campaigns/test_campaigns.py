"""Short campaigns of real kills and signals."""

import sys

import pytest

from tests.campaigns import kills, signals

pytestmark = [
    pytest.mark.program,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="watches processes in /proc"),
]


@pytest.mark.parametrize("workers", [["--jobs", "1"], ["--jobs", "2"], ["--jobs", "2", "--backend", "dask"]])
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(
    workers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if "dask" in workers:
        pytest.importorskip("distributed")
    assert kills.main(["3", *workers]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("command", ["convert", "pack", "lookup", "run --plan"])
def test_every_command_ends_as_it_should_when_a_signal_comes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert signals.main(["2", command]) == 0, capsys.readouterr().out
