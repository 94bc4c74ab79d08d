"""The networks of a population as plain modules, and images to train them on."""

import torch
from torch import Tensor, nn

from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.supernets.network.skeleton import ReductionBlock
from nas_selection_bench.supernets.network.standalone import StandaloneCell, StandaloneNetwork
from nas_selection_bench.supernets.table.population import Population

CHANNELS, CELLS, CLASSES = 4, 2, 10


def tensor_of(network: StandaloneNetwork, name: str) -> Tensor:
    """The parameter of a plain network that has the name `name` in a population."""
    kind = {"conv": "weight", "scale": "weight", "shift": "bias", "shortcut": "weight"}
    words = name.split(".")
    module: nn.Module
    if words[0] == "stem":
        module = network.stem[0 if words[1] == "conv" else 1]
    elif words[0] == "last":
        module = network.last_bn
    elif words[0] == "classifier":
        return network.get_parameter(name)
    elif words[1] == "reduce":
        block = network.reductions[int(words[0][5:]) - 1]
        assert isinstance(block, ReductionBlock)
        if words[2] == "shortcut":
            module = block.shortcut[1]
        else:
            module = (block.first if words[2] == "a" else block.second)[1 if words[3] == "conv" else 2]
    else:
        cell = network.cells[int(words[0][5:]) * CELLS + int(words[1][4:])]
        assert isinstance(cell, StandaloneCell)
        operation = cell.edges[int(words[2][4:])]
        assert isinstance(operation, nn.Sequential)
        module = operation[1 if words[4] == "conv" else 2]
    return module.get_parameter(kind[words[-1]])


def plain_networks(population: Population) -> list[StandaloneNetwork]:
    """The same networks with the same weights, one plain module each."""
    networks = []
    for number, architecture in enumerate(population.architectures):
        network = StandaloneNetwork(architecture, CHANNELS, CELLS, CLASSES).double()
        with torch.no_grad():
            for name, values in parts_of(population, number, population.values).items():
                tensor_of(network, name).copy_(values)
        networks.append(network)
    return networks


def parts_of(population: Population, number: int, vector: Tensor) -> dict[str, Tensor]:
    """The parts of `vector` (values or gradients) that belong to network `number`, by tensor name."""
    found = {}
    for name, part in population.parts.items():
        if number in part.networks:
            stack = vector[part.start : part.stop].view(len(part.networks), *part.shape)
            found[name] = stack[part.networks.index(number)]
    return found


def image_set(count: int, seed: int) -> ImageSet:
    """An image set of noise, 8x8, in four classes."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.randint(4, (count,), generator=generator)
    return ImageSet("own", images, labels, 4, (0.5, 0.5, 0.5), (0.3, 0.3, 0.3), 0, False)
