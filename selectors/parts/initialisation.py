"""Fresh weights drawn from an explicit generator; the global random state is neither read nor changed."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Fill = Callable[[Tensor, torch.Generator], Tensor]
"""(weight, CPU generator) -> new values on the CPU, in the shape and dtype of the weight."""


def fan_in_of(weight: Tensor) -> int:
    """Number of inputs to one output of a convolution [out, in, h, w] or a linear layer [out, in]."""
    return weight[0].numel()


def fan_out_of(weight: Tensor) -> int:
    """Number of outputs that one input of a convolution or a linear layer feeds."""
    return weight.shape[0] * weight[0, 0].numel()


def pytorch_default(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in +-1/sqrt(fan-in), the default of nn.Conv2d and nn.Linear."""
    bound = 1 / math.sqrt(fan_in_of(weight))
    values = torch.empty(weight.shape, dtype=weight.dtype)
    return values.uniform_(-bound, bound, generator=generator)


def kaiming_normal_fan_in(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Normal with variance 2 / fan-in. Source: He et al., ICCV 2015, section 2.2."""
    values = torch.empty(weight.shape, dtype=weight.dtype)
    return values.normal_(0, math.sqrt(2 / fan_in_of(weight)), generator=generator)


def kaiming_normal_fan_out(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Normal with variance 2 / fan-out. Source: He et al., ICCV 2015, section 2.2."""
    values = torch.empty(weight.shape, dtype=weight.dtype)
    return values.normal_(0, math.sqrt(2 / fan_out_of(weight)), generator=generator)


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator, fill: Fill = pytorch_default) -> nn.Module:
    """Draw all weights of `network` anew, in place, and reset its batch-norm statistics; returns the network.

    Weights of convolutions and linear layers come from `fill`. Biases are uniform in +-1/sqrt(fan-in) with PyTorch's
    default fill and zero with any other. Batch norm becomes the identity.
    """
    for module in network.modules():
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, nn.BatchNorm2d):
            if module.affine:
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        else:
            for name, parameter in own.items():
                if parameter.dim() > 1:
                    parameter.copy_(fill(parameter, generator))
                elif fill is pytorch_default:
                    bound = 1 / math.sqrt(fan_in_of(own[name.replace("bias", "weight")]))
                    values = torch.empty(parameter.shape, dtype=parameter.dtype)
                    parameter.copy_(values.uniform_(-bound, bound, generator=generator))
                else:
                    nn.init.zeros_(parameter)
        for name, statistic in module.named_buffers(recurse=False):
            if "mean" in name or name == "num_batches_tracked":
                statistic.zero_()
            elif "var" in name:
                statistic.fill_(1)
    return network


def build(
    make: Callable[[], nn.Module], generator: torch.Generator, like: Tensor, fill: Fill = pytorch_default
) -> nn.Module:
    """The network that `make` builds, with fresh weights, on the device and in the dtype of `like`.

    It is first built without storage, because PyTorch's constructors draw from the global generator.
    """
    with torch.device("meta"):
        network = make()
    network.to_empty(device=like.device)
    return initialise(network.to(like.dtype), generator, fill)
