"""Runs commands as the entry point does: an error becomes one sentence on stderr and an exit code."""

from collections.abc import Callable, Sequence

from nas_selection_bench.bench.commands.ending import ended


def as_command(name: str, main: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], int]:
    """`main` of the command `name`, ended like `python -m nas_selection_bench NAME`."""
    return lambda arguments: ended(name, lambda: int(main(arguments)))
