# `make help` lists the targets. Only Python 3.11 or newer, make and git must be there already.
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
SITE ?= data/demo/site
VENV := .venv
BIN := $(VENV)/bin
export UV_COMPILE_BYTECODE := 1
# Node and npm come from a wheel, inside the virtual environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo serve dev test test-all test-quick lint format lock audit test-deps clean docs

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/' | expand -t 14

setup: $(VENV)/installed reports/node_modules/installed ## install into .venv and reports/node_modules

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=python3.12" if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

reports/node_modules/installed: $(VENV)/installed reports/package-lock.json reports/package.json $(wildcard reports/patches/*)
	cd reports && npm ci --no-audit --no-fund --loglevel=error
	touch $@

demo: setup ## the whole path on a simulated year of two platforms
	$(BIN)/ethelred demo

serve: setup ## show the demo's site on this machine (PORT=8000, or another SITE=data/site)
	$(BIN)/ethelred serve --port $(PORT) --site $(SITE)

dev: setup ## the demo's report while you work on it, with each change at once
	$(BIN)/ethelred dev

test: setup test-deps ## the tests of every change
	$(BIN)/python -m pytest -n auto -m "not dice"

test-all: setup test-deps ## all tests, with those of every week
	$(BIN)/python -m pytest -n auto

test-quick: setup ## the tests without the slow ones and the site's
	$(BIN)/python -m pytest -n auto -m "not slow and not site and not dice"

lint: setup ## ruff, mypy, import-linter, sqlfluff, dbt-bouncer, the report's and the workflows' linters
	sh scripts/lint

format: setup ## have ruff, sqlfluff and the report's formatter mend what they can
	$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/sqlfluff fix models analyses tests/dbt
	npm --prefix reports run --silent format

docs: setup ## write docs/cli.md anew from the commands
	$(BIN)/python -m tests.support.cli_docs

lock: ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group dev pyproject.toml --output-file requirements.txt

audit: setup ## ask for known weaknesses of the locked packages (needs the internet)
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/audit

test-deps:
	sh scripts/debian-packages

clean: ## remove what setup and the builds made, but no datastore
	rm -rf $(VENV) reports/node_modules reports/.evidence reports/build target logs
