# `make demo` and `make test` each do all their own set-up, in .venv: they need Python >= 3.11 and pip.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# The first of these that is new enough; `make PYTHON=/path/to/python test` chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
DEMO := examples/flights
WORKERS ?= 2
# A worker that has done its part takes from the others, so that none of them idles at the end.
SHARED_OUT = -n $(WORKERS) --dist worksteal
# Of two cores: a part of what these tests do is to wait.
test: WORKERS := 3

.PHONY: help demo test test-all mutations plants check fmt bench lock schema errors clean setup-demo setup-dev setup-bench

help:
	@echo "make demo      run the example pipeline and show what it made"
	@echo "make test      the tests (10 minutes at most)"
	@echo "make test-all  the tests, the long ones too"
	@echo "make check     format, lint, types, import contracts, lock files, schemas, error index"
	@echo "make fmt       format the code"
	@echo "make bench     measure against peers; writes benchmarks/results/latest.md"
	@echo "make lock      write requirements/*.lock after a change in pyproject.toml"
	@echo "make schema    write schemas/ after a change in the IR"
	@echo "make errors    write docs/errors/README.md after a change in the codes"
	@echo "make mutations  take each precondition from each pass: some test has to notice"
	@echo "make plants     plant a mistake in each transition of a run: some test has to notice"
	@echo "make clean     remove what was generated, the example's results and state too"

demo: setup-demo
	@$(BIN)/python -m trc run $(DEMO)/flights.trc
	@$(BIN)/python $(DEMO)/show.py

test: setup-dev
	$(BIN)/python -m pytest -m "not long and not engine" $(SHARED_OUT) -q
	@echo "left to make test-all: the long tests, and those that run containers in a Docker engine"

test-all: setup-dev
	$(BIN)/python -m pytest --cold $(SHARED_OUT) -q

check: setup-dev
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m ruff check
	$(BIN)/python -m mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/python -m pyright
	$(BIN)/lint-imports
	$(BIN)/python .ci/locks.py --check
	$(BIN)/python .ci/schema.py --check
	$(BIN)/python .ci/error_index.py --check

fmt: setup-dev
	$(BIN)/python -m ruff check --fix-only --quiet
	$(BIN)/python -m ruff format

bench: setup-bench
	$(BIN)/python benchmarks/run.py

lock: setup-dev
	$(BIN)/python .ci/locks.py

schema: setup-dev
	$(BIN)/python .ci/schema.py

errors: setup-dev
	$(BIN)/python .ci/error_index.py

mutations: setup-dev
	$(BIN)/python .ci/mutations.py

plants: setup-dev
	$(BIN)/python .ci/plants.py

clean:
	rm -rf build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf benchmarks/results examples/*/out examples/*/.trc examples/*/build
	find compiler backends runtime stdlib_tasks src tests benchmarks examples .ci -name __pycache__ -prune -exec rm -rf {} +

setup-demo setup-dev setup-bench: setup-%:
	@if [ -z "$(PYTHON)" ]; then echo "no Python >= 3.11 on the PATH" >&2; exit 1; fi
	@"$(PYTHON)" .ci/setup.py $*
