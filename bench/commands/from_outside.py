"""The plug-ins of a command line: those of `--plugin`, and those that are installed."""

from pathlib import Path

from nas_selection_bench.bench.commands.options import Options
from nas_selection_bench.bench.errors import UsageError, joined
from nas_selection_bench.bench.work.plugins import Plugin, in_use, installed, kinds_of, named
from nas_selection_bench.bench.work.run_file import read_run


def plugins_of(options: Options) -> tuple[Plugin, ...]:
    """The plug-ins that a command line uses.

    Installed plug-ins change no stored result: results that are only drawn again or checked are drawn with the stopping
    rules that they were made with. Raises UsageError for a plug-in that does not exist, and if a folder needs one that
    is neither given nor installed.
    """
    given = named(options.plugin)
    drawn = options.check or (options.out if options.report_only else None)
    folder = None if options.list or options.doctor else drawn or options.out
    kept = (read_run(folder) or {}).get("plugins", []) if folder else []
    here = {plugin.origin for plugin in (*given, *installed())}
    needed = [entry for entry in kept if not drawn or "stopping rule" in entry["offers"]]
    lacking = sorted({entry["from"] for entry in needed} - here)
    if lacking and (drawn or not options.asks):
        what = "stopping rules" if drawn else "methods"
        raise UsageError(f"{folder} was made with {what} of {joined(lacking)}; give them again.")
    if not drawn:
        return (*given, *installed())
    return (*given, *(p for p in installed() if any(p.described().items() <= entry.items() for entry in kept)))


def noted_plugins(out: Path) -> list[dict[str, str]]:
    """The plug-ins of this run, and of earlier runs of the folder `out`, for run.json."""
    now = [{**plugin.described(), "offers": ", ".join(kinds_of(plugin))} for plugin in in_use()]
    return [*now, *(earlier for earlier in (read_run(out) or {}).get("plugins", []) if earlier not in now)]
