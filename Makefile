# Thin: each target is one line into cmake or scripts/.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD = build/release
HOURS ?= 1
check-long soak: SECONDS ?= $(shell echo $$(($(HOURS) * 3600)))

all:
	cmake -S . -B $(BUILD) -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build $(BUILD)

demo:
	@scripts/demo

check:
	@scripts/check

check-long:
	@scripts/check-long $(SECONDS)

soak:
	@scripts/soak $(SECONDS)

bench:
	@scripts/bench

fuzz:
	@scripts/fuzz $(SECONDS)

coverage:
	@scripts/coverage

install: all
	DESTDIR=$(DESTDIR) cmake --install $(BUILD)

clean:
	rm -rf build tests/web/node_modules bench/peers/express/node_modules

help:
	@echo 'make            build the library into $(BUILD)'
	@echo 'make demo       serve the log-in program on this machine'
	@echo 'make check      run every check'
	@echo 'make check-long what takes long; HOURS=1, or SECONDS'
	@echo 'make soak       many at work on one store; HOURS=1, or SECONDS'
	@echo 'make bench      measure beside floors and peers; FULL=1: 10^6 sessions'
	@echo 'make fuzz       look for inputs that break a parser; SECONDS=60 in all'
	@echo 'make coverage   count lines and branches that the tests reach'
	@echo 'make install    install below PREFIX ($(PREFIX)); DESTDIR is honoured'
	@echo 'make clean      remove what was built'

.PHONY: all demo check check-long soak bench fuzz coverage install clean help
