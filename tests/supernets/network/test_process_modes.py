"""Mode switches of torch by a method affect that method alone."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.work.cells import SupernetJob
from nas_selection_bench.supernets.network.process_modes import SWITCHES, own_modes
from nas_selection_bench.supernets.parts.recipe import Recipe
from nas_selection_bench.supernets.training import loop as training


def switch_all() -> None:
    """Switch every mode that a careless method may switch, through torch's own functions."""
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_float32_matmul_precision("medium")
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    torch.backends.cudnn.enabled = False  # type: ignore[assignment]
    np.seterr(all="raise")
    os.chdir("/")


def modes() -> dict[str, object]:
    return {**{name: read() for name, (read, _) in SWITCHES.items()}, "numpy": np.geterr(), "folder": os.getcwd()}


@pytest.mark.parametrize("fails", [False, True])
def test_every_switch_is_as_it_was(fails: bool) -> None:
    before = modes()
    inside: dict[str, object] = {}
    try:
        with own_modes():
            switch_all()
            inside = modes()
            if fails:
                raise SystemExit(3)
    except SystemExit:
        assert fails
    assert all(inside[name] != before[name] for name in before), "each is one that a method can switch"
    assert modes() == before


def test_a_working_directory_that_is_gone_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    with own_modes():
        os.chdir(tmp_path)
        (tmp_path / "gone").rmdir()
    assert Path.cwd() == tmp_path
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with own_modes():
        os.chdir(tmp_path)
    assert Path.cwd() == tmp_path


def test_a_recipe_trains_in_modes_of_its_own(
    job: SupernetJob, images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless(Recipe):
        def build(self, channels: int, cells: int, classes: int) -> None:  # type: ignore[override]
            switch_all()
            raise RuntimeError("and fails")

    before = modes()
    monkeypatch.setattr(training, "find", lambda name: Careless())
    with pytest.raises(RuntimeError, match="and fails"):
        training.train(job, images, "cpu", tmp_path)
    assert modes() == before
