"""Small pieces of linear algebra and counting that several proxies share."""

import torch
from torch import Tensor

from selectors.proxies._contract import ProxyFailure

BITS = 62
"""Bits packed into one int64: the sign and one more bit are left alone."""


def correlation(rows: Tensor) -> Tensor:
    """The Pearson correlations [n, n] between the rows of [n, m], in float64; constant rows give nan."""
    rows = rows.double()
    centred = rows - rows.mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    # A constant row is not exactly zero after centring; its rounding noise is not a direction.
    constant = length <= 1e-12 * rows.norm(dim=1, keepdim=True)
    unit = torch.where(constant, torch.nan, centred / length)
    return (unit @ unit.T).clamp(-1, 1)


def input_correlation(jacobian: Tensor) -> Tensor:
    """The correlations between images' gradients [n, m]; raises ProxyFailure where an image has none."""
    if not bool(torch.isfinite(jacobian).all()):
        raise ProxyFailure("the gradient of the logits by the images is not finite.")
    matrix = correlation(jacobian)
    constant = int(matrix.diagonal().isnan().sum())
    if constant:
        raise ProxyFailure(
            f"the gradient of the logits by the image is constant for {constant} of {len(jacobian)} images"
            " (no path from the input to the output?), so it has no correlation."
        )
    return matrix


def spectrum(kernel: Tensor, what: str) -> Tensor:
    """The ascending eigenvalues of a symmetric positive definite matrix [n, n], float64.

    Raises ProxyFailure if it is singular to machine precision or not finite.
    """
    kernel = kernel.detach().double()
    if not bool(torch.isfinite(kernel).all()):
        raise ProxyFailure(f"{what} is not finite.")
    values = torch.linalg.eigvalsh(kernel)
    if float(values[0]) <= float(values[-1]) * len(values) * torch.finfo(torch.float64).eps:
        raise ProxyFailure(
            f"{what} is singular: its eigenvalues go from {float(values[0]):.3g} to {float(values[-1]):.3g}."
        )
    return values


def distinct_rows(bits: Tensor) -> int:
    """The number of different rows of a boolean matrix [rows, columns], exactly."""
    rows, columns = bits.shape
    group = torch.zeros(rows, dtype=torch.int64, device=bits.device)
    count = min(rows, 1)
    for first in range(0, columns, BITS):
        word = torch.zeros(rows, dtype=torch.int64, device=bits.device)
        for position, column in enumerate(bits[:, first : first + BITS].T.contiguous()):
            word |= column.to(torch.int64) << position
        values, word_group = torch.unique(word, return_inverse=True)
        # Rows are alike so far when they are in one group and have the same word.
        groups, group = torch.unique(group * len(values) + word_group, return_inverse=True)
        count = len(groups)
        if count == rows:
            break
    return count
