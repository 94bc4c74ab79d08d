"""The switch for cells in Triton kernels."""

import os

import pytest
import torch

from nas_selection_bench.bench.commands import devices
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work import gpu_kernels


def hardware(monkeypatch: pytest.MonkeyPatch, asked: str | None, installed: str | None = "3.7") -> str:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "a model")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    monkeypatch.setattr(gpu_kernels, "triton_version", lambda: installed)
    if asked is None:
        monkeypatch.delenv(gpu_kernels.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(gpu_kernels.VARIABLE, asked)
    return devices.ask_gpu(0)[1]


def test_who_asks_for_them_asks_for_other_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton counts as other hardware, so keys, folders and acceptance records are separate."""
    silent, no, yes = (hardware(monkeypatch, asked) for asked in (None, "0", "1"))
    assert silent == no and yes.startswith(no) and "Triton 3.7" in yes
    assert hardware(monkeypatch, "1", "3.8") != yes


@pytest.mark.parametrize(("asked", "installed"), [("1", None), ("yes", "3.7")])
def test_what_cannot_be_had_is_refused(asked: str, installed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=gpu_kernels.VARIABLE):
        hardware(monkeypatch, asked, installed)


@pytest.mark.parametrize("before", [None, "0", "1"])
def test_a_wish_ends_with_its_block(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware(monkeypatch, before)
    with gpu_kernels.triton_wanted(before != "1"):
        assert gpu_kernels.wants_triton() is (before != "1")
    assert os.environ.get(gpu_kernels.VARIABLE) == before
