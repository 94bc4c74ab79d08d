"""The acceptance test of a GPU, run on the emulated one: its record and output, and its parts in small."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_selection_bench import program
from nas_selection_bench.bench.commands import devices
from nas_selection_bench.bench.errors import ExitCode
from nas_selection_bench.bench.work.gpu_kernels import triton_wanted, wants_triton
from nas_selection_bench.bench.work.presets import PRESETS
from nas_selection_bench.selectors.parts import gpu_acceptance, gpu_parts, registry
from nas_selection_bench.selectors.parts.gpu_place import Failed, Place
from tests.emulated.conftest import GPU, patterns

EMULATED = devices.Device(GPU, "cuda", "emulated GPU", (0,), "an emulated GPU")


def accept(out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, object]]:
    monkeypatch.setattr(devices, "find_device", lambda name: EMULATED)
    monkeypatch.setattr(gpu_acceptance, "load_images", lambda name, root, count: patterns(count))

    def door(arguments: Sequence[str]) -> int:
        return int(program.main(_as_cuda(arguments)))

    code = gpu_acceptance.main(["--small", "--out", str(out)], find=lambda name: EMULATED, door=door)
    name = "emulated-GPU-triton-small.json" if wants_triton() else "emulated-GPU-small.json"
    return code, json.loads((out / name).read_text())


def _as_cuda(arguments: Sequence[str]) -> list[str]:
    """Replace the emulated device by `cuda`: the command line accepts only CUDA devices."""
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


@pytest.mark.parametrize("asked", [False, True])
def test_kernels_that_a_run_does_not_use_take_nothing_from_the_others(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(place: Place) -> dict[str, object]:
        raise Failed("other numbers")

    parts = {"A one": (lambda place: {}, "do this"), gpu_parts.NODE_KERNELS: (breaks, "do that")}
    monkeypatch.setattr(gpu_acceptance, "PARTS", parts)
    with triton_wanted(asked):
        code, record = accept(tmp_path, monkeypatch)
    assert (code, record["passed"]) == (ExitCode.SOME_CELLS_FAILED, not asked)


@pytest.mark.parametrize("letter", [*"ACDE", *(pytest.param(letter, marks=pytest.mark.program) for letter in "BFGHI")])
def test_a_part_passes(letter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_acceptance, "PARTS", {n: p for n, p in gpu_parts.PARTS.items() if n.startswith(letter)})
    code, record = accept(tmp_path, monkeypatch)
    assert (code, record["passed"]) == (ExitCode.OK, True), record["parts"]


@dataclass
class Chosen:
    architecture: tuple[int, ...]
    scores: np.ndarray


def criteria(monkeypatch: pytest.MonkeyPatch, chosen: Callable[[str, str], Chosen], **others: object) -> dict[str, Any]:
    """Findings of part E if a criterion chooses `chosen(its name, device)`; `others` replaces fields of the place."""
    settings = replace(PRESETS["digits"], epochs=1, checkpoint_epochs=(1,))
    place = Place(EMULATED, patterns(), settings, True, Path(), lambda arguments: 0)
    monkeypatch.setattr(gpu_parts, "train", lambda *_: None)
    monkeypatch.setattr(gpu_parts, "select", lambda cell, folder, images, device: chosen(cell.selector, device))
    return gpu_parts.criteria(replace(place, **others))  # type: ignore[arg-type]


def test_criteria_that_choose_otherwise_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.arange(30.0).reshape(6, 5)

    def chosen(name: str, device: str) -> Chosen:
        if (name, device) == ("op-snip", GPU):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        other = device == GPU and name == "magnitude"
        return Chosen((int(other),) * 6, scores[::-1] if other else scores)

    with pytest.raises(Failed, match=r"magnitude: it chooses another architecture.*op-snip: CUDA error"):
        criteria(monkeypatch, chosen)


def test_a_near_tie_is_no_fault_but_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.arange(30.0).reshape(6, 5)
    found = criteria(monkeypatch, lambda name, device: Chosen((int(device == GPU),) * 6, scores))
    assert found["near ties"] == ["magnitude", "op-snip", "ostr"] and found["not reached"] == []


def test_criteria_are_of_every_rule_and_those_not_reached_in_time_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_parts, "MOST_SECONDS", -1.0)
    left = criteria(monkeypatch, lambda name, device: Chosen((0,) * 6, np.zeros((6, 5))), small=False)["not reached"]
    untuned = [name for name in registry.names() if not registry.find(name).needs.tuning]
    assert set(left) <= set(untuned)
    assert {type(registry.find(name)) for name in left} == {type(registry.find(name)) for name in untuned}


def test_a_cpu_is_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        gpu_acceptance.main(["--device", "cpu"])
    assert stopped.value.code == ExitCode.USAGE
    assert [name[0] for name in gpu_parts.PARTS] == list("ABCDEFGHI")
