"""The images of a table: the training and the test split of digits or of a data set of the user's own."""

from pathlib import Path

from nas_selection_bench.bench.errors import UsageError, counted
from nas_selection_bench.bench.names import nearest
from nas_selection_bench.bench.problem.datasets import data_root, refuse_more_images
from nas_selection_bench.bench.problem.digits import digits_images
from nas_selection_bench.bench.problem.image_set import ImageSet
from nas_selection_bench.bench.problem.own_dataset import load_own, own_names
from nas_selection_bench.supernets.table.training import TableRecipe


def load_splits(name: str, root: Path | None, recipe: TableRecipe) -> tuple[ImageSet, ImageSet]:
    """Training and test images of the data set `name`; `root` is the folder of the user's own data sets, if given.

    Raises UsageError for a data set without test images, or with too few images for the recipe.
    """
    train, held_out = (digits_images(), digits_images(split="test")) if name == "digits" else _own(name, root)
    if recipe.images != TableRecipe.images:  # the default may be more than there are
        refuse_more_images(recipe.images, len(train), name)
    if (used := min(recipe.images, len(train))) < recipe.batch_size:
        raise UsageError(f"--batch-size {recipe.batch_size}: training uses {counted(used, 'image')}; ask for fewer.")
    return train, held_out


def _own(name: str, given: Path | None) -> tuple[ImageSet, ImageSet]:
    root = data_root(given)
    if name not in own_names(root):
        near = nearest(name, ("digits", *own_names(root)), 1)
        raise UsageError(
            f"No test images for {name!r}: a table can be made for digits or for a data set of your own in {root}"
            + (f"; did you mean {near[0]}?" if near else ".")
        )
    return load_own(name, root), load_own(name, root, split="test")
