#!/bin/sh
# examples_test.sh - each example compiles as its reader would compile it
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${CC:-cc}
dir=$(mktemp -d "${TMPDIR:-/tmp}/examples.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

for f in "$top"/examples/*.c "$top"/examples/*.cc; do
	[ -e "$f" ] || continue
	case $f in
	*.cc) set -- "${CXX:-g++}" -std=c++11 ;;
	*) set -- "$cc" -std=c11 -D_GNU_SOURCE ;;
	esac
	n=$((n + 1))
	if "$@" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef \
	    -Werror -I"$top/include" -fsyntax-only "$f" >"$dir/out" 2>&1; then
		echo "ok $n - examples/${f##*/}"
	else
		echo "not ok $n - examples/${f##*/}"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
done

echo "1..$n"
exit $bad
