# Every target sets the project up first; the second time that costs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
EXTRAS ?= test

.DEFAULT_GOAL := help
.PHONY: help setup setup-eval demo serve test lint format check bench bench-check flows-gallery page-pictures lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## Create .venv and install the project with its tests' needs

# uv inside the project's own environment; pip where uv finds no package index.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv || true
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet -c constraints.txt -e '.[$(EXTRAS)]' \
	  || $(BIN)/python -m pip install -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

setup-eval: setup ## Add PESQ, WORLD and DNSMOS (needs a C compiler)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -c constraints.txt -e '.[$(EXTRAS),eval,train]' \
	  || $(BIN)/python -m pip install -c constraints.txt -e '.[$(EXTRAS),eval,train]'

demo: setup ## A recording to a mel, over HTTP through every voice, to out/demo/
	$(BIN)/vocoder demo

serve: setup ## Start the server on 127.0.0.1:8000
	$(BIN)/vocoder serve

test: setup ## Run the tests (CPU only)
	$(BIN)/python -m pytest

lint: setup ## ruff, mypy, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test ## Both

bench: setup ## Samples per second of every shipped voice
	$(BIN)/vocoder bench

bench-check: setup ## Ratios of speeds beside docs/benchmarks/baseline.json, in minutes on a quiet machine
	$(BIN)/vocoder bench check docs/benchmarks/baseline.json

flows-gallery: setup ## Train every flow on small sets, write docs/flows
	$(BIN)/vocoder flows gallery --jobs 2

page-pictures: setup ## Take the README's pictures of the page (the extra browser, and a Chromium)
	$(BIN)/python docs/page_pictures.py

lock: ## Pin again what is installed: names and versions only
	$(BIN)/uv export --quiet --all-extras --no-hashes --no-emit-project --no-annotate --no-header -o constraints.txt
	rm -f uv.lock

clean: ## Remove the environment and everything generated
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache
