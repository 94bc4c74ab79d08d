"""Figures, each drawn from rows."""

import os
from contextlib import suppress

# Figures are SVG and need no backend, but matplotlib refuses to be imported where MPLBACKEND names one that it does not
# know, as a notebook's does for another Python.
_wanted = os.environ.pop("MPLBACKEND", None)
import matplotlib  # noqa: E402

if _wanted is not None:
    os.environ["MPLBACKEND"] = _wanted
    with suppress(ValueError):
        matplotlib.rcParams["backend"] = _wanted  # a notebook's own figures look as they did
