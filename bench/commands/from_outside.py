"""Which methods from outside a command line means: those of `--plugin`, and those that are installed."""

from nas_selection_bench.bench.commands.options import Options
from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.work.plugins import Plugin, installed, named
from nas_selection_bench.bench.work.run_file import read_run


def plugins_of(options: Options) -> tuple[Plugin, ...]:
    """The plug-ins of a command line.

    What is installed changes no stored result: one that is only drawn again or checked is drawn with what it was
    made with. Raises UsageError for a plug-in that does not exist, and where a folder is to go on without one.
    """
    given = named(options.plugin)
    drawn = options.check or (options.out if options.report_only else None)
    folder = drawn or options.out
    kept = (read_run(folder) or {}).get("plugins", []) if folder else []
    if drawn:
        return (*given, *(plugin for plugin in installed() if plugin.told() in kept))
    here = {plugin.origin for plugin in (*given, *installed())}
    lacking = sorted({told["from"] for told in kept} - here)
    if lacking and not options.asks:
        raise UsageError(f"{folder} was filled with methods of {' and '.join(lacking)}; give them again.")
    return (*given, *installed())
