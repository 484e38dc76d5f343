# The development loop. `make demo` and `make test` need nothing but Python >= 3.11 and the package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
COLLECTED := tests/__pycache__/.collected
# Thrice the cores: most tests wait for something (a process, a tick, an answer) for most of their time.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(3 * (os.cpu_count() or 1))')
# A file stays whole, so that what its tests share (a fleet, a real server) is started once; the longest files first.
SHARED  := --dist loadfile --no-loadscope-reorder
ROOMS  := actions console fleet simulator themes widgets tests

# Compiled modules are kept: without them every process that a test starts compiles the program anew.
unexport PYTHONDONTWRITEBYTECODE

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' console/__init__.py)

.PHONY: demo test quick check format lint types imports dead bench eval written docs site lock dist uv clean

demo: $(READY)  ## the console on a simulated fleet; without a terminal: the fleet table, once
	@$(BIN)/quarterdeck demo $(ARGS)

test: $(READY) $(COLLECTED)  ## every test that this machine can run
	$(BIN)/python -m pytest -n $(WORKERS) $(SHARED) $(ARGS)

# Once in a clone: else every worker compiles every test for itself, all of them at the same time.
$(COLLECTED): $(READY)
	@$(BIN)/python -m pytest --collect-only -q tests/console >/dev/null & \
	  $(BIN)/python -m pytest --collect-only -q tests --ignore tests/console >/dev/null; wait
	@touch $@

quick: $(READY)  ## within a minute: the tests nearest to what was changed
	@$(BIN)/python -m tests.quick -n logical $(ARGS)

check: format lint types imports dead test  ## everything that CI holds

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

dead: $(READY)  ## code that nothing reaches
	@$(BIN)/python -m tests.dead

bench: $(READY)  ## the budgets, peers measured in the same run
	$(BIN)/python -m tests.benchmarks $(ARGS)

eval: $(READY)  ## how well the diagnosis does on recorded incidents: docs/eval.md
	@$(BIN)/python -m tests.eval $(ARGS)

written: $(READY)  ## the documents that are made of declarations, each held by a test
	$(BIN)/python -m tests.pictures keys
	$(BIN)/python -m console.report.schema
	@set -e; for each in config.docs:configuration.md report.docs:snapshot.md report.dialects:dialects.md report.findings:findings.md \
	  cli.man:quarterdeck.1; do \
	  echo "docs/$${each#*:}"; $(BIN)/python -m console.$${each%:*} > docs/.written; mv docs/.written docs/$${each#*:}; done

docs: $(READY)  ## the pictures in docs/, drawn by the program itself
	$(BIN)/python -m tests.pictures
	$(BIN)/python -m tests.tour
	$(BIN)/python -m tests.picture_of_web

site: uv written  ## the documentation as a site, in site/ (needs uv)
	uvx zensical build --clean --strict

lock: uv  ## write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --generate-hashes \
	  --no-emit-index-url --no-header -q -o requirements.lock

dist: uv $(READY)  ## all that a release has, checked: docs/packaging/README.md (needs uv)
	@tag=$$(git describe --exact-match --tags 2>/dev/null); test -z "$$tag" || test "$$tag" = "v$(VERSION)" || \
	  { echo "the tag is $$tag, and console/__init__.py says $(VERSION)" >&2; exit 1; }
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	uvx twine check --strict dist/*.whl dist/*.tar.gz
	uvx check-wheel-contents dist
	uv pip compile pyproject.toml --constraint requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header -q -o dist/requirements.txt
	uvx --from cyclonedx-bom cyclonedx-py requirements dist/requirements.txt --pyproject pyproject.toml \
	  --output-reproducible --of JSON -o dist/quarterdeck.cdx.json
	tar -czf dist/kubectl-quarterdeck.tar.gz -C docs/packaging kubectl-quarterdeck -C $(CURDIR) LICENSE

uv:
	@command -v uvx >/dev/null || { echo "this needs uv: https://docs.astral.sh/uv/, or pip install uv" >&2; exit 1; }

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Quarterdeck needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "setting up $(VENV) from requirements.lock …" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
