# make run   installs into .venv and runs the embedded benchmark; says where the report is
# make test  style, types, import contract, tests: what to run while writing, within minutes
# make thorough  the tests that take longer: in a browser, on the emulated GPU, of every method
# make all-tests  both at once, as CI does
# make check redraws the stored results and compares, runs the smallest of them again and compares, and runs the
#            tests that start a whole program
# make results  runs the command of every stored result again and compares; about 90 core-hours
# make fuzz  10,000 damaged and hostile files to every reader; minutes
# make performance  ratios to the literal reference, measured in one run
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
	$(BIN)/python -m nas_selection_bench regenerate digits-tiny || [ $$? = 4 ]  # 4: made on another kind of CPU, nothing to compare
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
