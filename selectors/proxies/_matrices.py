"""Linear algebra and counting shared by several proxies."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nas_selection_bench.selectors.proxies._contract import ProxyFailure


def on_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors, all of one type, on the CPU. They are copied together, so that a GPU synchronises only once."""
    if not tensors or tensors[0].device.type == "cpu":
        return list(tensors)
    together = torch.cat([tensor.flatten() for tensor in tensors]).cpu()
    parts = together.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def correlation(rows: Tensor) -> Tensor:
    """The Pearson correlations [n, n] between the rows of `rows` [n, m], in float64; constant rows give nan."""
    rows = rows.double()
    centred = rows - rows.mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    # A constant row is not exactly zero after centring; its rounding noise is not a direction.
    constant = length <= 1e-12 * rows.norm(dim=1, keepdim=True)
    unit = torch.where(constant, torch.nan, centred / length)
    return (unit @ unit.T).clamp(-1, 1)


def input_correlation(jacobian: Tensor) -> Tensor:
    """The correlations [n, n] between the images' gradients [n, m].

    Raises ProxyFailure if a gradient is not finite, or is constant and so has no correlation.
    """
    if not bool(torch.isfinite(jacobian).all()):
        raise ProxyFailure("the gradient of the logits with respect to the images is not finite.")
    matrix = correlation(jacobian)
    constant = int(matrix.diagonal().isnan().sum())
    if constant:
        raise ProxyFailure(
            f"the gradient of the logits with respect to the image is constant for {constant} of {len(jacobian)} images"
            " (no path from the input to the output?), so it has no correlation."
        )
    return matrix


def spectrum(kernel: Tensor, what: str) -> Tensor:
    """The ascending eigenvalues of a symmetric positive definite matrix [n, n], float64.

    Raises ProxyFailure if it is singular to machine precision or not finite.
    """
    kernel = kernel.detach().double().cpu()  # it is small: a GPU would take longer to find the eigenvalues
    if not bool(torch.isfinite(kernel).all()):
        raise ProxyFailure(f"{what} is not finite.")
    values = torch.linalg.eigvalsh(kernel)
    if float(values[0]) <= float(values[-1]) * len(values) * torch.finfo(torch.float64).eps:
        raise ProxyFailure(
            f"{what} is singular: its eigenvalues go from {float(values[0]):.3g} to {float(values[-1]):.3g}."
        )
    return values


def distinct_rows(bits: Tensor) -> int:
    """The exact number of distinct rows of a boolean matrix [rows, columns]."""
    packed = np.packbits(bits.cpu().numpy(), axis=1)
    return len({row.tobytes() for row in packed})
