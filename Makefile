# Verbs for people and CI. Each installs nothing but what scripts/setup lists.
.PHONY: build demo test asan ubsan tsan lint format bench bench-check fuzz science interop e2e docs python run setup
DEMO_ARGS ?=
BENCH_ARGS ?=
CTEST_ARGS ?=
STRICT := $(if $(filter true,$(CI)),-DHOEGO_WERROR=ON)

setup:
	@scripts/setup
build: setup
	@cmake --preset release -Wno-dev $(STRICT) && cmake --build --preset release
demo: build
	@scripts/demo $(DEMO_ARGS)
run: build
	@build/release/hoego serve --data data $(RUN_ARGS)
test: build
	@scripts/run_tests release $(CTEST_ARGS)
asan ubsan tsan: setup
	@cmake --preset $@ -Wno-dev $(STRICT) && cmake --build --preset $@ && scripts/run_tests $@ $(CTEST_ARGS)
lint: setup
	@scripts/lint
format:
	@git ls-files '*.cc' '*.h' | xargs clang-format-14 -i
bench: build
	@scripts/bench
fuzz: setup
	@scripts/fuzz
docs: build
	@scripts/docs
interop: build
	@scripts/interop
bench-check: build
	@scripts/bench_check $(BENCH_ARGS)
e2e science python:
	@echo "make $@ comes with a later issue"; exit 1
