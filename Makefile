# Every target builds or installs what it needs. Cargo and Go keep what they built.
CARGO ?= cargo
DIST_TARGET := $(shell rustc --print host-tuple)
DIST_BINARY := target/$(DIST_TARGET)/release/plumbline

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: controlplane ## Watch Plumbline at work: a real control plane, a small company, something breaks and heals
	$(CARGO) build --quiet --release -p plumbline -p plumbline-tests
	target/release/plumbline-demo

.PHONY: run
run: ## Run the operator against the current kubeconfig
	$(CARGO) run --release -p plumbline -- run --metrics-addr 127.0.0.1:8080

.PHONY: test
test: controlplane ## Run all tests, on a real control plane where it takes one
	$(CARGO) build -p plumbline
	$(CARGO) test --workspace

.PHONY: bench
bench: controlplane ## Measure memory and time against the budgets, side by side with the transport floor
	$(CARGO) build --quiet --release -p plumbline -p plumbline-tests
	target/release/plumbline-bench

# Crate and benchmark. Only what `counted` does is counted: one round, without what it begins with.
COUNTED := rbac:load_and_evaluate rbac:one_binding_changes rbac:one_binding_of_a_wide_group_changes \
	rbac:one_account_becomes_administrator network:build_and_ask/Strict network:change_a_policy/Strict \
	network:restart_a_pod/Strict
CALLGRIND := valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=*counted*

.PHONY: bench-instructions
bench-instructions: ## Count the instructions of the engines, which a busy machine does not change (needs valgrind)
	@command -v valgrind >/dev/null || { echo 'valgrind is missing: apt-get install valgrind'; exit 1; }
	@for bench in $(COUNTED); do \
		CARGO_PROFILE_BENCH_STRIP=none $(CARGO) --config "target.$(DIST_TARGET).runner='$(CALLGRIND)'" bench --quiet \
			-p plumbline-$${bench%%:*} --bench '*' -- --test --exact $${bench##*:} 2>&1 \
			| awk -v name=$$bench '/Collected/ {print name ": " $$4 " instructions"; found = 1} END {exit !found}' || exit 1; \
	done

.PHONY: lint
lint: ## Formatting, clippy and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny --version '^0.20'
	$(CARGO) deny check bans licenses sources

.PHONY: generate
generate: ## Write CRDs, RBAC and the pages of the items anew
	$(CARGO) xtask crds
	$(CARGO) xtask rbac
	$(CARGO) xtask items

.PHONY: dist
dist: ## Build the static binary that goes into the image, and prove that it is static
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --target $(DIST_TARGET) -p plumbline
	@! readelf --program-headers $(DIST_BINARY) | grep -q INTERP || { echo '$(DIST_BINARY) wants a dynamic linker'; exit 1; }
	@ls -l $(DIST_BINARY)

.PHONY: controlplane
controlplane: ## Build etcd, API server, controller manager, scheduler and KWOK (once, about ten minutes)
	@tests/controlplane/build.sh >/dev/null
