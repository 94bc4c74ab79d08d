"""Wrong command-line arguments give one sentence with the nearest option, however the program was started."""

import sys

import pytest

from nas_selection_bench.bench.commands.options import parse_options
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import called, nearest


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--dataset", "digits"], "no option --dataset; did you mean --datasets?"),
        (["--Datasets=digits"], "no option --Datasets; did you mean --datasets?"),
        (["--selector_seeds", "3"], "did you mean --selector-seeds?"),
        (["--preset", "lit"], "did you mean lite? The choices are: digits, lite, paper"),
        (["--preset", "PAPER"], "did you mean paper?"),
        (["--seeds", "three"], "three is not a whole number from 1 to"),
        (["--seeds", "0"], "0 is not a whole number from 1 to"),
        (["--threads", "1025"], "--threads: 1025 is not a whole number from 1 to 1,024"),
        (["--channels", "99999999999"], "--channels: 99999999999 is not a whole number from 1 to 1,024"),
        (["--cells", "1001"], "--cells: 1001 is not a whole number from 1 to 1,000"),
        (["--train-epochs", "100001"], "--train-epochs: 100001 is not a whole number from 1 to 100,000"),
        (["--jobs", "100001"], "--jobs: 100001 is not a whole number from 1 to 100,000"),
        (["--images", "9" * 5000], "is not a whole number from 1 to 1,000,000,000"),
        (["--seed", "x"], "'x' is not a whole number"),
        (["--out"], "--out: expected one argument"),
        (["digits"], "'digits'"),
        (["--plan", "--doctor"], "not allowed with"),
    ],
)
def test_wrong_words(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse_options(argv)
    error = capsys.readouterr().err
    assert left.value.code == 2 and said in error and error.count("\n") == 1
    with pytest.raises(UsageError) as refused:
        parse_options(argv, exit_on_error=False)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("/x/run_bench.py", "python run_bench.py"),
        ("/usr/bin/run-bench", "run-bench"),
        ("/lib/nas_selection_bench/__main__.py", "python -m nas_selection_bench run"),
        ("", "python run_bench.py"),
    ],
)
def test_hints_name_the_program_as_it_was_called(script: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--plan"])
    assert called() == command


def test_names_in_use_elsewhere_and_upper_case_are_understood() -> None:
    known = ["cifar10", "darts-pt", "imagenet16", "nwot", "one-shot", "te-nas", "grad_norm"]
    asked = {"CIFAR10": "cifar10", "DARTS_PT": "darts-pt", "naswot": "nwot", "NASWOT": "nwot", "TENAS": "te-nas",
             "ImageNet16-120": "imagenet16", "grad-norm": "grad_norm"}  # fmt: skip
    assert {name: nearest(name, known)[0] for name in asked} == asked
