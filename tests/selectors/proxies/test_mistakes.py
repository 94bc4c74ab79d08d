"""Mistakes in a proxy are reported with the proxy's own file, whatever code uses it."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.discovery import reading
from nas_selection_bench.selectors import proxies
from nas_selection_bench.selectors.proxies import ProxyFailure, find, score
from tests.selectors.proxies.networks import Tiny, batch

GOOD = """
from dataclasses import dataclass
import torch
from nas_selection_bench.bench.work.options import number, option
from nas_selection_bench.selectors.proxies._contract import Passes, StructureProxy

@dataclass(frozen=True)
class MySum(StructureProxy):
    times: float = option(1.0, number, "times")

    paper = "none"
    formula = "sum of |w|"
    differs = "nothing"

    def passes(self, images):
        return Passes(0, 0)

    def compute(self, network, batch):
        return sum(float(p.detach().abs().sum()) for p in network.parameters())

PROXY = MySum()
"""


@pytest.fixture
def with_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A function that adds the proxy `my_sum`, in a second folder named like that of the proxies."""
    folder = tmp_path / "selectors" / "proxies"
    folder.mkdir(parents=True)
    monkeypatch.setattr(proxies, "__path__", [*proxies.__path__, str(folder)])
    known = proxies.names()
    monkeypatch.setattr(proxies, "names", lambda: sorted([*known, "my_sum"]))
    monkeypatch.setattr(proxies, "file_of", lambda name: folder / "my_sum.py")

    def forget() -> None:
        sys.modules.pop(f"{proxies.__name__}.my_sum", None)
        importlib.invalidate_caches()

    def add(text: str) -> None:
        (folder / "my_sum.py").write_text(text)
        forget()

    yield add
    forget()


def test_a_file_is_all_that_a_proxy_takes(with_proxy: Callable[[str], None]) -> None:
    with_proxy(GOOD)
    network = Tiny()
    expected = sum(float(p.detach().abs().sum()) for p in network.parameters())
    assert score("my_sum", network, batch(4)[0]) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("PROXY =", "Proxy ="), "defines no PROXY"),
        (GOOD.replace("MySum()", "5"), "PROXY must be an instance of Proxy, not int."),
        (
            GOOD.replace("PROXY = MySum()", "PROXY = MySum"),
            "PROXY must be an instance of Proxy, not the class MySum.",
        ),
        (GOOD.replace('"sum of |w|"', '""'), "`formula` must be a non-empty string"),
        (GOOD.replace("    paper", "    uses_images = 1\n    paper"), "`uses_images` must be True or False, not 1."),
        (GOOD.replace("option(1.0", "option('abc'"), "the default of its option times is 'abc'"),
        ("x = 1 / 0", "cannot be read (ZeroDivisionError"),
        ("import no_such_module", "install no_such_module, or correct the import"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(with_proxy: Callable[[str], None], text: str, said: str) -> None:
    """Also if a selector file loads the proxy while it is imported."""
    with_proxy(text)
    with pytest.raises(UsageError) as error, reading(Path("selectors/zero_cost_rank.py")):
        find("my_sum")
    assert str(error.value).startswith("selectors/proxies/my_sum.py") and said in str(error.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("'x'", "str"),
        ("'1.5'", "str"),
        ("None", "NoneType"),
        ("torch.zeros(3)", r"Tensor of shape \(3,\)"),
        ("1j", "complex"),
    ],
)
def test_what_is_not_one_number_is_told(with_proxy: Callable[[str], None], value: str, said: str) -> None:
    with_proxy(GOOD.replace("return sum", f"return {value}\n        return sum"))
    with pytest.raises(UsageError, match=rf"^my_sum\.compute gave {said}, not one number"):
        score("my_sum", Tiny(), batch(4)[0])


@pytest.mark.parametrize(
    "value", ["torch.tensor(2.5)", "torch.tensor([[2.5]])", "torch.tensor(2.5, requires_grad=True)"]
)
def test_a_tensor_of_one_number_is_one(with_proxy: Callable[[str], None], value: str) -> None:
    with_proxy(GOOD.replace("return sum", f"return {value}\n        return sum"))
    assert score("my_sum", Tiny(), batch(4)[0]) == 2.5


def test_a_value_that_is_not_finite_is_no_score(with_proxy: Callable[[str], None]) -> None:
    with_proxy(GOOD.replace("return sum", "return float('nan')\n        return sum"))
    with pytest.raises(ProxyFailure, match=r"^my_sum: its value is nan"):
        score("my_sum", Tiny(), batch(4)[0])
