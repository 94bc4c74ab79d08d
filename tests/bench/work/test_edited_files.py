"""Which files of selectors changed since their results were stored."""

from pathlib import Path

import pytest

from nas_selection_bench.bench.work.edited_files import FEW_FILES, Sources
from nas_selection_bench.bench.work.methods import Source
from nas_selection_bench.bench.work.store import Store


@pytest.mark.parametrize("edited", [0, 1, FEW_FILES, FEW_FILES + 1, 7])
def test_each_edited_file_is_named_and_many_share_a_line(
    edited: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"s{i}" for i in range(8)]
    monkeypatch.setattr(Store, "cost", lambda _self, _stem: {"source": "as it was"})
    now = {
        name: Source(f"selectors/{name}.py", "edited" if i < edited else "as it was") for i, name in enumerate(names)
    }
    done = {f"{name}.{seed}": name for name in names for seed in (0, 1)}
    lines = Sources(selectors=now).edits_of_selectors(done, Store(tmp_path))
    assert len(lines) == (edited if edited <= FEW_FILES else 1)
    said = " ".join(lines)
    assert [name for name in names if f"selectors/{name}.py" in said] == names[:edited]
    if edited > FEW_FILES:
        assert f"{edited} files" in said and f"{2 * edited} results" in said
    else:
        assert said.count("2 results") == edited
