#!/bin/sh
# layering_test.sh - tests/layering.pl sees each rule broken
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d "${TMPDIR:-/tmp}/layering.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

# A small tree that keeps every rule.
tree() {
	rm -rf "$dir/t"
	mkdir -p "$dir/t/drivers" "$dir/t/examples" "$dir/t/include" \
	    "$dir/t/cmake"
	for d in base crypto record store session cgi; do
		mkdir -p "$dir/t/src/$d"
	done
	cp "$top/VERSION" "$dir/t/"
	cp "$top/include/securestate.h" "$dir/t/include/"
	: >"$dir/t/CMakeLists.txt"
	: >"$dir/t/Makefile"
	echo '/* pthread_create( in words */' >"$dir/t/src/base/a.c"
}

# told WANT TEXT: what the script makes of the tree as it is
told() {
	n=$((n + 1))
	perl "$top/tests/layering.pl" "$dir/t" >"$dir/out" 2>&1
	if [ $? = "$1" ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}

# broken FILE LINE TEXT: one more line makes it fail
broken() {
	tree
	printf '%s\n' "$2" >>"$dir/t/$1"
	told 1 "$3"
}

tree
told 0 'a tree that keeps the rules passes'
broken src/base/b.c '#include "crypto/seal.h"' 'base knows crypto'
broken src/store/b.c '#include "record/ops.h"' 'a sibling knows another'
broken src/session/b.c '#include "cgi/cgi.h"' 'session knows cgi'
broken src/cgi/b.c '#include "store/store.h"' 'cgi knows store'
broken src/base/b.c '#include "b.h"' 'an include without its folder'
broken src/base/b.c '#include "../crypto/seal.h"' 'an include upwards'
broken src/base/b.c '#include WHAT' 'an include by macro'
broken src/base/b.c '#include <sodium.h>' 'sodium outside crypto'
broken src/session/b.c 'x = sodium_memcmp(a, b, 1);' 'a call of sodium'
broken src/session/b.c '#include <pthread.h>' 'pthread outside store'
broken src/cgi/b.c 'dlopen("x", 0);' 'a call of dlopen'
broken src/crypto/b.c '#include <dlfcn.h>' 'dlfcn outside store'
broken src/session/b.c '#include <securestate/cgi.h>' 'cgi.h below cgi'
broken src/b.c 'int x;' 'a file in no folder'
broken drivers/x.c '#include "base/err.h"' 'a driver knows src'
broken drivers/x.c '#include <securestate/cgi.h>' 'a driver knows cgi.h'
broken examples/x.c '#include "base/err.h"' 'an example knows src'
broken examples/x.c '#include "err.h"' 'an example knows what is not there'
tree
sed -i 's/^\(#define SSTATE_VERSION_MINOR \).*/\1999/' \
    "$dir/t/include/securestate.h"
told 1 'the header has another version'
tree
cat "$top/VERSION" >>"$dir/t/CMakeLists.txt"
told 1 'the version is written twice'
tree
echo x >>"$dir/t/VERSION"
told 1 'VERSION is more than a version'

echo "1..$n"
exit $bad
