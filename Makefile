# The project's commands. Everything is installed into .venv and nowhere else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
# One stamp for what a run needs, one for that and what development needs.
RUNTIME := .venv/.installed-runtime
FULL := .venv/.installed-full
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Order is random on a developer's machine, and fixed in continuous integration.
PYTEST := $(BIN)/python -m pytest -n 2 $(if $(CI),--randomly-seed=20260301)

.PHONY: help setup run check test bench campaign lint types layers clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(FULL) ## Install everything, for development

run: $(if $(wildcard $(FULL)),$(FULL),$(RUNTIME)) ## Simulate a day of an office on bad networks, and judge it
	$(BIN)/imsim run enterprise

check: lint types layers ## Lint, types, layers, unit and property tests
	$(PYTEST) $(wildcard tests/unit tests/property)

test: lint types layers ## All that check does, and the models, notebooks, live servers and the rest of tests/
	$(PYTEST) tests

bench: $(FULL) ## Measure speed beside a plain SimPy program
	$(BIN)/imsim bench

campaign: $(FULL) ## What takes longer: thousands of seeds, whole traces; stops and goes on
	$(BIN)/python scripts/campaign.py

lint: $(FULL) ## Style of every file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(FULL) ## Types of the package
	$(BIN)/mypy

layers: $(FULL) ## Who imports whom
	$(BIN)/lint-imports --no-logo

clean: ## Remove what was installed, built and cached
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A half-made environment (Debian's python3 without python3-venv leaves one) is removed, so that the next try is clean.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -m venv .venv && exit 0; \
	    rm -rf .venv; exit 1; \
	done; \
	echo 'imsim needs Python 3.11 or later; name it with: make PYTHON=/path/to/python3' >&2; exit 1

# The build backend comes from the constraints too, hence without isolation: a fresh install is repeatable.
$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) hatchling
	$(PIP) --no-build-isolation --editable .
	@touch $@

$(FULL): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) hatchling
	$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $(RUNTIME) $@
