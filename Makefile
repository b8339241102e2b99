# `make demo` and `make test` set up all they need on a machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# How many processes run the tests.
WORKERS ?= 2

.PHONY: demo test coverage test-long test-daw benchmarks lint generate clean

demo: $(VENV)/installed
	$(BIN)/python -m stemlift.demo build/demo

test: $(VENV)/installed-dev lint
	$(BIN)/python -m pytest -n $(WORKERS)

coverage: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

test-long: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m long

test-daw: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m daw

# On a machine that does nothing else; takes an hour. BENCHMARKS names some of them, or --quick.
benchmarks: $(VENV)/installed-dev
	$(BIN)/python -m tests.benchmarks.peers
	$(BIN)/python -m tests.benchmarks $(BENCHMARKS)
	$(BIN)/python docs/generate.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/python proto/generate.py --check
	$(BIN)/python docs/generate.py --check
	$(BIN)/python reaper_scripts/index.py --check

generate: $(VENV)/installed-dev
	$(BIN)/python proto/generate.py
	$(BIN)/python docs/generate.py
	$(BIN)/python reaper_scripts/index.py

clean:
	rm -rf $(VENV) build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@ $(VENV)/installed
