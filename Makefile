# On a machine with git, make, Python >= 3.11 and Go, and nothing else:
#   make cluster    an example cluster in build/anton (DEST=, ANSWERS= change both)
#   make check      what one runs after each change
#   make test       a witness of every promise, with real tools
#   make test-all   every test
PYTHON ?= python3
ANSWERS ?= examples/anton.yaml
DEST ?= build/$(basename $(notdir $(ANSWERS)))

VENV := .venv
BIN := $(VENV)/bin
# The stamp is written last, and named after the lock: an interrupted or outdated installation is redone.
STAMP := $(VENV)/installed-$(shell $(PYTHON) -c "import hashlib; print(hashlib.sha256(open('requirements.txt', 'rb').read()).hexdigest()[:16])")
WORKERS ?= 2
# Tests come in the order in which the tools that they need arrive, and not by the size of their groups.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/$(BIN):$(PATH)
# Where Python may not keep what it compiled, collecting the tests alone takes seven times as long.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help python cluster check test test-all mutants docs lock bench pictures verify-charts pins tables tags release-cluster tools clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

cluster: python ## create, commit and check an example cluster
	@$(PYTHON) -m tests.tools kustomize gitleaks & tools=$$!; $(MAKE) --no-print-directory $(STAMP) && wait $$tools
	@$(BIN)/python -m examples.create $(ANSWERS) $(DEST)

check: $(STAMP) ## format, lint, types, and the tests that need no tool: the inner loop, under a minute
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports --no-logo
	$(BIN)/yamllint --strict .
	$(PYTEST) --tier=check

test: $(STAMP) ## prove every promise: real tools are brought while tests that need none run
	$(PYTEST) --tier=test

test-all: $(STAMP) ## run every test, or those in TESTS=
	$(PYTEST) --tier=all $(TESTS)

mutants: $(STAMP) ## put defects into a copy of the project; the tests of make test must see each
	$(BIN)/python -m tests.mutants $(WORDS)

tools: $(STAMP) ## get all tools that the tests use, from PATH, the cache, their releases, or by building them
	@$(BIN)/python -m tests.tools

docs: $(STAMP) ## build the documentation site, build/docs
	@rm -rf build/docs
	@$(BIN)/python -m sphinx -W --keep-going -E -q -d build/doctrees docs build/docs
	@echo "build/docs/index.html is the first page"

COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11
lock: $(STAMP) ## pin and hash what the tools need, and what this project needs besides
	$(COMPILE) pyproject.toml --output-file src/talos_flux/requirements.txt
	$(COMPILE) pyproject.toml requirements.in --constraint src/talos_flux/requirements.txt --output-file requirements.txt

bench: $(STAMP) ## measure, side by side
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench_update
	$(BIN)/python -m tests.bench_checks
	$(BIN)/python -m tests.bench_health
	$(BIN)/python -m tests.bench_start
	$(BIN)/python -m tests.bench_diff

pictures: $(STAMP) ## take the pictures of the tools in docs/ anew
	PICTURES=1 $(BIN)/python -m pytest -k picture tests/test_terminal.py tests/test_health.py tests/test_operations.py tests/test_chart_updates.py tests/test_diff_rendered.py tests/cluster/test_faults.py

verify-charts: $(STAMP) ## render the charts in DIR= with the values of every example
	$(BIN)/python -m tests.verify_charts $(DIR)

tables: $(STAMP) ## make the tables of components anew from their records, and the pages of docs/reference
	@$(BIN)/python -m tests.tools.records
	@$(BIN)/python -m tests.tools.pages

pins: $(STAMP) ## list each version that a new cluster starts with, its age, and the newest there is evidence for
	@$(BIN)/python -m tests.pins

tags: $(STAMP) ## tag the commits that docs/releases names
	$(BIN)/python -m tests.support.releases tag

release-cluster: $(STAMP) ## keep the cluster of the release VERSION= as test data
	$(BIN)/python -m tests.support.releases keep $(VERSION)

python:
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] if sys.version_info < (3, 11) else 0)"

$(STAMP): requirements.txt | python
	@echo "installing the pinned Python packages into $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/^[^ ]*==/{/^uv==/p;/^ /p}' requirements.txt > $(VENV)/uv.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement $(VENV)/uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.txt
	@touch $(STAMP)

clean: ## remove what the other targets made here (not the cache of built tools)
	rm -rf $(VENV) .tools build
