# Every target sets up what it needs: a virtual environment from the hash-pinned lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.complete
# No test waits for another; two processes suit a small machine. Each takes whole files, so that what
# the tests of a file share is made once.
PROCESSES ?= 2
export PORTAL_ENV ?= local

.PHONY: demo up test faults fuzz check audit bench pictures schema lock clean help

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

$(SETUP): requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

demo: $(SETUP) ## Play a live auction, then keep serving until Ctrl-C (EXIT=1: end with its verdict)
	@$(BIN)/python manage.py demo $(if $(EXIT),--exit)

up: $(SETUP) ## Run the portal on the data in .portal
	@$(BIN)/python manage.py up

test: $(SETUP) ## Run the tests on real servers
	@$(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report=
	@echo "Covered in the tests' own processes, lines and branches: $$($(BIN)/coverage report --format=total) %"

faults: $(SETUP) ## Break and mend the portal under load (ROUNDS=20 SEED=...; ROUND=7: only that one)
	@$(BIN)/python -m tests.faults $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(ROUND),--round "$(ROUND)") $(if $(KEEP),--keep $(KEEP))

check: $(SETUP) ## Format, lint, types, import contracts, migrations, the schema and its descriptions
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py check
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	@# Nothing is printed, and so this fails, while a part of the schema has no description.
	$(BIN)/python manage.py print_schema | diff -u schema.graphql -

fuzz: $(SETUP) ## Fuzz a running portal over HTTP and WebSocket (EXAMPLES=500)
	@EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest -q tests/fuzz

audit: $(SETUP) ## Known faults of the locked dependencies; fails if it can't be found out
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
		-r requirements/dev.lock -r requirements/run.lock

bench: $(SETUP) ## Measure every row beside its reference (ONLY=name,name; OUT=docs/performance: write the charts anew)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(OUT),--out $(OUT))

pictures: $(SETUP) ## Make the README's pictures anew (URL=... STAFF=... PASSWORD=... of a running portal)
	@$(BIN)/python docs/pictures/make.py "$(URL)" "$(STAFF)" "$(PASSWORD)"
	@COLUMNS=100 $(BIN)/python manage.py demo --exit | $(BIN)/python docs/pictures/recording.py

schema: $(SETUP) ## Print the GraphQL schema into schema.graphql
	@$(BIN)/python manage.py print_schema > schema.graphql.new && mv schema.graphql.new schema.graphql

lock: $(SETUP) ## Pin the dependencies of pyproject.toml, with hashes
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --python-version 3.11 \
		--all-extras pyproject.toml -o requirements/dev.lock $(if $(UPGRADE),--upgrade)
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-header --python-version 3.11 \
		-c requirements/dev.lock pyproject.toml -o requirements/run.lock

clean: ## Remove the environment and all local data
	rm -rf $(VENV) .portal .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* docs/examples/node_modules
