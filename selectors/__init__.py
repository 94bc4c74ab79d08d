"""One file per selection criterion, and what they share.

The standard library has a module of the same name (`subprocess`, `socket` and `asyncio` import it), and the
folder of a script comes before the standard library on sys.path. Whoever wants that module finds this package,
so the package answers for the standard module's names too.
"""

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_spec = spec_from_file_location("selectors", Path(os.__file__).with_name("selectors.py"))
if _spec is None or _spec.loader is None:
    raise ImportError("the standard library's selectors.py was not found beside os.py")
_standard = module_from_spec(_spec)
_spec.loader.exec_module(_standard)


def __getattr__(name: str) -> Any:
    """What the standard library's `selectors` calls `name`."""
    return getattr(_standard, name)
