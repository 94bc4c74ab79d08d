import os

import pytest
from hypothesis import settings

from nas_selection_bench.bench.work.plugins import named, using

# A busy machine must not fail a test, and the same commit must give the same answer twice.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# Whole runs work in the test's own process, where it can change the methods. Tests of workers have the fixture
# `worker_processes`, and those that start programs do not hand this on.
os.environ["JOBLIB_MULTIPROCESSING"] = "0"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--plugin FILE_OR_MODULE`, as of the program: the structural tests check its methods with the others."""
    parser.addoption("--plugin", action="append", default=[], metavar="FILE_OR_MODULE")


def pytest_configure(config: pytest.Config) -> None:
    """Find the methods of the plug-ins from here on."""
    if words := config.getoption("--plugin"):
        context = using(named(words))
        context.__enter__()
        config.add_cleanup(lambda: context.__exit__(None, None, None))
