.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := .venv/bin/python
UV := .venv/bin/uv

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/run.stamp  ## Install what is missing and run the whole product (Ctrl-C stops it)
	@exec $(PYTHON) manage.py run

test: .venv/dev.stamp  ## Static checks and every test but the long ones
	@$(MAKE) --no-print-directory --jobs=2 check suite

# Four at once, each with servers of its own: most tests of the whole product wait more than they work.
# Whatever the shell says, what pytest has made of the tests is kept: it takes 5 s of a core, in each of the four.
suite: export PYTHONDONTWRITEBYTECODE =
suite: .venv/dev.stamp
	$(PYTHON) -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: .venv/dev.stamp  ## Format, lint, types, layers, migrations, deployment
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/djlint --check --quiet templates
	.venv/bin/lint-imports
	.venv/bin/mypy
	$(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) manage.py check --deploy --fail-level WARNING

fmt: .venv/dev.stamp  ## Format the code and mend what can be mended
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	.venv/bin/djlint --reformat --quiet templates

chaos: .venv/dev.stamp  ## Proofs that kill things, and long races for rows
	$(PYTHON) -m pytest -m chaos -s
	RACE_ROUNDS=200 $(PYTHON) -m pytest tests/streams/test_races.py

mutants: .venv/dev.stamp  ## Break the core in small ways: do the tests notice?
	$(PYTHON) -m tests.mutants

bench: .venv/dev.stamp  ## Measure the figures of docs/performance.md
	$(PYTHON) -m pytest -m bench -s bench

slate:  ## Draw the picture that viewers see while an encoder is away
	ffmpeg -loglevel error -y -f lavfi -i color=c=0x14181f:s=1920x1080 -frames:v 1 -pix_fmt rgb24 -vf "format=rgb24,\
	drawtext=font='DejaVu Sans':text='We’ll be right back':fontcolor=0xe6e9ef:fontsize=84:x=(w-tw)/2:y=(h-th)/2-20,\
	drawbox=x=(iw-120)/2:y=ih/2+70:w=120:h=4:color=0x5b6472:t=fill" streams/media/slate.png

lock: .venv/run.stamp  ## Write the lock files anew from pyproject.toml
	$(UV) pip compile pyproject.toml -q --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -o requirements.lock
	$(UV) pip compile pyproject.toml -q --group dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate -c requirements.lock -o requirements-dev.lock

.venv/run.stamp: deploy/install deploy/apt-packages.txt requirements.lock
	@deploy/install run

.venv/dev.stamp: deploy/install deploy/apt-packages.txt deploy/apt-packages-dev.txt requirements-dev.lock deploy/test-servers/package-lock.json
	@deploy/install dev

.PHONY: help run test suite check fmt chaos mutants bench slate lock
