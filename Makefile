# Everything a person types here. `make` alone lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Node comes with the dependencies, whatever version the machine has.
NODE := node_modules/.bin/node
JEST := NODE_OPTIONS="--experimental-vm-modules --disable-warning=ExperimentalWarning" $(NODE) node_modules/.bin/jest
INSTALLED := node_modules/.installed

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

start: $(INSTALLED) ## Start everything and print where it is; Ctrl-C stops it
	@exec $(NODE) --max-semi-space-size=4 --max-old-space-size=256 src/start/main.mjs

test: $(INSTALLED) ## Run every test that needs no container engine (sets up its own servers)
	@$(JEST) --selectProjects unit contract integration e2e replay

test-all: test ## The same as test

test-fast: $(INSTALLED) ## Run the unit and contract tests
	@$(JEST) --selectProjects unit contract

test-unit: $(INSTALLED) ## Run the unit tests
	@$(JEST) --selectProjects unit

test-integ: $(INSTALLED) ## Run the integration and replay tests
	@$(JEST) --selectProjects integration replay

test-e2e: $(INSTALLED) ## Run the tests that start the whole stack
	@$(JEST) --selectProjects e2e

lint: $(INSTALLED) ## Check style and the import fences
	@npm run --silent lint

typecheck: $(INSTALLED) ## Check the types
	@npm run --silent typecheck

format: $(INSTALLED) ## Format all files
	@npm run --silent format

migrate: $(INSTALLED) ## Bring the database up to date (the API does so at its start)
	@exec $(NODE) scripts/migrate.ts

check: $(INSTALLED) ## Check one target now: make check ID=<uuid>
	@[ -n "$(ID)" ] || { echo "Say which target: make check ID=<uuid>" >&2; exit 1; }
	@exec $(NODE) scripts/check.ts "$(ID)"

reconcile: $(INSTALLED) ## Bring workflows in line with the database now; FORCE=1 lifts the 10 % limit
	@exec $(NODE) scripts/reconcile.ts $(if $(FORCE),--force)

health: ## Ask the running API whether everything is up
	@curl -sS --max-time 10 --fail-with-body "http://127.0.0.1:$${PORT:-8000}/api/v1/health/ready"; status=$$?; echo; exit $$status

smoke: ## Try the running API from outside: make smoke API=http://127.0.0.1:8000 KEY=…
	@./scripts/smoke_http_targets.sh

record-histories: $(INSTALLED) ## Record the histories of tests/replay anew (before a release only)
	@$(NODE) tests/replay/record.ts

clean: ## Remove what builds and tests leave behind (never the data)
	@rm -rf coverage dist

# Anew when the lockfile is newer than the last installation.
$(INSTALLED): package-lock.json
	@command -v npm >/dev/null 2>&1 || { \
	  echo "npm was not found: install Node.js 20 or newer (https://nodejs.org), which brings it." >&2; exit 1; }
	@echo "Installing dependencies (npm install; about a minute the first time) …"
	@npm install --no-audit --no-fund --loglevel=error & npm=$$!; \
	stop() { kill $$npm; for second in 1 2 3; do sleep 1; kill -0 $$npm || exit 130; done; kill -9 $$npm; exit 130; }; \
	trap 'stop 2>/dev/null' INT TERM HUP; \
	seconds=0; while kill -0 $$npm 2>/dev/null; do \
	  sleep 1; seconds=$$((seconds + 1)); \
	  [ $$((seconds % 10)) -ne 0 ] || echo "  … npm install, $$seconds s"; \
	done; wait $$npm
	@touch $@

.PHONY: help start test test-all test-fast test-unit test-integ test-e2e lint typecheck format migrate check reconcile health smoke record-histories clean
