# What can be done here. `make` alone prints it.

SWIFT ?= swift
# A build of the release has been seen not to end (the optimizer of Swift 6.3): it gets this many seconds.
RELEASE_LIMIT ?= 900
# Swift's libraries are within, so that the command is one file and starts at once.
# The tests run with checks of exclusive access; in a release these would take an eighth of the time, packet by packet.
RELEASE = $(SWIFT) build -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
DOCS := .build/docs
SEEDS ?= 20
CONTEST_SEEDS ?= 10000
SCENARIO_SEEDS ?= 100
WEATHER_SEEDS ?= 100
LAB_SCRIPTS ?= 300
# In the lab: networks at once, seeds of the simulator for each pair, and how often the kernel tries it.
LAB_JOBS ?= 6
LAB_SEEDS ?= 3
LAB_REPETITIONS ?= 1
SOAK_SEEDS ?= 1000

.DEFAULT_GOAL := help
.PHONY: interop simulate mutants soak help demo test lint format bench matrix connect paths storm swarm contest weather lab fuzz sanitize release docs setup clean

help: ## say what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## show two peers behind NATs meet in a simulated internet, and the same over loopback
	@$(SWIFT) build --product warren
	@.build/debug/warren demo

test: setup interop ## build everything, warnings being errors, and run all tests
	SWIFT=$(SWIFT) Scripts/test.py

lint: ## check the format, the forbidden names, what each room may import, and that the guide holds together
	@$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Simulator Tests Benchmarks
	@python3 Scripts/lint.py --self-test
	@python3 Scripts/lint.py
	@python3 Scripts/check-guide.py
	@python3 Scripts/mutants.py --check

format: ## put every file into the one format
	@$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Simulator Tests Benchmarks

release: setup ## build the release of the library and the command, within a time limit
	timeout $(RELEASE_LIMIT) $(RELEASE) --product warren

bench: setup interop ## measure, as ratios of one run on this machine
	timeout $(RELEASE_LIMIT) $(RELEASE) --product Benchmarks
	.build/release/Benchmarks

matrix: release ## try every pair of places and of kinds of NAT in the simulator, with 20 seeds, against what is written down
	.build/release/warren matrix --seeds $(SEEDS) --against Fixtures/Matrix/places.txt
	.build/release/warren matrix --seeds $(SEEDS) --kinds

connect: release ## connect peers from every place with peers in every other, against what is written down, 100 seeds (2 minutes)
	.build/release/warren connect --seeds 100 --against Fixtures/Matrix/places.txt
	.build/release/warren connect --early --seeds 20 --against Fixtures/Matrix/places.txt
	.build/release/warren connect --relay --seeds 20

paths: release ## let things happen to the ways of connections that are in use (20 seeds each: a minute)
	.build/release/warren paths --seeds 20

storm: release ## let everything go wrong that can, and see whether peers find each other again (1,000 seeds: a minute)
	.build/release/warren storm --seeds 1000

swarm: release ## let 5, 50 and 500 nodes of a mesh join, talk, crash, be cut in two, and do nothing for an hour (4 minutes)
	.build/release/warren swarm --seeds 5
	.build/release/warren swarm --nodes 50 --loss 10 --rough --seeds 20
	.build/release/warren swarm --whole --rough --nodes 9 --seeds 10
	.build/release/warren swarm --whole --rough --nodes 20 --seeds 5 --loss 10
	.build/release/warren swarm --nodes 50 --loss 5 --hours 1 --seeds 10

simulate: release ## run all scenarios with 100 seeds, as they are and with things that go wrong besides, and all NATs against all
	.build/release/warren simulate --seeds $(SCENARIO_SEEDS)
	.build/release/warren simulate --seeds $(SCENARIO_SEEDS) --chaos
	.build/release/warren simulate switch-18 ladder --seeds 5
	.build/release/warren simulate --matrix --seeds 5
	for set in nat27 webrtc-10x10 tailscale-8x8 iroh-4x4; do .build/release/warren simulate --matrix $$set --seeds 5 --against Fixtures/Matrix/$$set.txt || exit 1; done

mutants: setup ## break the protocol in one place after the other: scenarios must find each by the right rule (minutes, most of them to build; MUTANTS)
	Scripts/mutants.py $(MUTANTS)

soak: release ## all that takes long: every sweep with many seeds, the mutants and how small their runs become, the lab, the contest (an hour or more)
	$(MAKE) simulate SCENARIO_SEEDS=$(SOAK_SEEDS)
	$(MAKE) mutants
	$(MAKE) mutants MUTANTS="--built --shrink"
	$(MAKE) matrix connect paths storm swarm weather contest
	$(MAKE) lab LAB_SCRIPTS=1000

contest: release ## find the port of a hard NAT, beside others' ways of looking for it (10,000 seeds: 6 minutes)
	.build/release/warren contest --seeds $(CONTEST_SEEDS)

weather: release ## send bytes through bad networks over QUIC, in both worlds, and 1 GiB through a good one (2 minutes)
	.build/release/warren weather --seeds $(WEATHER_SEEDS)
	.build/release/warren weather --loopback
	.build/release/warren weather clean --megabytes 1024 --streams 1 --seeds 1
	.build/release/warren weather clean --megabytes 1024 --streams 1 --seeds 1 --loopback

lab: setup interop ## play scenarios and all pairs of NATs with the real command in this kernel, beside the simulator, as root (10 minutes)
	WARREN_LAB_SCRIPTS=$(LAB_SCRIPTS) WARREN_LAB_WHOLE=1 WARREN_LAB_JOBS=$(LAB_JOBS) WARREN_LAB_SEEDS=$(LAB_SEEDS) \
	  WARREN_LAB_REPETITIONS=$(LAB_REPETITIONS) WARREN_LAB_SCENARIOS=$(LAB_SCENARIOS) WARREN_LAB_KINDS=$(LAB_KINDS) \
	  WARREN_LAB_SEARCH=$(LAB_SEARCH) WARREN_IROH_SEEDS=200 $(SWIFT) test --filter 'LabTests|IrohMatrixTests'

fuzz: setup ## give hostile bytes to whatever reads some, a minute each (FUZZ_SECONDS, FUZZ_TARGETS)
	@Scripts/fuzz.sh

sanitize: setup ## run all tests under the thread and the address sanitizer
	$(SWIFT) test --sanitize=thread --scratch-path .build/thread
	LSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/leaks.supp:print_suppressions=0 \
	  $(SWIFT) test --sanitize=address --scratch-path .build/address

docs: setup ## write the guide and the reference of the public API
	@Scripts/docs.sh $(DOCS)

interop:
	@Scripts/interop.sh

setup: ## install what is missing on this machine
	@Scripts/setup.sh

clean: ## throw away everything that was built
	rm -rf .build
