"""`make fuzz`, or `python -m tests.fuzz [COUNT] [--seed N] [--only WORD]`: fuzz every reader and count the outcomes.

Exit code 1 if anything but a sentence escaped from a reader, or if foreign code ran; the smallest such input is
printed.
"""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from tests.fuzz import limits
from tests.fuzz.outside import TARGETS
from tests.fuzz.own_files import targets
from tests.fuzz.target import ACCEPTED, REFUSED, fuzz

parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
parser.add_argument("count", nargs="?", type=int, default=10_000, help="inputs in all (10000)")
parser.add_argument("--seed", type=int, default=1, help="of all of them (1)")
parser.add_argument("--only", default="", metavar="WORD", help="readers with this in their name")
given = parser.parse_args()
chosen = [target for target in (*TARGETS, *targets()) if given.only in target.name]
shares = sum(target.share for target in chosen)
escaped, foreign, total = 0, 0, 0
with limits.little_memory(), tempfile.TemporaryDirectory() as place:
    print(f"{'reader':<52} {'inputs':>7} {ACCEPTED:>9} {REFUSED:>9} {'escaped':>8}")
    for target in chosen:
        count = max(1, round(given.count * target.share / shares))
        outcomes, error = fuzz(target, Path(place) / "attempt", count, given.seed)
        lost = max(outcomes["inputs"] - outcomes[ACCEPTED] - outcomes[REFUSED], int(error is not None))
        print(f"{target.name:<52} {outcomes['inputs']:>7} {outcomes[ACCEPTED]:>9} {outcomes[REFUSED]:>9} {lost:>8}",
              flush=True)  # fmt: skip
        total, escaped = total + outcomes["inputs"], escaped + lost
        if error is not None:
            foreign += "foreign code ran" in str(error)
            for single in error.exceptions if isinstance(error, BaseExceptionGroup) else [error]:
                last = traceback.extract_tb(single.__traceback__)[-1]
                said = " ".join([f"{single}"[:600], *getattr(single, "__notes__", [])[:1]])
                print(f"  {type(single).__name__} at {last.filename}:{last.lineno}: {said[:1500]}")
print(f"{total} inputs to {len(chosen)} readers: {escaped} tracebacks, foreign code in {foreign} readers")
sys.exit(1 if escaped or foreign else 0)
