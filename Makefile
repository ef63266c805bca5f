# Work on the template itself. For what users get, see {{cookiecutter.project_slug}}/Makefile.
PYTHON ?= python3
READY := .venv/ready
RUN := .venv/bin/python -m
# Half as many again as cores: often a test waits for a lock, a server or a process.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 2) * 3 // 2)")
CODE := hooks src tests benchmarks docs tools

.PHONY: help demo test test-long lint bench docs wheel release pictures

help: ## this list
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## generate a project and take it through create, change, migrate on SQLite
	@sh tests/demo.sh

test: $(READY) ## bakes projects and really uses them, on SQLite; CI=true: everything, on all three engines
	@$(RUN) pytest --numprocesses $(WORKERS) $(args)

test-long: $(READY) ## the kills, at 100 random moments for each engine and command; KILLS=1000: at so many
	@CI=true KILLS="$${KILLS:-100}" $(RUN) pytest --numprocesses $(WORKERS) $(or $(args),tests/crash)

lint: $(READY) ## check the style of the template's own Python (the baked projects are checked by the tests)
	@$(RUN) ruff check $(CODE) && $(RUN) ruff format --check $(CODE)

bench: $(READY) ## this template and stock Flask-Migrate side by side
	@$(RUN:-m=) benchmarks/run.py $(args)

wheel: $(READY) ## build the library into the generated project's vendor/
	@$(RUN:-m=) tools/build_wheel.py

pictures: $(READY) ## the pictures in the README, from a real run
	@$(RUN:-m=) tools/pictures.py

release: $(READY) ## V=1.0.0: a new version of the library, in all places; commit and tag are yours
	@$(RUN:-m=) tools/release.py "$$V"

docs: $(READY) ## build the documentation into docs/_build/html; a warning is an error
	@$(RUN) sphinx -W --keep-going --quiet docs docs/_build/html $(args)

$(READY): pyproject.toml
	@echo "Setting up .venv (once, and when the dependencies change) ..."
	@command -v uv >/dev/null || test -x .venv/bin/uv || { \
	  $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet uv; }
	@PATH="$$PATH:$(CURDIR)/.venv/bin" uv sync --quiet
	@touch $@
