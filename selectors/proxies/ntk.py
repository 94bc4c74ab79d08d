"""ntk: the condition number of the neural tangent kernel, i.e. how evenly the network can learn.

Chen, Gong, Wang, "Neural Architecture Search on ImageNet in Four GPU Hours" (TE-NAS), ICLR 2021,
after Lee et al., NeurIPS 2019, and Xiao, Pennington, Schoenholz, ICML 2020.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.work.options import option
from nas_selection_bench.selectors.proxies._contract import Batch, GradientProxy, Passes, ProxyFailure, as_asked
from nas_selection_bench.selectors.proxies._matrices import spectrum
from nas_selection_bench.selectors.proxies._network import gradients_of, use_batch_norm


@dataclass(frozen=True)
class Ntk(GradientProxy):
    """The ratio of the largest to the smallest eigenvalue of the kernel of the images' parameter gradients."""

    bn: str | None = option(None, as_asked, "batch-norm statistics; asked: those of --bn; running mixes no images")

    paper = "Chen, Gong & Wang, TE-NAS, ICLR 2021"
    formula = "lambda_max / lambda_min of K_ij = <d f_i/dw, d f_j/dw>, f_i = sum of the logits of image i, w = weights"
    higher_is_better = False
    uses_labels = False
    batch_norm = "as asked, batch statistics by default (option bn)"
    differs = (
        "symmetric eigenvalues in double precision; a kernel that is singular to machine precision is a failure (the"
        " released code lets the ratio turn negative or infinite). The images are the caller's: the paper speaks of"
        " a batch of 32, the released script takes 72"
    )
    minimum_images = 2
    changes_network = False

    def passes(self, images: int) -> Passes:
        """One forward pass, and one backward pass per image; with running statistics, one of each for all images."""
        return Passes(1, 1 if self.bn == "running" else images)

    def compute(self, network: nn.Module, batch: Batch) -> float:
        use_batch_norm(network, self.bn)
        # As released: convolutions, linear layers and the scales of batch norms, but no biases.
        weights = {name: weight for name, weight in network.named_parameters() if name.endswith("weight")}
        if not weights:
            raise ProxyFailure("the network has no parameter called weight.")
        rows = image_gradients if self.bn == "running" else mixed_gradients
        gradients = rows(network, batch.images, weights).double()
        values = spectrum(gradients @ gradients.T, "the neural tangent kernel")
        return float(values[-1] / values[0])


def mixed_gradients(network: nn.Module, images: Tensor, weights: dict[str, nn.Parameter]) -> Tensor:
    """The gradient [n, weights] of each image's summed logits, for a batch norm that mixes the images.

    Each row is a backward pass through the whole batch. (On a CPU a loop is faster than all rows at once: 2.8 s
    against 3.5 to 4.0 s for 32 images at 16 channels, one thread. On a GPU a loop would launch 32 times as many
    kernels, and so would is_grads_batched, which loops over batch norms and convolutions.)
    """
    outputs = network(images).sum(1)
    if not outputs.requires_grad:
        raise ProxyFailure("the logits depend on no weight.")
    parameters = list(weights.values())
    if images.device.type != "cpu":

        def row(of_outputs: Tensor) -> tuple[Tensor, ...]:
            return torch.autograd.grad(outputs, parameters, of_outputs, retain_graph=True, materialize_grads=True)

        found = torch.func.vmap(row)(torch.eye(len(outputs)).to(outputs))
        return torch.cat([gradient.flatten(1) for gradient in found], dim=1)
    rows = (gradients_of(output, parameters, retain_graph=True) for output in outputs)
    return torch.stack([torch.cat([gradient.flatten() for gradient in row]) for row in rows])


def image_gradients(network: nn.Module, images: Tensor, weights: dict[str, nn.Parameter]) -> Tensor:
    """The gradient [n, weights] of each image's summed logits, in one pass, if no image affects another's logits."""

    def summed_logits(values: dict[str, Tensor], image: Tensor) -> Tensor:
        logits: Tensor = torch.func.functional_call(network, values, (image[None],))
        return logits.sum()

    values = {name: weight.detach() for name, weight in weights.items()}
    found = torch.func.vmap(torch.func.grad(summed_logits), in_dims=(None, 0))(values, images)
    return torch.cat([gradient.flatten(1) for gradient in found.values()], dim=1)


PROXY = Ntk()
