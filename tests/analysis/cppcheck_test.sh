#!/bin/sh
# cppcheck_test.sh - cppcheck finds no fault that is not explained (R-101)
if [ -n "${SANITIZE:-}" ]; then
	echo "1..0 # SKIP the dev build has looked at the same sources"
	exit 0
fi
exec "${SOURCE_DIR:-$(dirname "$0")/../..}/scripts/analyze" cppcheck
