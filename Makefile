# maskinporten-core. `make` alone shows what there is.

VERSION := 0.1.0
ABI     := 1
BUILD   := build
DIST    := dist
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
GO      ?= go
CC      ?= cc
PYTHON  ?= python3
NODE    ?= node
NPM     ?= npm

# The same bytes from every folder: no paths, no build id, no symbols.
STRIP    := -trimpath -buildvcs=false
LDFLAGS  := -s -w -buildid=
# WebAssembly is downloaded, so it is built without inlining, which makes it a
# tenth smaller and a cached read 0.15 µs slower. The arithmetic of RSA keeps it.
SMALL    := -gcflags=all=-l -gcflags=crypto/internal/fips140/bigmod=
GO_FILES := go.mod go.sum $(shell find core capi wasm -name '*.go' -not -name '*_test.go' -not -path 'core/bench/*')
C_FILES  := $(wildcard capi/*.c capi/*.h capi/*.map capi/include/*.h)
EXAMPLES := $(wildcard capi/examples/c/*.c capi/examples/c/*.h)
PY_FILES := $(shell find bindings/python/src bindings/python/_build -name '*.py') bindings/python/pyproject.toml bindings/python/README.md
JAVA_FILES := $(shell find capi/examples/java/src -name '*.java') capi/examples/java/pom.xml capi/examples/java/run.sh
JS_FILES := $(shell find bindings/node/src bindings/node/native -type f) $(wildcard bindings/node/*.mjs) bindings/node/package.json bindings/node/README.md

LIB     := $(BUILD)/libmaskinporten.so
CLI     := $(BUILD)/maskinporten
WASM    := $(foreach target,wasip1 js,$(BUILD)/maskinporten-$(target).wasm $(BUILD)/maskinporten-$(target)-host-signs.wasm)
# The packages of this machine, with the plain library: what the demo and the tests use.
LOCAL   := $(BUILD)/packages
WHEEL   := $(LOCAL)/.wheel
TGZ     := $(LOCAL)/.tgz
# The packages for all: libraries that zig links, the same bytes wherever they are built.
RELEASE := $(foreach platform,linux-amd64 linux-arm64 windows-amd64,$(BUILD)/release/$(platform)/.built)
ZIG     := $(BUILD)/release-venv/.installed
ZIG_RUN  = ZIG=$$($(BUILD)/release-venv/bin/python -c 'import ziglang; print(*ziglang.__path__, sep="")')/zig \
           ZIG_GLOBAL_CACHE_DIR=$(CURDIR)/$(BUILD)/zig-cache GO='$(GO)' PYTHON='$(PYTHON)' NODE='$(NODE)'
MODULES := bindings/node/node_modules/.package-lock.json
RUNTIMES := bindings/node/test/runtimes/node_modules/.package-lock.json
DEMO    := $(BUILD)/demo
VENV    := $(BUILD)/python-venv

# What `make test` runs: test-go and so on.
SUITES := go fuzz c java python node edge readme release

.PHONY: help demo test lib wasm cli packages release dist bench bench-java fuzz soak soak-python reproducible
.PHONY: install uninstall clean $(SUITES:%=test-%)
.DELETE_ON_ERROR:

help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lib: $(LIB) ## build/libmaskinporten.so, build/include/maskinporten.h, build/maskinporten.pc

$(LIB): $(GO_FILES) $(C_FILES) capi/maskinporten.pc.in
	@mkdir -p $(BUILD)/include
	CGO_ENABLED=1 $(GO) build -buildmode=c-shared $(STRIP) -ldflags '$(LDFLAGS) -extldflags "-Wl,-soname,libmaskinporten.so.$(ABI) -Wl,--version-script=$(CURDIR)/capi/maskinporten.map -Wl,-z,nodelete"' -o $@ ./capi
	@rm -f $(BUILD)/libmaskinporten.h
	@ln -sf libmaskinporten.so $(BUILD)/libmaskinporten.so.$(ABI)
	@cp capi/include/maskinporten.h $(BUILD)/include/
	@sed -e 's|@PREFIX@|$${pcfiledir}|' -e 's|@LIBDIR@|$${prefix}|' -e 's|@VERSION@|$(VERSION)|' capi/maskinporten.pc.in > $(BUILD)/maskinporten.pc

wasm: $(WASM) $(BUILD)/wasm_exec.js ## build/maskinporten-{wasip1,js}[-host-signs].wasm, build/wasm_exec.js

$(BUILD)/maskinporten-wasip1.wasm $(BUILD)/maskinporten-wasip1-host-signs.wasm: export GOOS := wasip1
$(BUILD)/maskinporten-js.wasm $(BUILD)/maskinporten-js-host-signs.wasm: export GOOS := js
$(BUILD)/maskinporten-wasip1.wasm $(BUILD)/maskinporten-wasip1-host-signs.wasm: MODE := -buildmode=c-shared
$(BUILD)/%-host-signs.wasm: FLAVOUR := -tags host_signs
$(WASM): $(GO_FILES)
	@mkdir -p $(BUILD)
	GOARCH=wasm $(GO) build $(MODE) $(FLAVOUR) $(STRIP) $(SMALL) -ldflags '$(LDFLAGS)' -o $@ ./wasm

$(BUILD)/wasm_exec.js: $(shell $(GO) env GOROOT)/lib/wasm/wasm_exec.js
	@mkdir -p $(BUILD)
	cp $< $@

cli: $(CLI) ## build/maskinporten

$(CLI): $(GO_FILES)
	@mkdir -p $(BUILD)
	CGO_ENABLED=0 $(GO) build $(STRIP) -ldflags '$(LDFLAGS)' -o $@ ./core/cmd/maskinporten

$(ZIG): capi/release/requirements.txt
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

release: $(RELEASE) ## build/release/{linux-amd64,linux-arm64,windows-amd64}: library and command, for distribution

$(RELEASE): $(BUILD)/release/%/.built: $(ZIG) $(GO_FILES) $(C_FILES) capi/release/build capi/release/zig-cc
	$(ZIG_RUN) capi/release/build $* $(@D)
	@touch $@

dist: $(DIST)/SHA256SUMS ## dist/: wheels, sdist, npm tarballs and C archives for every platform, and their hashes

$(DIST)/SHA256SUMS: $(RELEASE) $(WASM) $(BUILD)/wasm_exec.js $(PY_FILES) $(JS_FILES) $(addprefix capi/release/,pack archive.py sbom.py) | $(MODULES)
	@rm -rf $(DIST) && mkdir -p $(DIST)
	$(ZIG_RUN) capi/release/pack $(BUILD) $(DIST) $(VERSION)

packages: $(WHEEL) $(TGZ) ## build/packages/: wheel and npm tarballs for this machine, with the plain library

$(WHEEL): $(LIB) $(CLI) $(PY_FILES)
	@mkdir -p $(LOCAL) && rm -f $(LOCAL)/*.whl
	$(PYTHON) bindings/python/_build/wheel_backend.py $(LOCAL)
	@touch $@

$(MODULES) $(RUNTIMES): %/node_modules/.package-lock.json: %/package-lock.json
	cd $* && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(TGZ): $(LIB) $(CLI) $(WASM) $(BUILD)/wasm_exec.js $(JS_FILES) | $(MODULES)
	@mkdir -p $(LOCAL) && rm -f $(LOCAL)/*.tgz
	cd bindings/node && $(NODE) build-native.mjs && $(NODE) pack.mjs $(CURDIR)/$(LOCAL)
	@touch $@

# The demo and the tests use the packed artefacts, not the tree.
$(DEMO)/python: $(WHEEL)
	@rm -rf $@ && mkdir -p $@
	$(PYTHON) -m zipfile -e $(LOCAL)/maskinporten-*.whl $@

$(DEMO)/node: $(TGZ) $(wildcard bindings/node/examples/*.mjs)
	@rm -rf $@ && mkdir -p $@ && echo '{"private": true}' > $@/package.json
	cd $@ && $(NPM) install --offline --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error $(CURDIR)/$(LOCAL)/*.tgz
	@cp bindings/node/examples/*.mjs $@/

$(DEMO)/c: $(LIB) $(EXAMPLES)
	@mkdir -p $(DEMO)
	$(CC) -std=c99 -O2 -D_POSIX_C_SOURCE=200809L -I$(BUILD)/include capi/examples/c/main_job.c capi/examples/c/json_member.c capi/examples/c/loopback_http.c -o $@ -L$(BUILD) -lmaskinporten -Wl,-rpath,$(CURDIR)/$(BUILD)

# Java is the one language of the demo that may be missing: its jar is then not there.
$(DEMO)/java: $(LIB) $(JAVA_FILES)
	@rm -rf $@ && mkdir -p $@
	@sh capi/examples/java/run.sh $(BUILD) jar $@

demo: $(CLI) $(DEMO)/c $(DEMO)/java $(DEMO)/python $(DEMO)/node ## the main job against the sandbox, from every language
	@set --; test ! -f $(DEMO)/java/maskinporten.jar || \
	  set -- --row 'Java=java -Dmaskinporten.library=$(CURDIR)/$(LIB) -jar $(DEMO)/java/maskinporten.jar {settings}'; \
	PYTHONPATH=$(DEMO)/python $(CLI) demo \
	  --row 'C=$(DEMO)/c {settings}' "$$@" \
	  --row 'Python=$(PYTHON) bindings/python/examples/main_job.py {settings}' \
	  --row 'Node native=$(NODE) $(DEMO)/node/main-job.mjs {settings} --engine native' \
	  --row 'Node WASM wasip1=$(NODE) $(DEMO)/node/main-job.mjs {settings} --engine wasip1' \
	  --row 'JS WASM=$(NODE) $(DEMO)/node/main-job.mjs {settings} --engine js'

test: $(SUITES:%=test-%) ## everything
	@echo
	@echo "All suites ran: $(SUITES)."

test-go: ## the Go suite, with the race detector
	@.ci/suite Go "$(GO) $(CC) openssl" sh -c 'test -z "$$(gofmt -l core capi wasm)" || { echo "not gofmt-ed:"; gofmt -l core capi wasm; exit 1; }; \
	  $(GO) vet ./... && GOOS=wasip1 GOARCH=wasm $(GO) vet ./wasm && GOOS=js GOARCH=wasm $(GO) vet -tags host_signs ./wasm ./core/wire && $(GO) test -race ./...'

test-fuzz: ## each fuzz target for ten seconds
	@.ci/suite Fuzz "$(GO)" .ci/fuzz 10s

fuzz: ## each fuzz target for a minute
	@.ci/fuzz 60s

soak: $(LIB) $(CLI) ## 16 threads for a minute, on the built library
	@sh capi/tests/soak.sh $(BUILD) 60

reproducible: $(LIB) ## the library once more, from another folder: the same bytes
	@sh capi/tests/reproducible.sh $(BUILD)

test-c: $(LIB) $(CLI) ## the C suite, on the built library
	@.ci/suite C "$(CC) c++ pkg-config nm readelf" sh capi/tests/run.sh $(BUILD)

test-java: $(LIB) $(CLI) ## the Java suite, through JNA and through java.lang.foreign
	@.ci/suite Java "java javac mvn $(CC)" sh capi/examples/java/run.sh $(BUILD) test

bench-java: $(LIB) $(CLI) ## what a cached token costs in Java, against bare calls
	@sh capi/examples/java/run.sh $(BUILD) bench

$(VENV): bindings/python/requirements-test.txt $(WHEEL)
	@test -x $@/bin/python || $(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check -r bindings/python/requirements-test.txt
	$@/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(LOCAL)/maskinporten-*.whl
	@touch $@

test-python: $(VENV) $(BUILD)/maskinporten-wasip1.wasm ## the Python suite, on the installed wheel and on WebAssembly
	@.ci/suite Python "$(PYTHON) openssl redis-server softhsm2-util $(NODE)" bindings/python/tests/run.sh $(CURDIR)/$(VENV) $(CURDIR)/$(BUILD)/maskinporten-wasip1.wasm

soak-python: $(VENV) ## the slow part of the Python suite: 1,000 forks
	@cd bindings/python && $(CURDIR)/$(VENV)/bin/pytest -m soak

test-node: $(TGZ) $(CLI) $(MODULES) ## the Node suite, on the packed tarballs
	@.ci/suite Node "$(NODE) $(NPM) openssl" $(NODE) bindings/node/test/run.mjs

test-edge: $(TGZ) $(CLI) $(MODULES) $(RUNTIMES) $(VENV) wasm/tests/requirements.txt ## every JavaScript runtime, and wazero and wasmtime
	@.ci/suite "Edge: WASI" "$(GO) $(PYTHON)" sh -c 'cd wasm/tests && $(GO) vet ./... && $(GO) test -parallel 32 ./... && \
	  $(CURDIR)/$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt && \
	  $(CURDIR)/$(VENV)/bin/pytest -q -p no:cacheprovider .'
	@.ci/suite "Edge: runtimes" "$(NODE) $(NPM)" $(NODE) bindings/node/test/runtimes/run.mjs

test-readme: $(LIB) $(CLI) $(VENV) $(DEMO)/node ## the examples of README.md, as they stand there
	@.ci/suite README "$(GO) $(CC) $(NODE)" $(VENV)/bin/python .ci/readme.py

test-release: $(DIST)/SHA256SUMS $(CLI) ## the packages of make dist, on every platform that can be had here
	@.ci/suite Release "$(GO) $(CC) $(PYTHON) $(NODE) $(NPM) readelf objdump" sh capi/release/test.sh $(BUILD) $(DIST)

bench: $(LIB) $(CLI) $(VENV) $(DEMO)/node ## the side-by-side table, build/bench.md
	@.ci/bench

install: $(LIB) ## the library, header and pkg-config file, under DESTDIR and PREFIX
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 $(LIB) $(DESTDIR)$(LIBDIR)/libmaskinporten.so.$(VERSION)
	ln -sf libmaskinporten.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libmaskinporten.so.$(ABI)
	ln -sf libmaskinporten.so.$(ABI) $(DESTDIR)$(LIBDIR)/libmaskinporten.so
	install -m 644 capi/include/maskinporten.h $(DESTDIR)$(PREFIX)/include/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' capi/maskinporten.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/maskinporten.pc

uninstall: ## what install put there
	rm -f $(DESTDIR)$(LIBDIR)/libmaskinporten.so $(DESTDIR)$(LIBDIR)/libmaskinporten.so.* $(DESTDIR)$(LIBDIR)/pkgconfig/maskinporten.pc $(DESTDIR)$(PREFIX)/include/maskinporten.h

clean: ## everything that was built
	rm -rf $(BUILD) $(DIST) capi/examples/java/target
