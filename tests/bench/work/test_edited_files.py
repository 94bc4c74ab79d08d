"""Which files of selectors and recipes changed since their results were stored or their supernets trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas_selection_bench.bench.work.edited_files import FEW_FILES, Sources, keep_source, kept_source
from nas_selection_bench.bench.work.methods import Source
from nas_selection_bench.bench.work.store import Store

EDITED = pytest.mark.parametrize("edited", [0, 1, FEW_FILES, FEW_FILES + 1, 7])
NAMES = [f"s{i}" for i in range(8)]


@EDITED
def test_each_edited_selector_is_named_and_many_share_a_line(
    edited: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "cost", lambda _self, _stem: {"source": "as it was"})
    done = {f"{name}.{seed}": name for name in NAMES for seed in (0, 1)}
    lines = Sources(selectors=_files("selectors", edited)).edits_of_selectors(done, Store(tmp_path))
    _names_the_edited(lines, "selectors", edited, "result")


@EDITED
def test_each_edited_recipe_is_named_and_many_share_a_line(edited: int, tmp_path: Path) -> None:
    plan = [_Planned(_Supernet(name, seed)) for name in NAMES for seed in (0, 1) for _ in range(2)]
    for planned in plan:
        keep_source(planned.supernet.folder(tmp_path), "as it was")
    store = Store(tmp_path / "results")
    lines = Sources(recipes=_files("supernets", edited)).edits([], plan, store, tmp_path)  # type: ignore[arg-type]
    _names_the_edited(lines, "supernets", edited, "supernet")


def _files(folder: str, edited: int) -> dict[str, Source | None]:
    return {
        name: Source(f"{folder}/{name}.py", "edited" if i < edited else "as it was") for i, name in enumerate(NAMES)
    }


def _names_the_edited(lines: Sequence[str], folder: str, edited: int, what: str) -> None:
    """Two of `what` were made by each file."""
    assert len(lines) == (edited if edited <= FEW_FILES else 1)
    said = " ".join(lines)
    assert [name for name in NAMES if f"{folder}/{name}.py" in said] == NAMES[:edited]
    if edited > FEW_FILES:
        assert f"{edited} files" in said and f"{2 * edited} {what}s" in said
    else:
        assert said.count(f"2 {what}s") == edited


@dataclass(frozen=True)
class _Supernet:
    """The parts of a supernet in a plan that are read here."""

    recipe: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.recipe}.{self.seed}"

    @property
    def job(self) -> "_Supernet":
        return self

    def folder(self, cache: Path) -> Path:
        folder = cache / self.key
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass(frozen=True)
class _Planned:
    supernet: _Supernet


def test_a_training_that_resumes_keeps_the_digest_it_began_with(tmp_path: Path) -> None:
    keep_source(tmp_path, None)
    assert kept_source(tmp_path) is None
    for digest in ("as it was", "as it is"):
        keep_source(tmp_path, digest)
        assert kept_source(tmp_path) == "as it was"
