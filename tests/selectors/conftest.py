"""What tests of every selector leave out."""

import pytest

from nas_selection_bench.selectors import one_shot
from nas_selection_bench.selectors.parts.ranking import one_of_each_class


@pytest.fixture
def few_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in forty of the classes that exhaustive one-shot evaluates."""
    monkeypatch.setattr(one_shot, "one_of_each_class", lambda: one_of_each_class()[::40])
