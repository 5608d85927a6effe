# Everything a developer types. `make` alone lists it.

PYTHON ?=
PY := .venv/bin/python
WORKERS ?= 2
ARGS ?=
EXTRA := slow or browser or fuzz or chaos
UV_COMPILE := .venv/bin/uv pip compile -q pyproject.toml --generate-hashes --universal --no-emit-index-url \
	--python-version 3.11 --no-header --no-annotate

.DEFAULT_GOAL := help
QUICK ?=
ONLY ?=
.PHONY: help up test test-extra test-all bench bench-env chaos lint format lock env clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## run the service with its servers here (PORT=8000, TRANSPORT=ledger or amqp)
	@PYTHON=$(PYTHON) sh ops/local/env.sh local
	@exec $(PY) manage.py up

test: ## run the tests on servers of their own (ARGS="tests/unit -k word" for some of them)
	@PYTHON=$(PYTHON) sh ops/local/env.sh dev
	@exec $(PY) -m ops.local.testing --workers $(WORKERS) -- \
		$(PY) -m pytest -n $(WORKERS) -m "not ($(EXTRA))" $(if $(ARGS),$(ARGS),--cov --cov-report=term)

test-extra: ## run what `make test` leaves out: browser, fuzz, large data, chaos
	@PYTHON=$(PYTHON) sh ops/local/env.sh dev
	@exec $(PY) -m ops.local.testing --workers $(WORKERS) --with-chromium -- \
		$(PY) -m pytest -n $(WORKERS) -m "$(EXTRA)" $(ARGS)

test-all: test test-extra ## run all tests

bench: ## measure speed beside its floor and its peers (QUICK=1: four minutes; ONLY="campaign otp")
	@PYTHON=$(PYTHON) sh ops/local/env.sh bench
	@exec $(PY) -m ops.local.testing --workers 1 -- $(PY) -m ops.bench $(if $(QUICK),--quick) $(ONLY)

bench-env: ## install what `make bench` and locust need, and nothing else
	@PYTHON=$(PYTHON) sh ops/local/env.sh bench

chaos: ## break everything while it works and check that nothing is lost (QUICK=1: the most telling part, ≤ 5 minutes)
	@PYTHON=$(PYTHON) sh ops/local/env.sh dev
	@exec env PYTHONPATH=.:platform $(PY) -m ops.chaos $(if $(QUICK),--quick) $(ARGS)

lint: ## check style, types, imports and migrations
	@PYTHON=$(PYTHON) sh ops/local/env.sh dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@PYTHONPATH=.:platform .venv/bin/lint-imports
	@$(PY) -m ops.local.migrations
	@if [ -e .git ]; then .venv/bin/prek run --all-files; fi

format: ## rewrite the code in the house style
	@PYTHON=$(PYTHON) sh ops/local/env.sh dev
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lock: ## choose versions anew from pyproject.toml and write the locks
	@PYTHON=$(PYTHON) sh ops/local/env.sh uv
	@$(UV_COMPILE) --extra embedded --group test --group lint -o requirements-dev.lock
	@$(UV_COMPILE) --extra embedded -c requirements-dev.lock -o requirements-local.lock
	@$(UV_COMPILE) -c requirements-dev.lock -o requirements.lock
	@$(UV_COMPILE) --extra embedded --group bench -c requirements-dev.lock -o requirements-bench.lock

env: ## create .venv with everything, for editors and for running things by hand
	@PYTHON=$(PYTHON) sh ops/local/env.sh dev

clean: ## remove what these commands made: servers' data, .venv, caches
	@if [ -x $(PY) ]; then exec $(PY) -m ops.local.clean; else exec $${PYTHON:-python3} -m ops.local.clean; fi
