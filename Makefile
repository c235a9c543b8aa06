# Front Door. `make run` and `make test` set up whatever is missing first; `make help` lists the rest.
# Needed beforehand: make, and Python 3.11 or newer with venv; for `make up`, Docker with compose instead. After the first
# set-up, nothing else here needs a network.

.DEFAULT_GOAL := run
.PHONY: run up down logs test test-fast check fmt bench faults soak seed verify documents clean help

BIN := .venv/bin
UV_VERSION := 0.13.9

# uv works inside this folder's .venv alone, with the Python that made it.
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON := $(BIN)/python
export UV_PYTHON_DOWNLOADS := never
# Compiled once, at set-up: every start after that is more than a second shorter.
export UV_COMPILE_BYTECODE := 1
unexport VIRTUAL_ENV

run: .venv/.ready  ## serve the whole product on PORT (8000), with sample people and data
	@exec $(BIN)/frontdoor run

up:  ## build and start the whole product in containers, on PORT (8000), and wait until it is ready
	@exec deploy/up.sh

down:  ## stop what `make up` started; its data stays
	@docker compose --profile tools --profile observe down --remove-orphans
	@echo "Stopped. The data stays in Docker's volumes; 'docker compose down --volumes' removes it for good."

logs:  ## show what the containers say, as they say it
	@exec docker compose logs --follow --tail 100

# The quick tests and then the slow ones share the cores among workers; last come those that start processes and
# browsers of their own, one at a time.
ALONE := browser or containers or faults
QUICK := not (slow or $(ALONE))

test: test-fast  ## run all tests; ARGS="-k queue" goes on to pytest
	@$(BIN)/pytest -n auto -m "slow and not ($(ALONE))" $(ARGS) || { code=$$?; [ $$code -eq 5 ] || exit $$code; }
	@rest="($(ALONE)) and not patient"; \
	browser=$$(command -v "$${FRONTDOOR_CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome); \
	if [ -n "$$browser" ]; then \
	  export FRONTDOOR_CHROMIUM="$$browser"; \
	else \
	  case " $$FRONTDOOR_REQUIRE " in *" browser "*) \
	    echo "There is no Chromium here, and FRONTDOOR_REQUIRE says that the browser tests must run." >&2; exit 1;; \
	  esac; \
	  echo "Browser tests are left out: no Chromium on the PATH, and FRONTDOOR_CHROMIUM names none."; \
	  rest="($$rest) and not browser"; \
	fi; \
	if ! docker info >/dev/null 2>&1; then \
	  case " $$FRONTDOOR_REQUIRE " in *" containers "*) \
	    echo "No Docker engine answers here, and FRONTDOOR_REQUIRE says that the container tests must run." >&2; exit 1;; \
	  esac; \
	  echo "Tests on real Kafka, PostgreSQL and Redis, and of the composed product, are left out: no Docker engine answers."; \
	  rest="($$rest) and not containers"; \
	fi; \
	$(BIN)/pytest -m "$$rest" $(ARGS) || { code=$$?; [ $$code -eq 5 ] || exit $$code; }

test-fast: .venv/.ready  ## run the quick tests: no browser, no containers, no faults
	@$(BIN)/pytest -n auto -m "$(QUICK)" $(ARGS) || { code=$$?; [ $$code -eq 5 ] || exit $$code; }

check: .venv/.ready  ## check format, lint, types, import contracts and the rules of the house
	@echo "Format …";               $(BIN)/ruff format --quiet --check . || { echo "'make fmt' puts this right." >&2; exit 1; }
	@echo "Lint …";                 $(BIN)/ruff check --quiet .
	@echo "Types …";                $(BIN)/mypy --no-error-summary
	@echo "Import contracts …";     $(BIN)/lint-imports --no-logo
	@echo "Rules of the house …";   $(BIN)/pytest tests/architecture

fmt: .venv/.ready  ## put format and imports right
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

bench: .venv/.ready  ## measure; ONLY="embedded" a part of it; figures and a plot go to bench/
	@exec $(BIN)/python tests/bench

faults: .venv/.ready  ## break the product in every way there is, also those for which `make test` has no patience
	@$(BIN)/pytest -m "faults" tests/faults $(ARGS)

soak: .venv/.ready  ## break the product on real parts under load for SECONDS (300), as SEED says, and prove it whole
	@exec $(BIN)/python -m tests.faults.soak $(or $(SECONDS),300) $(SEED)

seed: .venv/.ready  ## fill the data folder with a believable area
	@exec $(BIN)/frontdoor seed

verify: .venv/.ready  ## prove from the data folder that nothing is lost and nothing is double
	@exec $(BIN)/frontdoor verify

documents: .venv/.ready  ## write docs/api, and an example of each event that has none yet
	@$(BIN)/frontdoor documents docs/api
	@$(BIN)/python tests/contracts/examples.py

clean:  ## remove what set-up and tests have made; the data folder stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find services shared deploy tests -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# Set-up, in two steps that are each done once. An environment does not survive being moved or copied, or the removal of
# its Python, so .made says which folder it was made in.
ifneq ($(shell $(BIN)/python -c 'print(open(".venv/.made").read())' 2>/dev/null),$(CURDIR))
.PHONY: .venv/.made
endif

.venv/.made:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  echo "Making .venv with $$("$$python" --version) …"; \
	  "$$python" -m venv --clear .venv || exit 1; \
	  echo "Installing uv $(UV_VERSION) into it …"; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore uv==$(UV_VERSION) || exit 1; \
	  pwd -P > $@; exit 0; \
	done; \
	echo "Front Door needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1

.venv/.ready: .venv/.made pyproject.toml uv.lock
	@echo "Bringing the packages to what uv.lock says (about a minute the first time) …"
	@$(BIN)/uv sync --frozen --offline --quiet 2>/dev/null || $(BIN)/uv sync --frozen --quiet
	@$(BIN)/python -m compileall -q shared services deploy
	@touch $@
