"""The acceptance of a GPU: what it keeps and says, and the parts that take seconds, on the emulated one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from nas_selection_bench import program
from nas_selection_bench.bench.commands import resolve
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.selectors.parts import gpu_acceptance, gpu_parts
from nas_selection_bench.selectors.parts.gpu_place import Place
from tests.emulated.conftest import GPU

EMULATED = resolve.Device(GPU, "cuda", "emulated GPU", (0,), "an emulated GPU")


def accept(out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, object]]:
    monkeypatch.setattr(resolve, "find_device", lambda name: EMULATED)

    def door(arguments: Sequence[str]) -> int:
        return int(program.main(_as_cuda(arguments)))

    code = gpu_acceptance.main(["--small", "--out", str(out)], find=lambda name: EMULATED, door=door)
    return code, json.loads((out / "emulated-GPU.json").read_text())


def _as_cuda(arguments: Sequence[str]) -> list[str]:
    """The command line knows devices of CUDA only."""
    return ["cuda" if argument == GPU else argument for argument in arguments]


def test_a_part_that_fails_says_what_to_do_and_the_others_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(place: Place) -> dict[str, object]:
        raise RuntimeError("CUDA error: an illegal instruction was encountered\nmore")

    parts = {"A one": (breaks, "do this"), "B other": (lambda place: {"seen": 1}, "do that")}
    monkeypatch.setattr(gpu_acceptance, "PARTS", parts)
    code, record = accept(tmp_path, monkeypatch)
    assert (code, record["passed"]) == (ExitCode.SOME_CELLS_FAILED, False)
    assert record["parts"]["A one"]["remedy"] == "do this"  # type: ignore[index]
    assert record["parts"]["B other"] | {"seconds": 0} == {"passed": True, "found": {"seen": 1}, "seconds": 0}  # type: ignore[index]
    assert "illegal instruction" in capsys.readouterr().out


@pytest.mark.parametrize("letter", [*"ABCDEF", *(pytest.param(letter, marks=pytest.mark.program) for letter in "GH")])
def test_a_part_passes(letter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_acceptance, "PARTS", {n: p for n, p in gpu_parts.PARTS.items() if n.startswith(letter)})
    code, record = accept(tmp_path, monkeypatch)
    assert (code, record["passed"]) == (ExitCode.OK, True), record["parts"]


def test_a_cpu_is_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        gpu_acceptance.main(["--device", "cpu"])
    assert stopped.value.code == ExitCode.USAGE
    assert [name[0] for name in gpu_parts.PARTS] == list("ABCDEFGH")
