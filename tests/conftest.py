import os

import pytest
from hypothesis import settings

from nas_selection_bench.bench.work.plugins import named, using

# A busy machine must not make a test fail, and two runs of one commit must give the same result.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# Whole runs stay in the process of the test, which can change the methods there. Tests of workers use the fixture
# `worker_processes`, and tests that start programs do not pass this variable on.
os.environ["JOBLIB_MULTIPROCESSING"] = "0"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--plugin FILE_OR_MODULE`, as in the program: the structural tests then check its methods as well."""
    parser.addoption("--plugin", action="append", default=[], metavar="FILE_OR_MODULE")


def pytest_configure(config: pytest.Config) -> None:
    """Make the methods of the plug-ins available for the whole session."""
    if words := config.getoption("--plugin"):
        context = using(named(words))
        context.__enter__()
        config.add_cleanup(lambda: context.__exit__(None, None, None))
