# Tamis: every command that a developer needs. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
# Where torch comes from; empty: the default index, whose Linux build carries CUDA (gigabytes).
# A machine without a GPU: make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# The demo: where its index is, where it listens; DEMO_EXIT=1 stops it after the questions.
DEMO_INDEX ?= var/demo
DEMO_PORT ?= 8080
# Tests that run at once.
TEST_WORKERS ?= 2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
READY := $(VENV)/.tamis-ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check fix bench docs wheel-check clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## install everything into .venv (TORCH_INDEX=... picks torch's package index)

$(READY): Makefile pyproject.toml constraints.txt requirements-nodeps.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tamis needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --constraint constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(PIP) --constraint constraints.txt --editable '.[cpu,lucene,eval,prune,train,otel,langchain,llamaindex,haystack,pyterrier,mcp,docs,dev]'
	$(PIP) --constraint constraints.txt --no-deps --requirement requirements-nodeps.txt
	touch $@

demo: setup ## build an index of Python's own documentation, serve it, ask it ten questions
	$(BIN)/python examples/demo.py --index $(DEMO_INDEX) --port $(DEMO_PORT) $(if $(DEMO_EXIT),--exit)

# The service's tests measure time under load, so they run alone; the others share the cores.
PYTEST = $(BIN)/python -m pytest
SIDE_BY_SIDE = -n $(TEST_WORKERS) --dist loadfile --ignore tests/service

test: check ## static checks, the tests (TEST_WORKERS=2 side by side), and the wheel in an empty environment
	$(PYTEST) $(SIDE_BY_SIDE)
	$(PYTEST) tests/service
	$(MAKE) --no-print-directory wheel-check

test-all: check ## as test, with the tests that take minutes
	$(PYTEST) -m 'not gpu' $(SIDE_BY_SIDE)
	$(PYTEST) -m 'not gpu' tests/service
	$(MAKE) --no-print-directory wheel-check

check: setup ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: setup ## let ruff mend and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel-check: setup ## build the wheel, install it into an empty environment, import every part from outside
	$(BIN)/python tests/wheel_check.py

bench: setup ## measure against peers; writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

docs: setup ## the user guide as web pages, in var/site
	$(BIN)/mkdocs build --quiet

clean: ## delete the demo's index and what builds and checks left behind
	rm -rf var build dist *.egg-info src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
