# make run          installs into .venv and runs the embedded benchmark; prints where the report is
# make test         style, types, import contracts and quick tests: takes minutes; run it while writing
# make thorough     slower tests: in a browser, on the emulated GPU, of every method
# make all-tests    `make test` and `make thorough` in one run, as CI does
# make check        redraws the stored results and compares them, reruns the smallest of them and compares it, and
#                   runs the tests that start a whole program
# make results      reruns the command of every stored result and compares the results; about 90 core-hours
# make fuzz         gives 10,000 damaged and hostile files to the readers; takes minutes
# make performance  measures the ratios to the literal reference in one run
PYTHON ?= python3
BIN := .venv/bin
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: run style test thorough all-tests check results fuzz performance clean

run: .venv/run.done
	$(BIN)/python run_bench.py

style: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache

test: style
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not program and not thorough"

thorough: .venv/test.done
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal -m "thorough and not program"

all-tests: style
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not program"

check: .venv/test.done
	$(BIN)/python -m nas_selection_bench regenerate --exact
	$(BIN)/python -m nas_selection_bench regenerate digits-tiny || [ $$? = 4 ]  # 4: stored results are from another kind of CPU, so there is nothing to compare
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal -m program

results: .venv/run.done
	@$(BIN)/python -m nas_selection_bench regenerate --into out/regenerated

fuzz: .venv/test.done
	$(THREADS) $(BIN)/python -m tests.fuzz

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
