# `make help` lists the targets. Only Python 3.11 to 3.13, make and git must be there already.
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
# One more than processors: some tests wait for a server or a clock.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
SITE ?= data/demo/site
DATASTORE ?= data/demo/ethelred.duckdb
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml
PACKAGES := reports/package-lock.json reports/package.json $(wildcard reports/patches/*)
export UV_COMPILE_BYTECODE ?= 1
# Node and npm come from a wheel, inside the virtual environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup setup-history setup-dev demo serve dev sql test test-all test-quick lint format lock audit test-deps clean docs

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/' | expand -t 14

setup: $(VENV)/installed reports/node_modules/installed ## install what a run needs into .venv and reports/node_modules

setup-history: $(VENV)/installed ## the same, for runs that build no site: without npm's packages

setup-dev: $(VENV)/installed-dev reports/node_modules/installed-dev ## all of it, with what the tests and linters need

# An environment whose Python is gone, or of a checkout that was moved, is made anew.
ifneq ($(shell cd / && $(CURDIR)/$(BIN)/python -c 'import ethelred_runner as here; print(*here.__path__)' 2>/dev/null),$(CURDIR)/ethelred_runner)
.PHONY: $(VENV)/installed
endif
.NOTPARALLEL:

# uv, with the hash that the lock has for it, installs the rest: in a tenth of pip's time.
$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=python3.12" if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	sed '/^uv==/,/[^\\]$$/!d' requirements.txt > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement $(VENV)/uv.txt
	$(INSTALL) --require-hashes --requirement requirements.txt
	$(INSTALL) --no-build-isolation --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(INSTALL) --require-hashes --requirement requirements-dev.txt
	touch $@

reports/node_modules/installed: $(VENV)/installed $(PACKAGES)
	cd reports && npm ci --omit=dev --no-audit --no-fund --loglevel=error
	touch $@

reports/node_modules/installed-dev: $(VENV)/installed $(PACKAGES)
	cd reports && npm ci --no-audit --no-fund --loglevel=error
	touch reports/node_modules/installed $@

demo: setup ## the whole path on a simulated year of two platforms
	$(BIN)/ethelred demo

serve: setup ## show the demo's site on this machine (PORT=8000, or another SITE=data/site)
	$(BIN)/ethelred serve --port $(PORT) --site $(SITE)

dev: setup data/demo/ethelred.duckdb ## the demo's report while you work on pages and models, with each change at once
	$(BIN)/ethelred dev

data/demo/ethelred.duckdb: | setup
	$(BIN)/ethelred demo --no-report

sql: setup-dev $(filter data/demo/ethelred.duckdb,$(DATASTORE)) ## ask the demo's datastore in SQL (DATASTORE=data/ethelred.duckdb, or s3://bucket/prefix)
	@$(BIN)/ethelred sql --datastore $(DATASTORE)

test: setup-dev test-deps ## the tests of every change
	$(BIN)/python -m pytest -n $(WORKERS) -m "not dice"

test-all: setup-dev test-deps ## all tests, with those of every week
	$(BIN)/python -m pytest -n $(WORKERS)

test-quick: setup-dev ## the tests without the slow ones and the site's
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not site and not dice"

lint: setup-dev ## ruff, mypy, import-linter, sqlfluff, dbt-bouncer, the report's and the workflows' linters
	sh scripts/lint

format: setup-dev ## have ruff, sqlfluff and the report's formatter mend what they can
	$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/sqlfluff fix models analyses tests/dbt
	npm --prefix reports run --silent format

docs: setup-dev ## write docs/cli.md anew from the commands
	$(BIN)/python -m tests.support.cli_docs

lock: ## resolve the dependencies again (needs uv)
	$(LOCK) --group dev --output-file requirements-dev.txt
	cp requirements-dev.txt requirements.txt
	$(LOCK) --group install --output-file requirements.txt

audit: setup-dev ## ask for known vulnerabilities of the locked packages (needs the internet)
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/audit

test-deps: ## install the Debian packages that tests need; only this may need root, and says so
	sh scripts/debian-packages

clean: ## remove what setup and the builds made, but no datastore
	rm -rf $(VENV) reports/node_modules reports/.evidence reports/build target logs
