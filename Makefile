# holdfast: what holds this memory?
#
#   make            the program, build/holdfast
#   make demo       install what is missing, build, capture a leaky sample,
#                   show what was found
#   make test       install what is missing, build, run all tests
#   make asan       the tests under address and undefined-behaviour sanitizers
#   make fuzz       every fuzz target for FUZZ_SECONDS (needs clang)
#   make bench      capture and analysis measured against each other
#   make bench-types  how many types of blocks are right, by programs that say
#                   what their blocks are
#   make lint       layers, compiler warnings as errors, cppcheck
#   make static     build/static/holdfast, which needs nothing else on the
#                   machine that it is copied to
#   make check-aarch64  compile for 64-bit ARM (needs gcc-aarch64-linux-gnu)
#   make check-libdwarf  build and test with the newer libdwarf of Debian 13
#   make install    to DESTDIR/PREFIX
#   make deps       install Debian packages, or print the command
#
# B names the build directory; each configuration has its own.

CC       ?= cc
CXX      ?= c++
CFLAGS   ?= -O2 -g
CXXFLAGS ?= -O2 -g
PREFIX   ?= /usr/local
B        ?= build
FUZZ_SECONDS ?= 60

PKGS := libelf libzstd ncursesw jansson libxxhash zlib liblzma

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wwrite-strings -Wvla -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif

# Recursive on purpose: `make deps` must not ask for packages not there yet.
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS)) \
             $(shell pkg-config --cflags libdwarf 2>/dev/null || echo -isystem /usr/include/libdwarf)
PKG_LIBS   = -ldwarf -liberty $(shell pkg-config --libs $(PKGS))
STATIC_LIBS = -ldwarf -liberty $(shell pkg-config --static --libs $(PKGS)) -lm $(LDLIBS)

# $(B) holds what is generated.
ALL_CPPFLAGS := -I. -I$(B) -D_GNU_SOURCE $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   := -std=c11 $(WARN) $(CFLAGS) $(SANITIZE) -pthread
ALL_LIBS     := $(PKG_LIBS) -lm $(LDLIBS)

LIB_SRC  := $(wildcard base/*.c formats/*.c dump/*.c analyze/*.c)
TUI_SRC  := $(wildcard tui/*.c)
CLI_SRC  := $(wildcard cli/*.c)
TEST_SRC := $(wildcard tests/test_*.c)
TEST_AID := $(wildcard tests/make_*.c tests/aid_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard tests/bench_*.c)
SAMPLE_C   := $(wildcard samples/*.c)
SAMPLE_CXX := $(wildcard samples/*.cc)

LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
TUI_OBJ  := $(TUI_SRC:%.c=$(B)/%.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(B)/%.o)
AID_OBJ  := $(TEST_AID:%.c=$(B)/%.o)
TESTS    := $(TEST_SRC:%.c=$(B)/%)
FUZZERS  := $(FUZZ_SRC:%.c=$(B)/%)
BENCHES  := $(BENCH_SRC:%.c=$(B)/%)
SAMPLES  := $(SAMPLE_C:%.c=$(B)/%) $(SAMPLE_CXX:%.cc=$(B)/%)

all: $(B)/holdfast

$(B)/holdfast: $(CLI_OBJ) $(TUI_OBJ) $(B)/libholdfast.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -pthread -o $@ $^ $(ALL_LIBS)

# Nothing in it asks for shared objects, users, hosts or character sets when it
# runs, so that it needs no file of the machine that it runs on.
$(B)/static/holdfast: $(CLI_OBJ) $(TUI_OBJ) $(B)/libholdfast.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -s -pthread -o $@ $^ $(STATIC_LIBS)

$(B)/libholdfast.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/test_%: $(B)/tests/test_%.o $(AID_OBJ) $(TUI_OBJ) $(B)/libholdfast.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -pthread -o $@ $^ -lcmocka $(TEST_LIBS) $(ALL_LIBS)

# Only this test plays a terminal.
$(B)/tests/test_tui_pty: $(B)/tests/vterm_pty.o
$(B)/tests/test_tui_pty: TEST_LIBS := -lvterm

$(B)/tests/bench_%: $(B)/tests/bench_%.o $(AID_OBJ) $(TUI_OBJ) $(B)/libholdfast.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -pthread -o $@ $^ $(ALL_LIBS)

$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(AID_OBJ) $(B)/libholdfast.a
	$(CC) $(CFLAGS) $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -pthread -o $@ $^ $(ALL_LIBS)

# Terminals that the browser knows without a database of them.
$(B)/tui/terminfo_carried.o: $(B)/tui/terminfo_entries.h
$(B)/tui/terminfo_entries.h: tui/terminfo_entries.sh
	@mkdir -p $(@D)
	tui/terminfo_entries.sh >$@.new
	@mv $@.new $@

# Samples are programs like those of our users: no sanitizer, debug info on.
SAMPLE_CFLAGS   := -O1 -g -pthread
$(B)/samples/%: samples/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Wall -Wextra $(SAMPLE_CFLAGS) -I. -MMD -MP -o $@ $<

$(B)/samples/%: samples/%.cc
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra $(SAMPLE_CFLAGS) -I. -MMD -MP -o $@ $<

samples: $(SAMPLES)

deps:
	@tests/deps.sh

demo: deps
	@$(MAKE) --no-print-directory all samples
	@tests/demo.sh $(B)

test: deps
	@$(MAKE) --no-print-directory test-run

# Builds in a make of its own, so that packages which `deps` brought are seen.
test-build: all samples $(TESTS)
test-run: test-build
	@tests/run.sh $(B)

ASAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
asan: deps
	@$(MAKE) --no-print-directory test-run B=build/asan \
		CFLAGS='-O1 -g -fno-omit-frame-pointer' SANITIZE='$(ASAN_FLAGS)'

fuzz:
	@$(MAKE) --no-print-directory fuzz-run CC=clang B=build/fuzz \
		CFLAGS='-O1 -g' SANITIZE='-fsanitize=address,undefined,fuzzer-no-link'

fuzz-run: $(FUZZERS)
	@tests/fuzz.sh $(B) $(FUZZ_SECONDS)

bench: deps
	@$(MAKE) --no-print-directory bench-run

bench-run: all samples $(BENCHES) $(B)/tests/test_dwarf
	@tests/bench.py $(B)

# Programs in C, C++ and Rust, with each compiler that is installed.
bench-types: deps
	@$(MAKE) --no-print-directory all
	@tests/types/run.py $(B)

lint:
	@tests/check_layers.sh
	@$(MAKE) --no-print-directory WERROR=1 B=build/lint-gcc CC=gcc all
	@$(MAKE) --no-print-directory WERROR=1 B=build/lint-clang CC=clang all
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,portability -D__BYTE_ORDER__=1234 \
		-D__ORDER_LITTLE_ENDIAN__=1234 -I. base formats dump analyze tui cli
	@if command -v $(ARM_CC) >/dev/null; then \
		$(MAKE) --no-print-directory check-aarch64; \
	else echo "no $(ARM_CC): not compiled for 64-bit ARM"; fi

static: deps
	@$(MAKE) --no-print-directory $(B)/static/holdfast

# Nothing is linked: no libraries of that processor are needed.
ARM_CC := aarch64-linux-gnu-gcc
check-aarch64:
	@command -v $(ARM_CC) >/dev/null || { \
		echo "no $(ARM_CC): install gcc-aarch64-linux-gnu" >&2; exit 1; }
	@$(MAKE) --no-print-directory WERROR=1 B=build/aarch64 CC=$(ARM_CC) objects

check-libdwarf:
	@tests/check_libdwarf.sh

objects: $(LIB_OBJ) $(TUI_OBJ) $(CLI_OBJ)

install: all
	install -D -m 755 $(B)/holdfast $(DESTDIR)$(PREFIX)/bin/holdfast
	install -D -m 644 docs/holdfast.1 $(DESTDIR)$(PREFIX)/share/man/man1/holdfast.1
	install -D -m 644 docs/completion.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/holdfast

clean:
	rm -rf build

.PHONY: all samples deps demo test test-build test-run asan fuzz fuzz-run \
	bench bench-run bench-types lint static check-aarch64 check-libdwarf \
	objects install clean
.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(TUI_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(AID_OBJ:.o=.d) \
	$(TEST_SRC:%.c=$(B)/%.d) $(FUZZ_SRC:%.c=$(B)/%.d) \
	$(BENCH_SRC:%.c=$(B)/%.d) $(SAMPLES:%=%.d) $(B)/tests/vterm_pty.d
