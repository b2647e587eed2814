# Everything a newcomer needs. Each target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench clean

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	$(BIN)/python -m winnow.recipes.compiling
	@touch $@

# What tests and benchmarks need besides: the extras, PyTorch among them.
$(VENV)/dev: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,trafilatura]'
	@touch $@

demo: $(VENV)/ready  ## the main job on the packaged sample: documents, a report, a reason for every document dropped
	$(BIN)/winnow run demo --out winnow-demo --store winnow-demo/store

test: $(VENV)/dev  ## the whole test suite
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev  ## speed and quality beside the peers; hours, on a quiet machine
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python benchmarks/pipeline.py --memory
	$(BIN)/python benchmarks/edits.py
	$(BIN)/python benchmarks/extraction.py
	$(BIN)/python benchmarks/golden.py
	$(BIN)/python benchmarks/language.py
	$(BIN)/python benchmarks/dedup.py
	$(BIN)/python benchmarks/dedup_scale.py
	$(BIN)/python benchmarks/near_duplicates.py
	$(BIN)/python benchmarks/boilerplate.py
	$(BIN)/python benchmarks/bloom.py
	$(BIN)/python benchmarks/decontamination.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/scorers.py
	$(BIN)/python benchmarks/filters_on_sources.py
	$(BIN)/python benchmarks/tokens.py
	$(BIN)/python benchmarks/lm.py
	$(BIN)/python benchmarks/learning_rates.py
	$(BIN)/python benchmarks/prompts.py --items 100
	$(BIN)/python benchmarks/evaluation.py --items 2 --repetitions 3
	$(BIN)/python benchmarks/intervals.py
	$(BIN)/python benchmarks/testbed.py
	$(BIN)/python benchmarks/loss.py
	$(BIN)/python benchmarks/memorization.py
	$(BIN)/python benchmarks/spoiled.py
	$(BIN)/python benchmarks/fine_tuning.py
	$(BIN)/python benchmarks/pruning.py
	$(BIN)/python benchmarks/meta.py
	$(BIN)/python benchmarks/rating.py
	$(BIN)/python benchmarks/datarater.py
	$(BIN)/python benchmarks/same_mixture.py
	$(BIN)/python benchmarks/natural_sources.py
	$(BIN)/python benchmarks/laws_forms.py
	$(BIN)/python benchmarks/laws_synthetic.py
	$(BIN)/python benchmarks/laws_speed.py
	$(BIN)/python benchmarks/advice.py

clean:  ## remove what the targets made
	rm -rf $(VENV) winnow-demo winnow-store .bench build dist
