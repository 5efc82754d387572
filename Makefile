# Tonne's commands. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# The databases of tests are thrown away: where there is room in memory they need no disk.
SCRATCH := $(shell test "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 2>/dev/null && echo TMPDIR=/dev/shm)
PYTEST := $(SCRATCH) $(BIN)/python -m pytest

# Databases, files and development secrets of this copy; another directory and PORT make another copy.
INSTANCE_PATH ?= instance
export INSTANCE_PATH
export FLASK_APP := wsgi.py
# Empty means no, whatever the environment says: each process would translate the whole product anew, for a second.
export PYTHONDONTWRITEBYTECODE :=

# What `make test` may use: processes, and one file or directory instead of everything. Three for two processors,
# because a test often waits for the processes that it tests: browser, servers, database.
WORKERS ?= $(shell expr $$(nproc) \* 3 / 2)
T ?=

LOCALES := $(shell $(PYTHON) -c 'from app.kernel.languages import OTHER_LANGUAGES; print(*OTHER_LANGUAGES)')
CATALOGUES := $(wildcard app/translations/*/LC_MESSAGES/messages.po)
COMPILED := $(CATALOGUES:.po=.mo)
MIGRATIONS := $(wildcard migrations/versions/*.py)
WORLD := $(shell find app/demo -type f -not -name '*.pyc' 2>/dev/null)

# Where a wrong line costs money or units, every branch is tested.
DECISIVE := app/kernel/*,app/payments/notices.py,app/*/service.py,app/*/service/*,app/*/states.py,app/*/adapters/*,app/registry/ledger/*

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z%-]+:.*## / { sub(":.*", "", $$1); printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use

.PHONY: run
run: run-packages $(INSTANCE_PATH)/demonstration.stamp $(COMPILED) ## Install what is missing, load the demonstration world, serve it
	@$(SETTINGS) exec $(BIN)/python -m app.serving

.PHONY: bootstrap
bootstrap: run-packages test-packages $(VENV)/test.stamp tests/node_modules/installed.stamp $(COMPILED) ## Install everything that running and testing need

.PHONY: clean
clean: ## Remove what make can make again; databases and secrets in INSTANCE_PATH stay
	rm -rf $(VENV) .venv-scan tests/node_modules tests/browser/shots .coverage .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache app/translations/messages.pot $(COMPILED)
	find app tests migrations -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Check

.PHONY: test
test: bootstrap ## Install what tests need and run the whole suite with all checks
	@rm -rf .coverage
	@$(MAKE) --jobs=2 suite lint types imports translations-check db-check
	@$(BIN)/python -m tests.measured
	@$(BIN)/coverage report --fail-under=95
	@echo "Every branch of what decides about money and units:"
	@$(BIN)/coverage report --include='$(DECISIVE)' --fail-under=100

.PHONY: suite
suite: $(VENV)/test.stamp $(COMPILED)
	$(PYTEST) -p tests.measuring -n $(WORKERS) --dist loadgroup $(T)

.PHONY: test-fast
test-fast: $(VENV)/test.stamp $(COMPILED) ## Run the tests that need no browser and kill no process; T=path narrows
	$(PYTEST) -n $(WORKERS) -m "not browser and not chaos and not sweep" $(T)

.PHONY: lint
lint: $(VENV)/test.stamp ## Check the style and the security rules of the code
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: format
format: $(VENV)/test.stamp ## Rewrite the code in the one format
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: types
types: $(VENV)/test.stamp ## Check the types
	$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/test.stamp ## Check which room imports which
	$(BIN)/lint-imports

.PHONY: histories
histories: bootstrap ## Play a thousand random histories of offers and orders on each database; HISTORIES=… AT_ONCE=… SEED=…
	HISTORIES=$(or $(HISTORIES),1000) AT_ONCE=$(or $(AT_ONCE),1000) $(PYTEST) -n $(WORKERS) tests/service/histories

.PHONY: chaos
chaos: bootstrap ## Buy ten thousand times in a storm, kill web and worker at every point, cancel a thousand times at each registry
	CHAOS_PURCHASES=$(or $(CHAOS_PURCHASES),10000) CHAOS_ROUNDS=$(or $(CHAOS_ROUNDS),10) CHAOS_CANCELLATIONS=$(or $(CHAOS_CANCELLATIONS),1000) $(PYTEST) -n $(WORKERS) -m chaos $(T)

.PHONY: fuzz
fuzz: bootstrap ## Ask every route and fill every form with nonsense, FUZZ times each (200); SEED=… repeats, FUZZ_DATABASE=postgresql changes
	FUZZ=$(or $(FUZZ),200) SEED=$(or $(SEED),$(shell date +%s)) $(PYTEST) --timeout=0 tests/attack/test_fuzzing.py

.PHONY: sweep
sweep: bootstrap ## Visit every page in every language and width
	SWEEP=1 $(PYTEST) -n $(WORKERS) --dist loadgroup -m "sweep or browser" $(T)

.PHONY: bench
bench: $(patsubst tests/benchmarks/%.py,bench-%,$(filter-out %/start_parts.py,$(shell grep -l '^if __name__' tests/benchmarks/*.py))) ## Run every benchmark

bench-pagespeed: tests/benchmarks/lighthouse/node_modules/installed.stamp

bench-%: bench-packages $(VENV)/test.stamp $(COMPILED) ## Run one benchmark of tests/benchmarks
	$(BIN)/python -m tests.benchmarks.$*

.PHONY: scan
scan: bootstrap .venv-scan/scan.stamp ## Run the security scanners, docs/security-scans.md; T=tool narrows
	$(if $(T),,$(PYTEST) tests/scan)
	$(BIN)/python -m tests.scan $(T)

.PHONY: shots
shots: bootstrap ## Take pictures of every page: 1280 and 320 px, light and dark, three languages
	$(BIN)/python -m tests.browser.shots

.PHONY: cleanroom
cleanroom: ## Try both commands in a bare Debian; RELEASE=trixie and WHAT=test change which
	tests/cleanroom.sh $(or $(RELEASE),bookworm) $(or $(WHAT),run)

##@ Translations

# Babel skips directories that begin with an underscore unless told otherwise; macros live in one.
EXTRACT = $(BIN)/pybabel --quiet extract --mapping-file=app/translations/babel.cfg --ignore-dirs='.*' \
  --keywords='lazy_gettext lazy_ngettext:1,2 lazy_pgettext:1c,2' --add-comments='Translators:' --strip-comments \
  --add-location=file --sort-by-file --project=Tonne --version= --copyright-holder=Tonne \
  --output=app/translations/messages.pot app templates
UPDATE = $(BIN)/pybabel --quiet update --input-file=app/translations/messages.pot --no-fuzzy-matching \
  --ignore-obsolete --ignore-pot-creation-date

.PHONY: translations
translations: $(VENV)/run.stamp ## Collect the texts, update the catalogues, check and compile them
	$(EXTRACT)
	@for locale in $(LOCALES); do \
	  test -e app/translations/$$locale/LC_MESSAGES/messages.po || $(BIN)/pybabel --quiet init --locale=$$locale \
	    --input-file=app/translations/messages.pot --output-dir=app/translations; done
	$(UPDATE) --output-dir=app/translations
	@$(MAKE) $(foreach locale,$(LOCALES),app/translations/$(locale)/LC_MESSAGES/messages.mo) translations-check

# `pybabel update --check` calls every catalogue stale that has a context (python-babel/babel issue 1307).
.PHONY: translations-check
translations-check: $(VENV)/run.stamp ## Fail on a missing, fuzzy, stale or broken translation
	@$(EXTRACT)
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && cp -R app/translations/. "$$copy" && \
	  $(UPDATE) --output-dir="$$copy" && diff --recursive --brief app/translations "$$copy" >&2 || \
	  { echo "The catalogues are stale: make translations" >&2; exit 1; }
	@for catalogue in $(foreach locale,$(LOCALES),app/translations/$(locale)/LC_MESSAGES/messages.po); do \
	  msgfmt --check --output-file=/dev/null $$catalogue || exit 1; \
	  for kind in untranslated only-fuzzy; do \
	    found=$$(msgattrib --no-obsolete --$$kind $$catalogue); \
	    if [ -n "$$found" ]; then echo "$$catalogue, $$kind:" >&2; echo "$$found" >&2; exit 1; fi; done; done

%.mo: %.po | $(VENV)/run.stamp
	@$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@

##@ Database

.PHONY: migrate
migrate: $(VENV)/run.stamp $(INSTANCE_PATH)/development.env ## Write a migration for changed models; M="what changed"
	@test -n "$(M)" || { echo 'Say what changed: make migrate M="..."' >&2; exit 1; }
	@$(SETTINGS) $(FLASK) db upgrade && $(FLASK) db migrate --message "$(M)"

.PHONY: db-check
db-check: $(VENV)/run.stamp ## Fail when the migrations do not lead to the models
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && unset DATABASE_URL && \
	  export ENVIRONMENT=testing INSTANCE_PATH="$$scratch" SECRET_KEY=for-this-check-only-and-nothing-else \
	    TESTPAY_SECRET=for-this-check-only-and-nothing-else && \
	  $(FLASK) db upgrade && $(FLASK) db check

# --- How the above is done -------------------------------------------------------------------------------------------

# Settings of the environment win over the generated ones.
SETTINGS = . $(abspath $(INSTANCE_PATH))/development.env;

# $(call packages,section): install what is missing of that section of docs/system-packages.txt.
define packages
@command -v dpkg-query >/dev/null || { echo "Not a Debian system: install what docs/system-packages.txt lists under [$(1)]."; exit 0; }; \
missing=$$(awk -v section='[$(1)]' '/^\[/ { here = ($$0 == section); next } here && /^[a-z]/ { sub("unless:", "", $$2); print $$1, $$2 }' \
    docs/system-packages.txt | while read -r package command _; do \
  test "$$command" != '#' && command -v "$$command" >/dev/null || \
  dpkg-query --show --showformat='$${db:Status-Status}\n' "$$package" 2>/dev/null | grep -qx installed || echo "$$package"; done | xargs); \
test -n "$$missing" || exit 0; \
install="apt-get install --yes --no-install-recommends $$missing"; \
if [ "$$(id -u)" = 0 ]; then become=env; elif command -v sudo >/dev/null; then become="sudo env"; else \
  echo "Run this as root, then try again: $$install" >&2; exit 1; fi; \
echo "Installing $$missing"; \
log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
{ $$become apt-get update --quiet=2 && $$become DEBIAN_FRONTEND=noninteractive $$install --quiet=2 \
  -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0; } >"$$log" 2>&1 || { cat "$$log" >&2; exit 1; }
endef

.PHONY: run-packages test-packages bench-packages
run-packages:
	$(call packages,run)
test-packages:
	$(call packages,test)
bench-packages:
	$(call packages,bench)

$(VENV)/run.stamp: requirements.txt
	@test -x $(BIN)/pip || { echo "Making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing requirements.txt"
	@$(PIP) install --requirement requirements.txt
	@touch $@

$(VENV)/test.stamp: tests/requirements.txt $(VENV)/run.stamp
	@echo "Installing tests/requirements.txt"
	@$(PIP) install --requirement tests/requirements.txt
	@touch $@

# Two environments, because wapiti and semgrep need different releases of httpx; neither touches the product's.
.venv-scan/scan.stamp: tests/scan/requirements.txt tests/scan/wapiti.txt
	@for name in tools:requirements wapiti:wapiti; do environment=.venv-scan/$${name%:*}; list=tests/scan/$${name#*:}.txt; \
	  test -x $$environment/bin/pip || $(PYTHON) -m venv $$environment; echo "Installing $$list"; \
	  $$environment/bin/pip --disable-pip-version-check --quiet install --requirement $$list || exit 1; done
	@touch $@

# The packages' own install scripts would download more; what is needed is inside them.
tests/node_modules/installed.stamp: tests/package.json tests/package-lock.json | test-packages
	@echo "Installing tests/package.json"
	@npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

tests/benchmarks/lighthouse/node_modules/installed.stamp: tests/benchmarks/lighthouse/package.json | test-packages
	@echo "Installing tests/benchmarks/lighthouse/package.json"
	@PUPPETEER_SKIP_DOWNLOAD=1 npm ci --prefix tests/benchmarks/lighthouse --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(INSTANCE_PATH)/development.env:
	@umask 077 && mkdir -p $(INSTANCE_PATH) && \
	for name in SECRET_KEY TESTPAY_SECRET; do \
	  echo "export $$name=\"\$${$$name:-$$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')}\""; done > $@

# The embedded database is brought up to date only when something that it is made of has changed, so that
# a second start is quick. A database elsewhere is always asked.
.PHONY: always
$(INSTANCE_PATH)/demonstration.stamp: $(VENV)/run.stamp $(INSTANCE_PATH)/development.env $(MIGRATIONS) $(WORLD) \
    $(if $(DATABASE_URL),always) $(if $(wildcard $(INSTANCE_PATH)/tonne.sqlite),,always)
	@test "$$ENVIRONMENT" != production || { echo "make run is for the demonstration; production: docs/operate.md" >&2; exit 1; }
	@$(SETTINGS) $(FLASK) db upgrade && $(FLASK) demo load
	@touch $@
