# Two commands for a bare machine with Python 3.11 or newer: make demo, make test.  docs/testing.md has the others.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# The local version admits only a build for the CPU, wherever the registry has one; the default has gigabytes for GPUs.
TORCH ?= torch==2.13.0+cpu
PIP = -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint torch figures coverage test-browser test-oldest test-pythons dist-check docs linkcheck clean

demo: $(VENV)/installed
	$(BIN)/convexscore demo --output demo

test: $(VENV)/installed
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

torch: $(VENV)/installed
	$(BIN)/python $(PIP) '$(TORCH)'

coverage: $(VENV)/installed
	$(BIN)/python -m pytest -n auto --cov --cov-report=term --cov-report=html:build/coverage

test-browser: $(VENV)/installed
	PYTHON=$(BIN)/python tests/browser/run.sh

figures: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m paper_figs --docs

test-oldest: pyproject.toml tests/oldest.txt
	$(PYTHON) -m venv --clear .venv-oldest
	.venv-oldest/bin/python $(PIP) --constraint tests/oldest.txt --editable '.[test]'
	.venv-oldest/bin/python -m pytest -n auto $(TESTS)

test-pythons: $(VENV)/installed
	PYTHON=$(BIN)/python tests/pythons.sh $(TESTS)

dist-check: $(VENV)/installed
	PYTHON=$(BIN)/python tests/distributions.sh

# From nothing each time: a page that is not read again warns of nothing.
docs: $(VENV)/documented
	rm -rf build/docs docs/api docs/gallery
	$(BIN)/python -m sphinx --quiet -W --keep-going -n docs build/docs

linkcheck: $(VENV)/documented
	$(BIN)/python -m sphinx --quiet -b linkcheck -D plot_gallery=0 docs build/linkcheck

$(VENV)/documented: $(VENV)/installed
	$(BIN)/python $(PIP) --editable '.[docs]'
	touch $@

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("convexscore needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .venv-oldest demo build docs/api docs/gallery
