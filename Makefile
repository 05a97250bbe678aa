# Thin: each target is one line into cmake or scripts/.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD = build/release

all:
	cmake -S . -B $(BUILD) -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build $(BUILD)

demo:
	@scripts/demo

check:
	@scripts/check

install: all
	DESTDIR=$(DESTDIR) cmake --install $(BUILD)

clean:
	rm -rf build tests/web/node_modules

help:
	@echo 'make            build the library into $(BUILD)'
	@echo 'make demo       serve the log-in program on this machine'
	@echo 'make check      run every check'
	@echo 'make install    install below PREFIX ($(PREFIX)); DESTDIR is honoured'
	@echo 'make clean      remove what was built'

.PHONY: all demo check install clean help
