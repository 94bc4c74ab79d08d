"""Halves, fixed batches, and augmentation compared with a crop of each image in plain numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.problem.batches import Half
from nas_selection_bench.bench.problem.image_set import ImageSet

MEAN, STD = (0.4, 0.5, 0.25), (0.2, 0.25, 0.5)


def image_set(n: int = 60, size: int = 6, padding: int = 2, flip: bool = True, seed: int = 0) -> ImageSet:
    """Images of random pixels; the label of an image is its index."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (n, 3, size, size), generator=generator, dtype=torch.uint8)
    return ImageSet("made up", pixels, torch.arange(n), n, MEAN, STD, padding, flip)


def literal_crop(image: np.ndarray, top: int, left: int, mirrored: bool, padding: int) -> np.ndarray:
    """Augment one image in numpy: black border, crop, mirror, divide by 255, subtract the mean, divide by the std."""
    channels, height, width = image.shape
    canvas = np.zeros((channels, height + 2 * padding, width + 2 * padding))
    canvas[:, padding : padding + height, padding : padding + width] = image
    crop = canvas[:, top : top + height, left : left + width]
    if mirrored:
        crop = crop[:, :, ::-1]
    return (crop / 255 - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]


def matches(image: np.ndarray, result: Tensor, padding: int, flip: bool) -> list[tuple[int, int, bool]]:
    """The crops (top, left, mirrored) of `image` that equal `result`."""
    return [
        (top, left, mirrored)
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
        for mirrored in ((False, True) if flip else (False,))
        if np.allclose(literal_crop(image, top, left, mirrored, padding), result.numpy(), atol=1e-5)
    ]


@given(st.integers(0, 2**63 - 2), st.integers(0, 3), st.booleans(), st.integers(4, 7), st.integers(1, 13))
@settings(max_examples=25, deadline=None)
def test_each_image_is_one_literal_crop_of_itself(seed: int, padding: int, flip: bool, size: int, batch: int) -> None:
    images = image_set(26, size, padding, flip)
    for half in ("weights", "selection"):
        seen: list[int] = []
        for x, y in Half(images, half, "cpu").epoch(seed, batch):
            assert x.shape == (batch, 3, size, size) and y.shape == (batch,)
            for picture, label in zip(x, y.tolist(), strict=True):
                assert matches(images.images[label].numpy(), picture, padding, flip)
            seen += y.tolist()
        assert len(seen) == len(set(seen)) == 13 // batch * batch, "every image at most once, only whole batches"
        assert set(seen) <= set(range(13) if half == "weights" else range(13, 26))


@pytest.mark.thorough
def test_every_crop_and_mirror_occurs_about_equally_often() -> None:
    images = image_set(200, size=5, padding=1)
    half = Half(images, "weights", "cpu")
    counts: dict[tuple[int, int, bool], int] = {}
    for seed in range(20):
        for x, y in half.epoch(seed, 50):
            for picture, label in zip(x, y.tolist(), strict=True):
                (crop,) = matches(images.images[label].numpy(), picture, 1, True)
                counts[crop] = counts.get(crop, 0) + 1
    expected = 2000 / 18
    assert len(counts) == 18
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 40.8, "17 degrees of freedom: 40.8 is exceeded once in a thousand"


def same(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    pairs = list(zip(first, second, strict=True))
    return all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in pairs)


def test_the_same_seed_gives_the_same_batches_and_another_seed_others() -> None:
    images = image_set()
    half, again = Half(images, "weights", "cpu"), Half(images, "weights", "cpu")
    torch.manual_seed(5)
    first = list(half.epoch(3, 8))
    torch.manual_seed(6)
    torch.rand(1)
    assert same(first, list(again.epoch(3, 8)))
    assert same(first, list(half.epoch(3, 8))), "an epoch leaves no trace"
    assert not same(first, list(half.epoch(4, 8)))


def test_an_epoch_disturbs_nobody_elses_random_numbers() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    list(Half(image_set(), "weights", "cpu").epoch(9, 4))
    assert torch.equal(torch.rand(3), expected)


@given(st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_the_stream_of_images_does_not_depend_on_the_batch_size(a: int, b: int) -> None:
    half = Half(image_set(), "selection", "cpu")
    first, second = (torch.cat([x for x, _ in half.epoch(11, size)]) for size in (a, b))
    shared = min(len(first), len(second))
    assert torch.equal(first[:shared], second[:shared])


def test_many_chunks_equal_one(monkeypatch: pytest.MonkeyPatch) -> None:
    half = Half(image_set(), "weights", "cpu")
    whole = list(half.epoch(2, 4))
    monkeypatch.setattr("nas_selection_bench.bench.problem.batches._IMAGES_AT_ONCE", 9)
    assert same(whole, list(half.epoch(2, 4)))


@pytest.mark.parametrize("n", [2, 3, 60, 61])
def test_halves_are_disjoint_by_index_and_together_everything(n: int) -> None:
    images = image_set(n)
    weights, selection = Half(images, "weights", "cpu"), Half(images, "selection", "cpu")
    assert len(weights) == n // 2 and len(weights) + len(selection) == n
    labels = [torch.cat([y for _, y in half.fixed(7)]).tolist() for half in (weights, selection)]
    assert labels[0] + labels[1] == list(range(n))


def test_fixed_batches_are_the_plain_images_in_order() -> None:
    images = image_set(padding=2)
    batches = Half(images, "selection", "cpu").fixed(8)
    assert [len(y) for _, y in batches] == [8, 8, 8, 6]
    for x, y in batches:
        for picture, label in zip(x, y.tolist(), strict=True):
            plain = literal_crop(images.images[label].numpy(), 2, 2, False, 2)
            np.testing.assert_allclose(picture.numpy(), plain, atol=1e-6)


@pytest.mark.parametrize(
    ("limit", "sizes"), [(None, [20, 10]), (30, [20, 10]), (25, [20, 5]), (20, [20]), (99, [20, 10])]
)
def test_fixed_takes_at_most_the_first_images(limit: int | None, sizes: list[int]) -> None:
    batches = Half(image_set(), "selection", "cpu").fixed(20, limit)
    assert [len(y) for _, y in batches] == sizes
    assert torch.cat([y for _, y in batches]).tolist() == list(range(30, 30 + sum(sizes)))


def test_dtype_and_memory_format() -> None:
    half = Half(image_set(), "weights", "cpu")
    for x, _ in [*half.fixed(8), *half.epoch(1, 8)]:
        assert x.dtype == torch.float32 and x.is_contiguous(memory_format=torch.channels_last)


def test_a_batch_that_cannot_be_filled_is_refused_at_once() -> None:
    half = Half(image_set(10), "weights", "cpu")
    with pytest.raises(UsageError, match=r"weights half of made up has 5 images.*6"):
        half.epoch(0, 6)
    for batch_size, limit in ((0, None), (4, 0)):
        with pytest.raises(UsageError):
            half.fixed(batch_size, limit)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_sees_the_same_images() -> None:
    images = image_set(3000, size=32, padding=4)
    for half in ("weights", "selection"):
        on_cpu, on_gpu = Half(images, half, "cpu"), Half(images, half, "cuda")
        for a, b in ((on_cpu.epoch(7, 64), on_gpu.epoch(7, 64)), (on_cpu.fixed(256), on_gpu.fixed(256))):
            for (x, y), (gpu_x, gpu_y) in zip(a, b, strict=True):
                assert gpu_x.is_cuda and gpu_x.is_contiguous(memory_format=torch.channels_last)
                assert torch.equal(y, gpu_y.cpu())
                torch.testing.assert_close(x, gpu_x.cpu(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("padding", [0, 2])
def test_what_is_written_into_batches_stays_out_of_the_image_set(padding: int) -> None:
    """The image set is kept for the next cell of the process, so changing a batch must not change the set."""
    images, untouched = image_set(padding=padding, flip=False), image_set(padding=padding, flip=False)
    for half in ("weights", "selection"):
        own = Half(images, half, "cpu")
        expected = [x.clone() for x, _ in own.fixed(10)]
        for x, y in (*own.fixed(10), *own.epoch(0, 10)):
            x.zero_()
            y.zero_()
        assert all(torch.equal(x, before) for (x, _), before in zip(own.fixed(10), expected, strict=True))
    assert torch.equal(images.labels, untouched.labels)
    assert torch.equal(images.images, untouched.images)
