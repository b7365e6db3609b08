# Two commands need nothing but git, make, Python >= 3.11 and Go:
#   make cluster   an example cluster in build/anton (DEST=, ANSWERS= change both)
#   make test      every test, with the real tools; those of the documentation site look at it in Chromium
PYTHON ?= python3
ANSWERS ?= examples/anton.yaml
DEST ?= build/$(basename $(notdir $(ANSWERS)))

VENV := .venv
BIN := $(VENV)/bin
# The stamp is written last, and named after the lock: an interrupted or outdated installation is redone.
STAMP := $(VENV)/installed-$(shell $(PYTHON) -c "import hashlib; print(hashlib.sha256(open('requirements.txt', 'rb').read()).hexdigest()[:16])")
TOOLS := $(BIN)/python -m tests.tools.build
WORKERS ?= 2

export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/$(BIN):$(PATH)

.PHONY: help cluster test test-fast test-cluster lint docs bench pictures verify-charts tags release-cluster tools clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

cluster: $(STAMP) ## create, commit and check an example cluster
	@$(TOOLS) kustomize
	@$(BIN)/python -m examples.create $(ANSWERS) $(DEST)

test: tools ## run every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

test-fast: $(STAMP) ## run the tests that need no Go tool and little time
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not real and not slow"

test-cluster: tools ## bring clusters up with the real Flux controllers
	$(BIN)/python -m pytest tests/cluster -n $(WORKERS) --dist loadgroup

tools: $(STAMP) ## build the pinned tools, or take them from the cache or PATH
	@$(TOOLS)
	@$(BIN)/python -m tests.tools.renovate

lint: $(STAMP) ## format and lint
	$(BIN)/ruff format . template/scripts
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .

docs: $(STAMP) ## build the documentation site, build/docs
	@rm -rf build/docs
	@$(BIN)/python -m sphinx -W --keep-going -E -q -d build/doctrees docs build/docs
	@echo "build/docs/index.html is the first page"

bench: tools ## measure, side by side
	PYTHONPATH=template/scripts $(BIN)/python -m tests.bench
	PYTHONPATH=template/scripts $(BIN)/python -m tests.bench_update
	PYTHONPATH=template/scripts $(BIN)/python -m tests.bench_checks
	PYTHONPATH=template/scripts $(BIN)/python -m tests.bench_health

pictures: tools ## take the pictures of the tools in docs/ anew
	PICTURES=1 $(BIN)/python -m pytest -k picture tests/test_terminal.py tests/test_health.py tests/test_operations.py tests/test_chart_updates.py tests/cluster/test_faults.py

verify-charts: tools ## render the charts in DIR= with the values of every example
	PYTHONPATH=template/scripts $(BIN)/python -m tests.verify_charts $(DIR)

tags: $(STAMP) ## tag the commits that docs/releases names
	$(BIN)/python -m tests.support.releases tag

release-cluster: $(STAMP) ## keep the cluster of the release VERSION= as test data
	$(BIN)/python -m tests.support.releases keep $(VERSION)

$(STAMP): requirements.txt
	@echo "installing the pinned Python packages into $(VENV)"
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] if sys.version_info < (3, 11) else 0)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $(STAMP)

clean: ## remove what the other targets made here (not the cache of built tools)
	rm -rf $(VENV) .tools build
