"""An option that names more images or mini-batches than there are skips the cell: it is never cut in silence."""

import pytest

from nas_selection_bench.bench.errors import SkipCell
from nas_selection_bench.selectors.parts import registry
from tests.selectors import small


@pytest.mark.parametrize(
    ("enough", "too_many"),
    [
        ("one-shot-sampled[architectures=2,images=24]", "one-shot-sampled[architectures=2,images=25]"),
        ("te-nas[images=6,repeats=1]", "te-nas[images=999,repeats=1]"),
        ("zero-cost-pt[proposals=1,validation=1]", "zero-cost-pt[proposals=1,validation=999]"),
    ],
)
def test_more_images_than_there_are_skip_the_cell(enough: str, too_many: str) -> None:
    registry.find(enough).select(small.search(enough))
    option = too_many.rpartition(",")[2].rstrip("]") if "validation" in too_many else "images="
    with pytest.raises(SkipCell, match=option):
        registry.find(too_many).select(small.search(too_many))


def test_the_default_takes_the_images_that_there_are() -> None:
    search = small.search("one-shot[architectures=2]")
    assert search.image_count < 128
    registry.find("one-shot[architectures=2]").select(search)
