"""One file per selection criterion, and what the criteria share.

In a checkout this folder lies where Python looks first, under the name of a module of the standard library (I/O
multiplexing, which `subprocess` and `asyncio` import). Whoever imports `selectors` is given that module; ours is
`nas_selection_bench.selectors`.
"""

if __name__ == "selectors":
    import os
    import sys
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("selectors", [os.path.dirname(os.__file__)])
    if spec is None or spec.loader is None:
        raise ImportError("Python's own module 'selectors' was not found beside the module 'os'")
    sys.modules["selectors"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["selectors"])
