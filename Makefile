# The two commands: make demo, make test. make test-all adds what needs heavier packages, each in an environment of its own;
# CI runs that one. make test-long adds the tests marked `long`, make test-newest tries the newest packages.
PYTHON ?= python3
VENV := .venv
LMMS := .venv-lmms
VLLM := .venv-vllm
VERL := .venv-verl
SWIFT := .venv-swift
TRANSFORMERS_4 := .venv-transformers-4
DOCS := .venv-docs
NEWEST := .venv-newest
LATEST := .venv-latest-python

# A Python that has vLLM (with a GPU, say): its engine is tested in place of the CPU build that $(VLLM) would get.
VLLM_PYTHON ?= $(VLLM)/bin/python

# The versions with which the tests passed, where this Python has such a file; CONSTRAINTS=no takes the newest in the ranges.
CONSTRAINTS ?= yes
VERSION := $(shell $(PYTHON) -c 'import sys; print("py%d%d" % sys.version_info[:2])')
constraints = $(if $(filter yes,$(CONSTRAINTS)),$(wildcard environments/constraints-$(1)-$(VERSION).txt))

# The tests start hundreds of processes: each of them would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

# $(call install,ENVIRONMENT,CONSTRAINTS) is followed by what to install. uv does not read pip's settings, so a folder of
# wheels that pip is told of (a CPU build of torch, say) is handed on where it is wanted: $(call install-cpu,...).
install = $(VENV)/bin/uv pip install --quiet --python $(1)/bin/python \
	$(addprefix -c ,$(call constraints,$(2))) $(addprefix --build-constraints ,$(call constraints,build))
wheels := $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS))
install-cpu = $(if $(wheels),UV_FIND_LINKS="$(wheels)" )$(call install,$(1),$(2))
environment = rm -rf $(1) && $(VENV)/bin/uv venv --quiet --python $(PYTHON) $(1)

# Several processes, since the tests wait for servers half of their time; what shares a costly fixture stays in one of them.
SPREAD := -n 2 --dist loadgroup
SPREAD_CORE := -n 3 --dist loadgroup
SHORT := -m "not long"

.PHONY: demo demo-lmms demo-rpo docs test test-core test-extras test-all test-long test-newest test-latest-python test-lmms test-vllm \
	test-trainers test-swift test-transformers-4 constraints lint format clean

$(VENV)/tools: environments/tools.txt
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r environments/tools.txt
	@touch $@

CORE := $(VENV)/tools pyproject.toml $(call constraints,core)

$(VENV)/core: $(CORE)
	@echo "installing the core into $(VENV) ..."
	@$(call install,$(VENV),core) -e .
	@touch $@

$(VENV)/dev: $(CORE)
	@echo "installing the core and what the tests need into $(VENV) ..."
	@$(call install,$(VENV),core) -e '.[dev]'
	@touch $(VENV)/core $@

$(VENV)/all: $(CORE)
	@echo "installing the core, what the tests need and the extras into $(VENV) ..."
	@$(call install,$(VENV),core) -e '.[dev,datasets]'
	@touch $(VENV)/core $(VENV)/dev $@

# One process compiles what the tests import: with a fresh environment each of the workers would compile all of it. What fails to
# be imported here fails again there, and is told there.
$(VENV)/compiled: $(VENV)/dev
	@$(VENV)/bin/pytest --collect-only >/dev/null 2>&1 || true
	@touch $@

$(LMMS)/ready: environments/lmms.txt pyproject.toml $(call constraints,lmms) | $(VENV)/tools
	@echo "installing lmms-eval, lm-eval and transformers into $(LMMS) (1.7 GB, no GPU packages needed) ..."
	@$(call environment,$(LMMS))
	@$(call install-cpu,$(LMMS),lmms) -r environments/lmms.txt -e '.[dev]'
	@$(call install,$(LMMS),lmms) --no-deps lmms-eval==0.7.3
	@touch $@

$(VLLM)/ready: environments/vllm.txt environments/vllm-overrides.txt environments/trl.txt pyproject.toml \
		$(call constraints,vllm) | $(VENV)/tools
	@echo "installing vLLM for CPU and TRL into $(VLLM) (7 GB) ..."
	@$(call environment,$(VLLM))
	@$(call install,$(VLLM),vllm) --overrides environments/vllm-overrides.txt \
		-r environments/vllm.txt -r environments/trl.txt -e '.[dev]'
	@touch $@

$(VERL)/ready: environments/verl.txt pyproject.toml $(call constraints,verl) | $(VENV)/tools
	@echo "installing verl's reward managers, diffusers and peft into $(VERL) (2 GB) ..."
	@$(call environment,$(VERL))
	@$(call install-cpu,$(VERL),verl) -r environments/verl.txt -e '.[dev]'
	@$(call install,$(VERL),verl) --no-deps verl==0.9.1
	@touch $@

$(SWIFT)/ready: environments/swift.txt environments/swift-overrides.txt pyproject.toml $(call constraints,swift) | $(VENV)/tools
	@echo "installing ms-swift into $(SWIFT) (2 GB) ..."
	@$(call environment,$(SWIFT))
	@$(call install-cpu,$(SWIFT),swift) --overrides environments/swift-overrides.txt -r environments/swift.txt -e '.[dev]'
	@touch $@

$(TRANSFORMERS_4)/ready: environments/transformers-4.txt pyproject.toml $(call constraints,transformers-4) | $(VENV)/tools
	@echo "installing TRL with transformers 4 into $(TRANSFORMERS_4) (2 GB) ..."
	@$(call environment,$(TRANSFORMERS_4))
	@$(call install-cpu,$(TRANSFORMERS_4),transformers-4) -r environments/transformers-4.txt -e '.[dev]'
	@touch $@

$(DOCS)/ready: pyproject.toml $(call constraints,docs) | $(VENV)/tools
	@echo "installing mkdocs-material into $(DOCS) ..."
	@$(call environment,$(DOCS))
	@$(call install,$(DOCS),docs) -e '.[docs]'
	@touch $@

demo-lmms: $(LMMS)/ready
	@HF_HUB_OFFLINE=1 $(LMMS)/bin/rubric-harness lmms-eval --rubrics tasks/demo/rubrics/careful.jsonl \
		--tasks rt_demo --model rubric_judge --model_args backend=baseline,model=lexical \
		--out results/runs/demo-lmms --verbosity WARNING

demo: $(VENV)/core
	@$(VENV)/bin/rubric-harness demo

# A tiny FLUX learns to please a judge that prefers the brighter picture: all of RPO's code, in two minutes, nothing downloaded.
demo-rpo: $(VERL)/ready
	@rm -rf results/rpo/tiny
	@$(VERL)/bin/rubric-harness rpo train examples/rpo-tiny.yaml

# The site, into build/docs; a link that leads nowhere is an error. `$(DOCS)/bin/mkdocs serve` shows it while you write.
docs: $(DOCS)/ready
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo "docs: build/docs/index.html"

lint: $(VENV)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo pyproject.toml
	$(VENV)/bin/python tools/house.py

# Side by side: types take a processor for half a minute, and the tests leave one idle at times.
test: $(VENV)/dev
	@$(MAKE) --no-print-directory -j2 lint test-core

test-core: $(VENV)/compiled
	$(VENV)/bin/pytest $(SPREAD_CORE) -m "not heavy and not browser and not long"

# The trainers' tests are one process, which leaves a processor idle: the newest Python runs beside them.
test-all:
	$(MAKE) lint docs test-lmms test-vllm
	$(MAKE) --jobs=2 --output-sync=target test-trainers test-latest-python
	$(MAKE) test-extras

# The core's tests with the extras, and a browser where there is one.
test-extras: $(VENV)/all $(VENV)/compiled
	$(VENV)/bin/pytest $(SPREAD_CORE) $(SHORT)

test-lmms: $(LMMS)/ready
	$(LMMS)/bin/python -m pytest $(SPREAD) $(SHORT) tests/hosts tests/local tests/docs

# Two engines at a time where they are small and run on the CPU; a GPU has room for one.
test-vllm: $(if $(filter $(VLLM)/bin/python,$(VLLM_PYTHON)),$(VLLM)/ready)
	$(VLLM_PYTHON) -m pytest $(if $(filter $(VLLM)/bin/python,$(VLLM_PYTHON)),$(SPREAD)) $(SHORT) $(if $(SHORT),tests/local/test_vllm.py,tests/local)

# Rewards and recipes in real trainers: TRL in one environment, verl and diffusers in another.
test-trainers: $(VLLM)/ready $(VERL)/ready
	$(VLLM)/bin/python -m pytest $(SHORT) tests/trainers tests/harness_plugins/test_trackers.py
	$(VERL)/bin/python -m pytest $(SHORT) tests/trainers

test-swift: $(SWIFT)/ready
	$(SWIFT)/bin/python -m pytest tests/trainers/test_swift.py tests/harness_plugins/test_trackers.py

# The recipes with transformers 4.
test-transformers-4: $(TRANSFORMERS_4)/ready
	$(TRANSFORMERS_4)/bin/python -m pytest tests/trainers/test_recipes.py tests/trainers/test_weights.py

# All tests, the long ones with them: before an issue is closed, and before a release.
test-long: test-swift test-transformers-4
	$(MAKE) test-all SHORT=

# The newest packages that the ranges allow, in an environment of its own: what breaks here breaks for users next. That the
# extras fit each other is looked at without installing them.
test-newest: $(VENV)/tools
	@echo "installing the newest of what lmms-eval, lm-eval, transformers and the core take into $(NEWEST) ..."
	@$(call environment,$(NEWEST))
	@$(call install-cpu,$(NEWEST),none) -r environments/lmms.txt -e '.[dev,datasets]'
	@$(call install,$(NEWEST),none) --no-deps lmms-eval==0.7.3
	$(VENV)/bin/uv pip compile --quiet --python $(NEWEST)/bin/python pyproject.toml --extra datasets --extra docs --extra hf --extra lm-eval \
		--extra lmms-eval --extra report --extra rpo --extra server --extra trackers --output-file $(NEWEST)/for-users.txt
	$(NEWEST)/bin/python -m pytest $(SPREAD) -m "not browser and not long" tests/hosts/test_contracts.py \
		tests/hosts/test_lm_eval.py tests/local/test_hf.py
	$(NEWEST)/bin/python -m pytest $(SPREAD) -m "not browser and not long" tests/harness_plugins/benchmarks/test_benchmarks.py tests/harness_plugins/cli \
		tests/evaluators/images/test_media.py tests/evaluators/images/test_pictures.py tests/e2e/test_project.py tests/harness_plugins/report/test_report.py tests/harness_plugins/rewards/test_limits.py tests/harness_plugins/rewards/test_server.py \
		tests/harness_plugins/scoring/test_scoring.py

# The core's tests on the newest Python that the machine has, in an environment of its own.
test-latest-python: $(VENV)/tools
	@latest=$$($(VENV)/bin/python tools/newest_python.py); \
	if [ "$$($$latest -c 'import sys; print("py%d%d" % sys.version_info[:2])')" = $(VERSION) ]; \
	then echo "no newer Python here than the one that all else is tested with"; \
	else $(MAKE) --no-print-directory test-core PYTHON=$$latest VENV=$(LATEST); fi

# The versions in the environments that are here, as constraints: after `make test-long CONSTRAINTS=no` has passed.
constraints: $(VENV)/tools
	@environments/freeze.sh build
	@environments/freeze.sh core $(VENV)
	@environments/freeze.sh lmms $(LMMS)
	@environments/freeze.sh vllm $(VLLM)
	@environments/freeze.sh verl $(VERL)
	@environments/freeze.sh swift $(SWIFT)
	@environments/freeze.sh docs $(DOCS)
	@environments/freeze.sh transformers-4 $(TRANSFORMERS_4)

format: $(VENV)/dev
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean:
	rm -rf $(VENV) $(LMMS) $(VLLM) $(VERL) $(SWIFT) $(TRANSFORMERS_4) $(DOCS) $(NEWEST) $(LATEST) results/runs rubric-harness-demo build dist
