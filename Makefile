# The two commands of the README are `make demo` and `make test`; the rest are their parts.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# Silent where it succeeds, and with everything that pip said where it fails.
PIP := sh scripts/pip.sh $(BIN)/python
SYSTEM_PYTHON := $(PYTHON)
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export GEMVG_SHARED ?= $(abspath ../shared)

.PHONY: demo test install-local install-dev lint types unit nano vllm-env vllm-test wheel-check tally clean

demo: install-local  ## ask two questions about real photographs
	@$(BIN)/python scripts/demo.py

test: install-dev lint types unit vllm-test wheel-check tally ## everything that CI runs

$(BIN)/python:
	@test -n "$(SYSTEM_PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(SYSTEM_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; say which: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(SYSTEM_PYTHON) -m venv $(VENV)
	@$(PIP) install -q -U "pip>=25"

# A stamp says for which project file and lock an environment was made, so a second `make` is quick.
# Modules are compiled when they are first imported: most of what torch and transformers bring is not.
$(VENV)/.local: pyproject.toml constraints.txt
	@echo "Installing torch, transformers, ultralytics and gemvg-agent into $(VENV): about 6 GB, 2 to 4 minutes ..."
	@$(MAKE) -s --no-print-directory $(BIN)/python
	@$(PIP) install -q --no-compile -c constraints.txt -e '.[local]'
	@sh scripts/check_cv2.sh $(BIN)/python
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@echo "Installing gemvg-agent with all that its tests need into $(VENV): about 7 GB, 3 to 6 minutes ..."
	@$(MAKE) -s --no-print-directory $(BIN)/python
	@$(PIP) install -q --no-compile -c constraints.txt -e '.[local,dev]'
	@sh scripts/check_cv2.sh $(BIN)/python
	@sh scripts/type_links.sh
	@touch $(VENV)/.local $@

install-local: $(VENV)/.local

install-dev: $(VENV)/.dev

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	@sh scripts/type_links.sh
	$(BIN)/basedpyright

unit:
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not vllm" --junitxml=$(VENV)/unit.xml

nano: install-dev  ## record conversations about $(GEMVG_SHARED)/photos and train the small policy: nine and a half hours
	$(BIN)/gemvg-agent train nano-conversations runs/conversations --photos $(GEMVG_SHARED)/photos
	$(BIN)/gemvg-agent train nano nano-4m

vllm-env: .venv-vllm/.done  ## an environment of its own in which vLLM runs on the CPU

.venv-vllm/.done: scripts/vllm_env.sh
	PYTHON=$(SYSTEM_PYTHON) bash scripts/vllm_env.sh
	@touch $@

# In CI the stage must run; elsewhere a machine on which vLLM can't be installed says so and goes on.
vllm-test: install-dev  ## a real vLLM server against the same weights in process
	@rm -f $(VENV)/vllm.xml
	@if $(MAKE) vllm-env; then \
	  $(BIN)/python -m pytest -m vllm --timeout 900 --junitxml=$(VENV)/vllm.xml; \
	elif [ "$$CI" = true ]; then exit 1; \
	else echo "vLLM can't be installed here: its tests did not run"; fi

wheel-check: install-dev  ## build the wheel, install it alone, ask one question
	bash scripts/wheel_check.sh $(BIN)/python

# One closing line over all stages, so that nothing hides behind the last one.
tally:
	@$(BIN)/python scripts/tally.py $(VENV)/unit.xml $(VENV)/vllm.xml

clean:
	rm -rf $(VENV) .venv-vllm .types build dist *.egg-info demo
