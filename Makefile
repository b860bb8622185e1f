# Every target builds or installs what it needs. Cargo and Go keep what they built.
CARGO ?= cargo
DIST_TARGET := $(shell rustc --print host-tuple)
DIST_BINARY := target/$(DIST_TARGET)/release/plumbline

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
