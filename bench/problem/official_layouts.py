"""The official layouts of CIFAR-10, CIFAR-100 and ImageNet16 on disk, read without trusting them.

The three data sets come as pickles, and unpickling a file from outside can run arbitrary code. Here a
file may build numpy arrays and plain containers and nothing else. A missing, damaged or wrong file is
refused with one sentence that names it.

Sources: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009 (CIFAR);
Chrabaszcz, Loshchilov & Hutter, "A Downsampled Variant of ImageNet as an Alternative to the CIFAR
datasets", arXiv 1707.08819, 2017 (ImageNet16); Dong & Yang, "NAS-Bench-201", ICLR 2020, section 2.2
(its first 120 classes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nas_selection_bench.bench.errors import DAMAGE, DataError, MissingData, in_brief
from nas_selection_bench.bench.problem.pickled_names import ARRAYS, RefusedName
from nas_selection_bench.bench.problem.safe_pickle import Machine


@dataclass(frozen=True)
class Layout:
    """Location of the training images of one data set under the data root, and what the files must contain."""

    name: str
    folder: str
    """Folder under the data root, as unpacked from the official archive."""
    files: tuple[str, ...]
    """Training files in official order."""
    label_key: str
    """The entry of each file that holds the labels."""
    size: int
    """Height and width in pixels; an image is 3 planes of size x size bytes."""
    classes: int
    """Number of classes kept: those with the lowest labels."""
    file_classes: int
    """Number of classes in the files."""
    first_label: int
    """Label of the first class in the files: 0, or 1 for ImageNet16."""
    images: int
    """Number of training images kept, over all files."""
    images_per_file: int | None
    """Number of images in each file, if all files have equally many and all images are kept; else None."""
    source: str
    """Where to get the data set, as a clause for error messages."""
    archive: str
    """The official archive or files, with size and checksum if they are published."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """MD5 of single files, if published."""


def load_arrays(file: BinaryIO, named: str) -> dict[str, object]:
    """The dictionary pickled in `file`, with its keys as text; error messages call the file `named`.

    Reads pickles of Python 2 and 3. Raises DataError if the file is truncated or damaged, if it
    holds something other than a dictionary, or if it names a class or function other than those
    of numpy arrays (nothing in it has run then).
    """
    try:
        content = Machine(file, ARRAYS).load()
    except RefusedName as refused:
        raise DataError(
            f"{named} asks for {in_brief(refused)}, but a file of images may hold only numpy arrays and plain"
            " containers; nothing in it was run, get the official file instead."
        ) from None
    except DAMAGE as damage:
        raise DataError(f"{named} is truncated or damaged ({in_brief(damage)}).") from damage
    if not isinstance(content, dict):
        raise DataError(f"{named} holds a {type(content).__name__} where a dictionary of images was expected.")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def read_layout(layout: Layout, root: Path, limit: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The first `limit` training images of `layout` under `root`; all if `limit` is None or there are fewer.

    Returns images [n, 3, size, size] uint8 and labels [n] int64 counted from 0, in official order.
    Files beyond those that hold the first `limit` images are not needed and not opened.
    Raises DataError, one sentence with the source and the path, if a needed file is missing or
    does not match the layout.
    """
    whole = limit is None or limit >= layout.images
    wanted = layout.images if limit is None or whole else limit
    images = np.empty((wanted, 3, layout.size, layout.size), dtype=np.uint8)
    labels = np.empty(wanted, dtype=np.int64)
    found = 0
    for name in layout.files:
        if found >= wanted and not whole:
            break
        pixels, numbers = read_file(layout, root, name, found)
        take = min(len(numbers), wanted - found) if found < wanted else 0
        images[found : found + take] = pixels[:take].reshape(take, 3, layout.size, layout.size)
        labels[found : found + take] = numbers[:take]
        found += len(numbers)
    if found < wanted or (whole and found > wanted):
        raise _wrong_total(layout, root, found)
    return images, labels


def missing_file(layout: Layout, root: Path, limit: int | None = None) -> str | None:
    """One sentence on the first needed file that is missing; None if all exist."""
    before = 0
    for name in layout.files:
        if limit is not None and before >= limit:
            break
        if not (root / layout.folder / name).exists():
            return str(_missing(layout, root, root / layout.folder / name, before))
        before += layout.images_per_file or 0
    return None


def read_file(layout: Layout, root: Path, name: str, before: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Checked pixels [n, 3 * size * size] and labels [n], counted from 0, of the kept classes in one file.

    Raises DataError as `read_layout` does; `before` is the number of images in the files before this one.
    """
    path = root / layout.folder / name
    named = f"{path} ({layout.name})"
    try:
        with path.open("rb") as file:
            content = load_arrays(file, named)
    except FileNotFoundError:
        raise _missing(layout, root, path, before) from None
    except OSError as error:
        raise DataError(f"{named} cannot be read ({error.strerror}); {_remedy(layout, root, name)}.") from error
    except DataError as error:
        raise DataError(f"{str(error).removesuffix('.')}; {_remedy(layout, root, name)}.") from error.__cause__
    try:
        pixels, numbers = _checked(layout, content)
    except DAMAGE as error:
        raise DataError(f"{named} {in_brief(error, 400)}; {_remedy(layout, root, name)}.") from None
    if layout.classes < layout.file_classes:
        kept = numbers < layout.classes
        pixels, numbers = pixels[kept], numbers[kept]
    return pixels, numbers


def _checked(layout: Layout, content: dict[str, object]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels (from 0) of one file; raises ValueError whose message is a clause on what is wrong."""
    for key in ("data", layout.label_key):
        if key not in content:
            raise ValueError(f"has no entry {key!r}, only {', '.join(sorted(content)) or 'an empty dictionary'}")
    pixels, width = content["data"], 3 * layout.size**2
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        kind = f"an array of {pixels.dtype}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise ValueError(f"holds its images as {kind} where bytes (uint8) were expected")
    if pixels.ndim != 2 or pixels.shape[1] != width:
        raise ValueError(f"holds images of shape {pixels.shape} where (n, {width}) was expected")
    raw = content[layout.label_key]
    labels = np.asarray(raw if isinstance(raw, list | np.ndarray) else None)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"holds no list of whole numbers under {layout.label_key!r}")
    if len(labels) != len(pixels):
        raise ValueError(f"holds {len(pixels)} images but {len(labels)} labels")
    if layout.images_per_file is not None and len(labels) != layout.images_per_file:
        raise ValueError(f"holds {len(labels)} images where {layout.images_per_file} were expected")
    last = layout.first_label + layout.file_classes - 1
    wrong = np.flatnonzero((labels < layout.first_label) | (labels > last))
    if len(wrong):
        raise ValueError(f"gives image {wrong[0]} the label {labels[wrong[0]]}, outside {layout.first_label} to {last}")
    return pixels, labels.astype(np.int64) - layout.first_label


def _remedy(layout: Layout, root: Path, name: str) -> str:
    """The remedy as a clause: which file to get, from where, and where to put it."""
    checksum = f", md5 of {name} {layout.checksums[name]}" if name in layout.checksums else ""
    path = root / layout.folder / name
    return f"get {layout.archive}{checksum} from {layout.source} and unpack it so that {path} is there"


def _missing(layout: Layout, root: Path, path: Path, before: int) -> DataError:
    partial = f" (the files before it hold {before} images, enough for a preset that uses no more)" if before else ""
    return MissingData(f"{layout.name}: {path} is missing{partial}; {_remedy(layout, root, path.name)}.")


def _wrong_total(layout: Layout, root: Path, found: int) -> DataError:
    return DataError(
        f"{root / layout.folder} ({layout.name}) holds {found} training images of the first {layout.classes} classes"
        f" where {layout.images} were expected; {_remedy(layout, root, layout.files[0])}."
    )
