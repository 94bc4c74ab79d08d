"""One file per selection criterion, and what the criteria share.

This folder has the name of a module of Python's standard library (I/O multiplexing), which `subprocess`
and `asyncio` import. Both must go on working, whichever is imported first: this package also offers the
public names of its namesake, and `bench.stdlib_selectors` opens this folder where the namesake was loaded first.
"""

import os
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType


def _standard_library_selectors() -> ModuleType:
    spec = PathFinder.find_spec("selectors", [os.path.dirname(os.__file__)])
    if spec is None or spec.loader is None:
        raise ImportError("Python's own module 'selectors' was not found beside the module 'os'")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


globals().update(
    {
        name: value
        for name, value in vars(_standard_library_selectors()).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
)
