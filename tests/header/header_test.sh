#!/bin/sh
# header_test.sh - each public header alone and twice, in C99 and in C++11;
# each internal one in C11; each _INIT a full initialiser
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${CC:-cc}
case $cc in
*clang*) cxx=${CXX:-clang++} ;;
*) cxx=${CXX:-g++} ;;
esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/header.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
W="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wcast-qual -Werror"
WC="$W -Wstrict-prototypes -Wmissing-prototypes"
n=0
bad=0

# compiles TEXT COMMAND...: TAP for one run of a compiler
compiles() {
	text=$1
	shift
	n=$((n + 1))
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}

# both TEXT: $dir/x.c as C99 and as C++11
both() {
	cp "$dir/x.c" "$dir/x.cc"
	# shellcheck disable=SC2086 # flags, apart
	compiles "$1 in C99" "$cc" -std=c99 $WC -I"$top/include" \
	    -fsyntax-only "$dir/x.c"
	# shellcheck disable=SC2086
	compiles "$1 in C++11" "$cxx" -std=c++11 $W -I"$top/include" \
	    -fsyntax-only "$dir/x.cc"
}

cd "$top/include" || exit 1
for h in securestate.h securestate/*.h; do
	need=
	# It forks and counts memory: C99 has no such thing.
	if [ "$h" = securestate/conform.h ]; then
		need='#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n'
	fi
	printf "$need#include <%s>\n#include <%s>\nextern int x;\nint x;\n" \
	    "$h" "$h" >"$dir/x.c"
	both "<$h> alone, twice,"
done

# Every _INIT that a header defines, for the struct that it measures.
{
	echo '#include <securestate/cgi.h>'
	echo '#include <securestate/store.h>'
	perl -0777 -ne 's/\\\n//g; print "struct $2 $1_v = $1;\n"
	    while /^#define (SSTATE_\w*INIT)\s+\{\s*sizeof\(struct (\w+)\)/gm' \
	    securestate.h securestate/*.h
} >"$dir/x.c"
inits=$(grep -c '_v = ' "$dir/x.c")
n=$((n + 1))
if [ "$inits" -ge 4 ]; then
	echo "ok $n - $inits _INIT macros found"
else
	echo "not ok $n - only $inits _INIT macros found"
	bad=1
fi
both "each _INIT names every member"

cd "$top/src" || exit 1
for h in */*.h; do
	printf '#include "%s"\n#include "%s"\nextern int x;\nint x;\n' \
	    "$h" "$h" >"$dir/x.c"
	# shellcheck disable=SC2086
	compiles "$h alone in C11" "$cc" -std=c11 -D_GNU_SOURCE $WC \
	    -I"$top/include" -I"$top/src" -fsyntax-only "$dir/x.c"
done

echo "1..$n"
exit $bad
