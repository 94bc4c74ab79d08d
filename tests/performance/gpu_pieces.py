"""Where a captured training step spends its time on a GPU, and what its alternatives would cost.

python -m tests.performance.gpu_pieces
"""

import shutil
import time
from argparse import Namespace
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from supernets.network import cuda_graph as capture
from tests.performance.gpu_training import training

DEVICE = torch.device("cuda")


def microseconds(run: Callable[[], object], repeats: int = 20, replays: int = 20) -> float:
    """Time of one call inside a captured graph of `repeats` calls."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(repeats):
                run()
        graph.replay()
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(replays):
            graph.replay()
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / repeats / replays * 1e6


def pieces(c: int, size: int, k: int = 3, n: int = 64) -> dict[str, Callable[[], object]]:
    """The operations of a source node with `k` leaving edges, and alternatives."""
    kind = {"device": DEVICE, "dtype": torch.bfloat16}

    def picture(channels: int) -> Tensor:
        return torch.randn(n, channels, size, size, **kind).contiguous(memory_format=torch.channels_last)

    def kernel(outputs: int, side: int) -> Tensor:
        return torch.randn(outputs, c, side, side, **kind).contiguous(memory_format=torch.channels_last)

    x, g, y = picture(c), picture(c), picture(k * c)
    w3, w1, w6 = kernel(k * c, 3), kernel(k * c, 1), kernel(2 * k * c, 3)
    y6 = picture(2 * k * c)
    scale = torch.rand(k * c, device=DEVICE)
    bias, running = torch.zeros(k * c, device=DEVICE), torch.rand(k * c, device=DEVICE) + 0.5
    weight = torch.rand((), device=DEVICE)
    ones = torch.ones(c, 1, 3, 3, **kind)
    aten = torch.ops.aten
    native = aten.native_batch_norm(y, scale, None, running, running, True, 0.1, 1e-5)
    cudnn = aten.cudnn_batch_norm(y, scale, bias, running, running, True, 0.1, 1e-5)

    def backward(w: Tensor, dy: Tensor, pad: int, mask: list[bool]) -> object:
        return aten.convolution_backward(
            dy, x, w, None, [1, 1], [pad, pad], [1, 1], False, [0, 0], 1, [*mask, False]
        )  # fmt: skip

    return {
        "relu": lambda: F.relu(x),
        "conv 3x3": lambda: F.conv2d(x, w3, padding=1),
        "conv 1x1": lambda: F.conv2d(x, w1),
        "conv 3x3 and 1x1 as one 3x3": lambda: F.conv2d(x, w6, padding=1),
        "conv 3x3 backward": lambda: backward(w3, y, 1, [True, True]),
        "conv 3x3 backward, x only": lambda: backward(w3, y, 1, [True, False]),
        "conv 1x1 backward": lambda: backward(w1, y, 0, [True, True]),
        "one 3x3 backward": lambda: backward(w6, y6, 1, [True, True]),
        "batch norm native": lambda: aten.native_batch_norm(y, scale, None, running, running, True, 0.1, 1e-5),
        "batch norm cudnn": lambda: aten.cudnn_batch_norm(y, scale, bias, running, running, True, 0.1, 1e-5),
        "batch norm native backward": lambda: aten.native_batch_norm_backward(
            y, y, scale, running, running, native[1], native[2], True, 1e-5, [True, True, False]
        ),
        "batch norm cudnn backward": lambda: aten.cudnn_batch_norm_backward(
            y, y, scale, running, running, cudnn[1], cudnn[2], 1e-5, cudnn[3]
        ),
        "batch norm stats": lambda: torch.batch_norm_stats(y, 1e-5),
        "average pool": lambda: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
        "average pool backward": lambda: aten.avg_pool2d_backward(g, x, [3, 3], [1, 1], [1, 1], False, False, None),
        "depthwise pool": lambda: F.conv2d(x, ones, padding=1, groups=c),
        "x * weight": lambda: x * weight,
        "addcmul": lambda: torch.addcmul(g, x, weight),
        "add a slice": lambda: g + y[:, :c],
        "cat": lambda: torch.cat([g] * k, 1),
        "dot by product and sum": lambda: (g * x).sum(),
        "dot": lambda: torch.dot(g.permute(0, 2, 3, 1).reshape(-1), x.permute(0, 2, 3, 1).reshape(-1)),
    }


def main() -> int:
    """Print the kernels of a step and the pieces."""
    if not torch.cuda.is_available():
        print("no CUDA device: nothing measured")
        return 4
    print(torch.cuda.get_device_name(), torch.__version__, "cudnn", torch.backends.cudnn.version())
    for tool in ("gcc", "clang", "nvcc"):
        print(tool, shutil.which(tool))
    print("compile_kernel", hasattr(torch.cuda, "_compile_kernel"))
    try:
        import triton

        print("triton", triton.__version__)
    except ImportError as reason:
        print("no triton:", reason)
    sizes = ((16, 32), (32, 16), (64, 8))
    columns = [pieces(c, size) for c, size in sizes]
    for name in columns[0]:
        row = []
        for column in columns:
            try:
                row.append(f"{microseconds(column[name]):9.1f}")
            except RuntimeError as reason:
                row.append(f"  {str(reason).splitlines()[0][:40]}")
        print(f"{name:30}", *row, flush=True)
    run = training(Namespace(steps=12, channels=16, cells=5))
    run.step._capture_at = None
    with capture.own_stream(DEVICE):
        run.run_epoch()
        with profile(activities=[ProfilerActivity.CUDA]) as report:
            run.run_epoch()
            torch.cuda.synchronize()
    print(report.key_averages().table(sort_by="self_cuda_time_total", row_limit=45, max_name_column_width=90))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
