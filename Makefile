# make run   installs into .venv and runs the embedded benchmark; says where the report is
# make test  everything that CI checks: style, types, import contract, tests
# make check redraws the stored digits results and compares; exit 3 where they differ
# make performance  ratios to the literal reference, measured in one run
PYTHON ?= python3
BIN := .venv/bin
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: run test check performance clean

run: .venv/run.done
	$(BIN)/python run_bench.py

test: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal

check: .venv/run.done
	$(BIN)/python run_bench.py --check results/digits

performance: .venv/test.done
	$(BIN)/python -m tests.performance

.venv/run.done: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/test.done: .venv/run.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf .venv
