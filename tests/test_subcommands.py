"""Wrong arguments of a subcommand give one sentence with the likely intention, never a usage block."""

import os
import subprocess
import sys

import pytest

from nas_selection_bench.__main__ import main


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pack --foo x", "--foo"),
        ("pack", "FOLDER is missing"),
        ("pack x --unpak", "did you mean --unpack?"),
        ("figures x --to y --format png", "--format cannot be 'png'"),
        ("fetch", "NAME is missing"),
        ("fetch cifar10 --miror https://x", "did you mean --mirror?"),
        ("doctor --cash x", "--cash"),
        ("lookup digits", "WORD is missing"),
        ("merge --out x", "FOLDER is missing"),
        ("regenerate --exact --into x", "--into"),
        ("convert-table x", "dest is missing"),
        ("convert-images x", "--as is missing"),
        ("readme", "are missing"),
        ("run --dataset digits", "did you mean --datasets?"),
    ],
)
def test_wrong_words_are_one_sentence(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nas_selection_bench", *line.split()])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    error = capsys.readouterr().err
    assert left.value.code == 2 and said in error and error.count("\n") == 1 and "usage:" not in error


@pytest.mark.parametrize(
    "words",
    [
        ["convert-images", "x.npz", "--as", "flowers", "--data-root", ""],
        ["curvature", "x", "--cache", "y", "--data-root", ""],
        ["doctor", "--data-root", ""],
        ["doctor", "--table", ""],
        ["doctor", "--cache", ""],
        ["fetch", "digits", "--data-root", ""],
        ["figures", "x", "--to", "y", "--table", ""],
        ["make-table", "--dataset", "nowhere", "--data-root", ""],
        ["run", "--data-root", ""],
    ],
    ids=lambda words: f"{words[0]} {words[-2]}",
)
def test_an_empty_path_is_refused(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nas_selection_bench", *words])
    with pytest.raises(SystemExit) as left:
        sys.exit(main())
    error = capsys.readouterr().err
    assert left.value.code == 2 and words[-2] in error and error.count("\n") == 1


@pytest.mark.parametrize(("word", "near"), [("lookpu", "lookup"), ("convert_table", "convert-table")])
def test_the_nearest_command_is_named(
    word: str, near: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nas_selection_bench", word])
    assert main() == 2
    assert f"did you mean {near}?" in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)], ids=str)
@pytest.mark.parametrize(("words", "code"), [(("--help",), 0), (("run", "--list"), 0), (("lookpu",), 2)], ids=str)
def test_streams_closed_from_the_start_change_no_exit_code(
    words: tuple[str, ...], code: int, closed: tuple[int, ...]
) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    done = subprocess.run([sys.executable, "-m", "nas_selection_bench", *words], preexec_fn=close, check=False)
    assert done.returncode == code


def test_closed_streams_become_the_null_device_under_their_own_numbers() -> None:
    program = "import sys; from nas_selection_bench.bench.commands.stdout import open_closed_streams as go; go();"
    program += " sys.exit([s.fileno() for s in (sys.stdin, sys.stdout, sys.stderr)] != [0, 1, 2])"
    done = subprocess.run([sys.executable, "-c", program], preexec_fn=lambda: os.closerange(0, 3), check=False)
    assert done.returncode == 0
