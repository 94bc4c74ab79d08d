"""Cells in Triton's kernels: run in Triton's interpreter against the literal network, and compiled for a GPU."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.space import EDGES
from nas_selection_bench.bench.work import gpu_kernels
from nas_selection_bench.supernets.network import cuda_graph as capture
from nas_selection_bench.supernets.network.gpu_cell import GpuCell, JoinedKernels, Statistics
from nas_selection_bench.supernets.network.gpu_pass import SCALES, SHARES, joined
from nas_selection_bench.supernets.network.literal import LiteralCell
from nas_selection_bench.supernets.network.skeleton import EPSILON, KERNELS, LEAVING
from nas_selection_bench.supernets.network.supernet import MixedCell
from tests.emulated.conftest import CPU, GPU
from tests.emulated.device import State
from tests.supernets.network.pairs import CLOSE, inputs, kernels_like, pair

pytest.importorskip("triton", reason="Triton is not installed")

from nas_selection_bench.supernets.network import triton_cell

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "supernets/network/triton_kernels.py"
CELL = SOURCE.with_name("triton_cell.py")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpu_kernels.VARIABLE, "1")


@pytest.mark.parametrize("mode", ["train", "running"])
def test_a_pass_is_that_of_the_literal_network(mode: str) -> None:
    """Logits, gradients of images, weights and kernels, and statistics, in float64; some operations are closed."""
    network, literal = pair()
    before = {name: buffer.clone() for name, buffer in network.state_dict().items()}
    network.to(GPU)
    open_ = torch.rand(6, 5, generator=torch.Generator().manual_seed(3)) > 0.2
    results = []
    for net, device in ((network, GPU), (literal, CPU)):
        net.normalise(mode)
        x, weights = (t.detach().to(device).requires_grad_() for t in inputs(5, 8))
        mask = open_.to(device)
        closed = torch.where(mask, weights, 0.0)
        active = {"active": mask} if net is network else {}
        logits = net(x, closed, skip=torch.tensor(0.3, device=device, dtype=x.dtype), **active)
        logits.square().sum().backward()
        assert x.grad is not None and weights.grad is not None
        results.append([t.detach().cpu() for t in (logits, x.grad, weights.grad)])
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, **CLOSE)
    for found, slow in kernels_like(network, literal):
        torch.testing.assert_close(None if found is None else found.cpu(), slow, **CLOSE)
    network.to(CPU)
    for index, (cell, plain) in enumerate(zip(network.cells, literal.cells, strict=True)):
        assert isinstance(cell, MixedCell)
        for edge, operations in enumerate(plain.edges):
            for operation in KERNELS:
                _, *found = cell.operation_state(edge, operation)
                norm = operations.operations[operation][2]
                expected = [norm.running_mean, norm.running_var]
                if not open_[edge, operation]:
                    kind, rows = cell.operation_rows(edge, operation)
                    names = (kind.replace("weight", statistic) for statistic in ("mean", "variance"))
                    expected = [before[f"cells.{index}.{name}"][rows] for name in names]
                torch.testing.assert_close(found, expected, **CLOSE)


def cells(channels: int) -> tuple[MixedCell, LiteralCell]:
    """A fused and a literal cell with the same weights, in float64."""
    torch.manual_seed(channels)
    cell, plain = MixedCell(channels).double(), LiteralCell(channels).double()
    for buffer in cell.buffers():
        buffer.uniform_(0.5, 1.5)
    with torch.no_grad():
        for edge in range(len(EDGES)):
            for operation in KERNELS:
                _, convolution, norm = plain.edges[edge].operations[operation]  # type: ignore[index, union-attr]
                weight, norm.running_mean, norm.running_var = cell.operation_state(edge, operation)
                convolution.weight.copy_(weight)
    return cell, plain


def picked(weights: Tensor, places: list[int]) -> Tensor:
    """The weights at `places`, read without an index tensor, which would be copied from the host."""
    return torch.stack([weights.view(-1)[place] for place in places])


def passed(cell: MixedCell | LiteralCell, x: Tensor, weights: Tensor, mode: str, path: str) -> dict[str, Tensor]:
    """Node 3 and all gradients of its sum of squares, by `path`: triton, torch (`GpuCell`) or literal; as float64."""
    x, weights = x.clone().requires_grad_(), weights.clone().requires_grad_()
    cell.zero_grad()
    if isinstance(cell, LiteralCell):
        node = cell.train(mode == "batch")(x, weights)
    else:
        c = cell.channels
        kernels = JoinedKernels.apply(x.dtype, *joined([cell], "weight"))
        means, variances = (torch.cat(joined([cell], name)) for name in ("mean", "variance"))
        if path == "triton":
            running = None if mode == "batch" else [(means, (variances + EPSILON).rsqrt())]
            factors = picked(weights, SHARES + SCALES).unsqueeze(-1).expand(-1, c).flatten()
            node = triton_cell.TritonCell.apply(x, factors, Statistics(running), *kernels)
        else:
            sizes = [2 * len(edges) * c for edges in LEAVING]
            pairs = None if mode == "batch" else list(zip(means.split(sizes), variances.split(sizes), strict=True))
            scales = picked(weights, SCALES).unsqueeze(-1).expand(-1, c).flatten().split(sizes)
            node = GpuCell.apply(x, picked(weights, SHARES).view(2, -1), Statistics(pairs), *scales, *kernels)
    node.square().sum().backward()
    assert x.grad is not None and weights.grad is not None
    found = {"node": node.detach(), "x": x.grad, "weights": weights.grad}
    for edge in range(len(EDGES)):
        for operation in KERNELS:
            if isinstance(cell, LiteralCell):
                gradient = cell.edges[edge].operations[operation][1].weight.grad  # type: ignore[index, union-attr]
            else:
                name, rows = cell.operation_rows(edge, operation)
                gradient = getattr(cell, name).grad[rows]
            found[f"kernel {edge} {operation}"] = gradient
    return {name: tensor.double() for name, tensor in found.items()}


def maps(n: int, c: int, h: int, w: int) -> Tensor:
    """Random maps [n, c, h, w] in channels_last."""
    x = torch.randn(n, c, h, w, dtype=torch.float64, generator=torch.Generator().manual_seed(n + h))
    return x.contiguous(memory_format=torch.channels_last)


def mixture() -> Tensor:
    """Edge weights [6, 5], two of them zero."""
    weights = torch.rand(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 0.3
    weights[0, 1] = weights[4, 3] = 0
    return weights


@settings(max_examples=7, phases=[Phase.explicit, Phase.generate])
@given(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6), st.sampled_from(["batch", "running"]),
    st.sets(st.integers(0, 29), max_size=30),
)  # fmt: skip
def test_a_cell_is_the_literal_one_whatever_its_shape(n: int, c: int, h: int, w: int, mode: str, off: set[int]) -> None:
    assume(n * h * w > 1)
    cell, plain = cells(c)
    weights = mixture()
    weights.view(-1)[list(off)] = 0
    x = maps(n, c, h, w)
    found, expected = passed(cell, x, weights, mode, "triton"), passed(plain, x, weights, mode, "literal")
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, **CLOSE, msg=lambda said, name=name: f"{name}: {said}")


def test_sums_go_by_parts_tiles_and_groups_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are lowered, since small maps would need only one of each."""
    monkeypatch.setattr(triton_cell, "ELEMENTS", 32)
    monkeypatch.setattr(triton_cell, "MOST_COLUMNS", 2)
    monkeypatch.setattr(triton_cell, "MOST_PARTS", 2)
    cell, plain = cells(3)
    x = maps(2, 3, 6, 3)
    dealt = triton_cell.Tiles(x, 3)
    assert (dealt.across, dealt.parts, dealt.tiles) == (2, 2, 2) and dealt.down == 3
    found, expected = passed(cell, x, mixture(), "batch", "triton"), passed(plain, x, mixture(), "batch", "literal")
    torch.testing.assert_close(found, expected, **CLOSE)


def test_rounding_is_hardly_more_than_that_of_torch() -> None:
    """Against float64. torch adds in float64 on a CPU; the interpreter, unlike GPUs, rounds bfloat16 towards zero."""
    cell, plain = cells(4)
    x, weights = maps(4, 4, 6, 6), mixture()
    expected = passed(plain, x, weights, "batch", "literal")
    for dtype, within in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
        cell.float()
        gaps = {}
        for path in ("triton", "torch"):
            found = passed(cell, x.to(dtype), weights.float(), "batch", path)
            gaps[path] = [((found[name] - e).norm() / (1e-12 + e.norm())).item() for name, e in expected.items()]
        assert max(gaps["triton"]) < within
        assert sum(gaps["triton"]) < 2 * sum(gaps["torch"])


def test_batches_that_32_bits_do_not_count_are_refused() -> None:
    with pytest.raises(UsageError, match="smaller batches"):
        triton_cell.TritonPass.run(
            object.__new__(triton_cell.TritonPass), 0, torch.empty(2**15, 16, 32, 32, device="meta")
        )


def test_small_variances_about_large_means_keep_their_digits() -> None:
    y = 1000 + maps(3, 8, 6, 6).float()
    columns = y.shape[1]
    sums, mean, deviation = torch.empty(triton_cell.Tiles(y, columns).parts, 2, columns), *torch.empty(2, columns)
    triton_cell.sums_of_pixels(y, sums)
    triton_cell.moments(y, sums, mean, deviation)
    exact = y.double().permute(1, 0, 2, 3).flatten(1)
    torch.testing.assert_close(mean.double(), exact.mean(1), rtol=1e-6, atol=0)
    variance = exact.var(1, correction=0)
    torch.testing.assert_close(deviation.double(), (variance + EPSILON).rsqrt(), rtol=1e-5, atol=0)


FAULTS = {
    "the pool counts its padding": ("rows = 1 + (row > 0)", "rows = 2 + 0 * (row > 0)"),
    "convolutions of another edge": ("output = convolution * (3 - source) + place", "output = convolution + 0 * place"),
    "the mean of squares is the variance": ("squared - away * away", "squared"),
    "gradients do not pass through the variance": ("through -= (tl.load", "through -= 0 * (tl.load"),
    "skips weigh pools on the way back": ("(6 + first + edge) * C", "(first + edge) * C"),
    "gradients of weights go to other edges": ("share = row * 6 + first", "share = row * 6 + 0 * first"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_kernel_is_found(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = FAULTS[fault]
    text = SOURCE.read_text()
    assert right in text
    (tmp_path / "faulty.py").write_text(text.replace(right, wrong))
    spec = importlib.util.spec_from_file_location("faulty", tmp_path / "faulty.py")
    assert spec is not None and spec.loader is not None
    faulty = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(faulty)
    monkeypatch.setattr(triton_cell, "kernels", faulty)
    cell, plain = cells(2)
    x = maps(2, 2, 4, 3)
    found, expected = passed(cell, x, mixture(), "batch", "triton"), passed(plain, x, mixture(), "batch", "literal")
    assert max((found[name] - value).abs().max().item() for name, value in expected.items()) > 1e-3


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_captured_step_is_the_eager_one(device: State) -> None:
    """A capture records what kernels write, and a replay runs them on other images."""
    cell, weights = cells(2)[0].to(GPU), mixture().to(GPU)
    total = torch.zeros(5, dtype=torch.float64, device=GPU)

    def step(x: Tensor) -> Tensor:
        found = passed(cell, x, weights, "batch", "triton")
        return total.add_(torch.stack([found[n].sum() for n in ("node", "x", "weights", "kernel 0 2", "kernel 5 3")]))

    images = [maps(2, 2, 3, 2) + i for i in range(2)]
    with capture.own_stream(torch.device(GPU)):
        repeated = capture.Repeated(step, torch.device(GPU))
        for x in images:
            repeated(x.to(GPU))
        captured = total.tolist()
        assert (device.captures, device.replays) == (1, 1)
        total.zero_()
        for x in images:
            step(x.to(GPU))
    assert captured == total.tolist() and all(captured)


COMPILE = """
import os, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.language import float32, float64
from nas_selection_bench.supernets.network import triton_kernels as kernels

SUMS = {"sums", "mean", "deviation", "factors", "of_factors", "of_edges"}
maps, capability, *sources = sys.argv[1:]
precision = float64 if maps == "fp64" else float32
image, sizes = {"C": 16, "H": 32, "W": 32}, {"BLOCK": 64, "CHANNELS": 16, "ACC": precision}
parts = {"PARTS": 256, "CHANNELS": 16}
asked = [
    (kernels.sums_of_pixels, {"COLUMNS": 96, **sizes}),
    (kernels.moments, {"COLUMNS": 96, "EPSILON": 1e-5, "ACC": precision, **parts}),
]
for source in map(int, sources):
    way = bool(source % 2)
    asked += [
        (kernels.node, {"SOURCES": 3 - source, "RECTIFIES": way, **image, **sizes}),
        (kernels.sums_of_edges, {"SOURCE": source, "SHARES": not way, **image, **sizes}),
        (kernels.totals_of_edges, {"SOURCE": source, "SHARES": not way, "C": 16, **parts}),
        (kernels.onto_convolutions, {"SOURCE": source, "BY_BATCH": not way, "C": 16, **sizes}),
        (kernels.onto_node, {"SOURCE": source, **image, **sizes}),
    ]
for kernel, constants in asked:
    types = {}
    for name in kernel.arg_names:
        kind = "i32" if name in ("pixels", "tiles", "parts") else "*" + (precision.name if name in SUMS else maps)
        types[name] = "constexpr" if name in constants else kind
    made = triton.compile(ASTSource(kernel, types, constants), target=GPUTarget("cuda", int(capability), 32))
    assert made.asm["cubin"], kernel.__name__
    print(kernel.__name__)
"""


@pytest.mark.parametrize(
    "arguments",
    ["bf16 90 2", *(pytest.param(f"{m} 80 0 1 2", marks=pytest.mark.program) for m in ("bf16", "fp32", "fp64"))],
)
def test_every_kernel_compiles_for_a_gpu(arguments: str, tmp_path: Path) -> None:
    """Compiles to machine code, which needs no GPU: the interpreter accepts much that the compiler rejects."""
    variables = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [sys.executable, "-c", COMPILE, *arguments.split()], env=variables, cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    kernels = {name for name in vars(triton_cell.kernels) if f"kernels.{name}[" in CELL.read_text()}
    assert set(made.stdout.split()) == kernels and len(kernels) == 7
