"""Makes `import selectors.x` find this project although the standard library has a module `selectors`."""

import sys
from pathlib import Path


def open_folder(folder: Path) -> None:
    """Make `import NAME.x` find the files of `folder`, whose name NAME a standard-library module has too.

    Where that module was imported first (a worker process, a console script), it is given the folder as
    its search path, so that it has submodules from then on and keeps its own names. Where nothing was
    imported yet, the folder's own `__init__` does the opposite when it is imported from the source tree.
    """
    module = sys.modules.get(folder.name)
    if module is not None and not hasattr(module, "__path__"):
        module.__path__ = [str(folder)]
    elif module is None and str(folder.parent) not in sys.path[:1]:
        sys.path.insert(0, str(folder.parent))
