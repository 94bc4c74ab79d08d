"""Networks and images for the tests of the proxies; Tiny uses none of the project's modules."""

import copy
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_selection_bench.supernets.network.literal import Mixture
from nas_selection_bench.supernets.network.standalone import StandaloneNetwork


class Tiny(nn.Module):
    """Two convolutions with batch norm and ReLU, pooling and a classifier, in float64, with a few hundred weights."""

    def __init__(self, classes: int = 3, seed: int = 0) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.first_bn = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 5, 3, stride=2, padding=1, bias=False)
        self.second_bn = nn.BatchNorm2d(5)
        self.relu = nn.ReLU()
        self.classifier = nn.Linear(5, classes)
        self.double()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.first_bn(self.first(images)))
        x = self.relu(self.second_bn(self.second(x)))
        return self.classifier(x.mean((2, 3)))


class Chain(nn.Sequential):
    """Linear maps of a flattened image, with nothing between them."""

    def __init__(self, *widths: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        maps = []
        for inputs, outputs in itertools.pairwise(widths):
            linear = nn.Linear(inputs, outputs, bias=False).double()
            with torch.no_grad():
                linear.weight.copy_(torch.randn(outputs, inputs, generator=generator, dtype=torch.float64))
            maps.append(linear)
        super().__init__(nn.Flatten(), *maps)

    def weights(self) -> list[Tensor]:
        """The weights from input to output, [outputs, inputs] each."""
        return [parameter.data for parameter in self.parameters()]


class CellByHand(nn.Module):
    """A cell with fixed edge weights [6, 5], whose operations of weight 0 are fed zeros or are absent."""

    def __init__(self, edges: nn.ModuleList, weights: Tensor, absent: bool) -> None:
        super().__init__()
        self.edges = nn.ModuleList(edge.operations for edge in edges)  # type: ignore[misc]
        self.rows, self.absent = weights.tolist(), absent

    def edge(self, number: int, x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for operation, weight in zip(self.edges[number], self.rows[number], strict=True):  # type: ignore[arg-type]
            if weight:
                total = total + weight * operation(x)
            elif not self.absent:
                total = total + weight * operation(torch.zeros_like(x))
        return total

    def forward(self, x: Tensor, _weights: Tensor, _skip: float = 0.0) -> Tensor:
        one = self.edge(0, x)
        two = self.edge(1, x) + self.edge(2, one)
        return self.edge(3, x) + self.edge(4, one) + self.edge(5, two)


def fed_zeros_by_hand(mixture: Mixture, weights: Tensor, *, absent: bool = False) -> nn.Module:
    """A copy of the mixture with edge weights [6, 5], in which operations of weight 0 are fed zeros or are `absent`."""
    twin = copy.deepcopy(mixture)
    cells = [CellByHand(cell.edges, weights, absent) for cell in twin.cells]
    twin.network.cells = nn.ModuleList(cells)
    return twin


def batch(images: int, size: int = 4, classes: int = 3, channels: int = 3, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, channels, size, size, generator=generator, dtype=torch.float64)
    return x, torch.arange(images) % classes


def some_images(count: int = 8, classes: int = 10) -> tuple[Tensor, Tensor]:
    """`count` images of 8x8 in float32, and labels."""
    images, labels = batch(count, size=8, classes=classes)
    return images.float(), labels


def network(architecture: tuple[int, ...] = (3, 2, 1, 4, 3, 1), seed: int = 0) -> nn.Module:
    """The stand-alone network of an architecture, with 4 channels and one cell per stage."""
    torch.manual_seed(seed)
    return StandaloneNetwork(architecture, 4, 1, 10)  # type: ignore[arg-type]


def loss_at(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The loss of a copy in train mode, evaluated without gradients."""
    with torch.no_grad():
        return float(F.cross_entropy(copy.deepcopy(network).train()(images), labels))


def weights_of(network: nn.Module) -> list[Tensor]:
    return [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def numerical_gradients(network: nn.Module, images: Tensor, labels: Tensor, step: float = 1e-5) -> list[Tensor]:
    """Central differences of the loss with respect to all weights of convolutions and linear layers."""
    network = copy.deepcopy(network)
    found = []
    for weight in weights_of(network):
        gradient = torch.zeros_like(weight)
        for position in range(weight.numel()):
            entry = weight.data.view(-1)
            original = float(entry[position])
            entry[position] = original + step
            above = loss_at(network, images, labels)
            entry[position] = original - step
            below = loss_at(network, images, labels)
            entry[position] = original
            gradient.view(-1)[position] = (above - below) / (2 * step)
        found.append(gradient.detach())
    return found
