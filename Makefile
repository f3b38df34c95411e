# The two commands: make demo, make test. make test-all adds what needs heavier packages; CI runs that one.
PYTHON ?= python3
VENV := .venv
PIP_QUIET := --quiet --disable-pip-version-check

.PHONY: demo test test-all lint format clean

$(VENV)/core: pyproject.toml
	@echo "installing the core into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install $(PIP_QUIET) -e .
	@touch $@

$(VENV)/dev: $(VENV)/core
	@echo "installing what the tests need into $(VENV) ..."
	@$(VENV)/bin/python -m pip install $(PIP_QUIET) -e '.[dev]'
	@touch $@

$(VENV)/all: $(VENV)/dev
	@echo "installing the extras into $(VENV) ..."
	@$(VENV)/bin/python -m pip install $(PIP_QUIET) -e '.[dev,datasets]'
	@touch $@

demo: $(VENV)/core
	@$(VENV)/bin/rubric-harness run examples/demo.yaml

lint: $(VENV)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: lint
	$(VENV)/bin/pytest -m "not heavy"

test-all: $(VENV)/all lint
	$(VENV)/bin/pytest

format: $(VENV)/dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) results/runs build dist
