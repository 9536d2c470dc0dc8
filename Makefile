.PHONY: setup demo test check long docs bench mutation never-twice torture help
PORT ?= 8080
PYTHON ?= python3
MINUTES ?= 1
DATABASE ?= sqlite
BIN := .venv/bin
PRISM := build/prism/node_modules/.bin/prism

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/ready  ## create .venv and install everything, once

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try make PYTHON=python3.11")'
	@$(PYTHON) -c 'import venv; from ensurepip import bootstrap' 2>/dev/null \
	|| { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install --yes python3-venv; } \
	|| { echo "Python's venv is not installed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	touch .venv/ready

demo: setup  ## a whole hotel on this machine (PORT=8080)
	$(BIN)/nightporter demo --port $(PORT) --data demo-data

test: setup  ## the tests
	$(BIN)/python -m pytest -m "not long" --numprocesses 3 --dist worksteal

check: setup  ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

long: setup  ## the long forms of the tests
	$(BIN)/python -m pytest -m long --override-ini faulthandler_timeout=600 || test $$? -eq 5  # 5: no test has a long form

docs: setup  ## write the generated parts of the documentation anew
	$(BIN)/python -m docs.generate

mutation: setup  ## which changes of the domain and the operations would no test notice
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group mutation
	$(BIN)/mutmut run
	$(BIN)/mutmut results

bench: setup $(PRISM)  ## the benchmarks, as ratios
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group bench
	$(BIN)/python -m benchmarks

$(PRISM):
	npm install --prefix build/prism --silent --no-audit --no-fund @stoplight/prism-cli@5.16.0

never-twice: setup  ## agents under every strike, and docs/drivers/never-twice.md written anew
	$(BIN)/python -m pytest tests/agent/never_twice -m long --override-ini faulthandler_timeout=600
	$(BIN)/python -m tests.agent.never_twice.table

torture: setup  ## servers under random faults, judged by what clients saw (MINUTES=1 DATABASE=sqlite|postgres SEED=…)
	$(BIN)/python -m torture --minutes $(MINUTES) --database $(DATABASE) $(if $(SEED),--seed $(SEED))
