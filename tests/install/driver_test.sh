#!/bin/sh
# driver_test.sh - a driver of one's own, by securestate-store(3) to the
# letter against what is installed; a build that links a driver in; a build
# without any
#
# A build of its own: the folder of drivers is compiled in, and nothing in the
# environment moves it.
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${CC:-cc}
if [ -n "${SANITIZE:-}" ]; then
	echo "1..0 # SKIP the dev build has built the same"
	exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/driver.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

# told TEXT STATUS
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		tail -n 40 "$dir/out" | sed 's/^/# /'
		bad=1
	fi
}

does() {
	text=$1
	shift
	"$@" >"$dir/out" 2>&1 </dev/null
	told "$text" $?
}

says() {
	grep -q -e "$1" "$dir/out"
	told "$2" $?
}

# builds NAME OPTION...: configured, built and installed below $dir/NAME
builds() {
	name=$1
	shift
	does "$name: is configured" cmake -S "$top" -B "$dir/$name.build" \
	    -DCMAKE_C_COMPILER="$cc" -DCMAKE_BUILD_TYPE=Debug \
	    -DCMAKE_INSTALL_PREFIX="$dir/$name" -DBUILD_TESTING=OFF \
	    -DCMAKE_INSTALL_LIBDIR=lib -DSSTATE_EXAMPLES=OFF "$@"
	grep '^-- securestate:' "$dir/out" >"$dir/said"
	does "$name: is built" cmake --build "$dir/$name.build" -j2
	does "$name: is installed" cmake --install "$dir/$name.build"
}

# ---- By the page --------------------------------------------------------

static=
pkg-config --exists sqlite3 && static=sqlite
builds own -DSSTATE_DRIVERS="$static" -DSSTATE_STATIC_DRIVERS="$static"
perl "$top/tests/docs/blocks.pl" "$dir" "$top/man/securestate-store.3"
mkdir "$dir/work" "$dir/own/lib/securestate"

# What the page says, with the prefix that is ours.
sed -e "s|/usr/|$dir/own/|g" -e "s|/tmp/mystore|$dir/mystore|g" \
    -e "s|^cc .*|& -I$dir/own/include -L$dir/own/lib|" -e "s|^cc |$cc |" \
    "$dir/securestate_store.examples" >"$dir/script"
grep -q TEMPLATE "$dir/script" && grep -q '^securestate check' "$dir/script"
told "the page has commands" $?
PATH=$dir/own/bin:$PATH
LD_LIBRARY_PATH=$dir/own/lib
export PATH LD_LIBRARY_PATH
does "they make a driver that is found, and passes" \
    sh -ec "cd '$dir/work'; . '$dir/script'"
says '^# [0-9]* passed, 0 failed' "by the suite's own count"
says '^# no count: max_records= is refused' "which says what it lacks"

# What a newcomer may get wrong is seen.
# wrong TEXT SED: a line or two of it changed
wrong() {
	sed "$2" "$dir/work/mystore.c" >"$dir/work/wrong.c"
	if cmp -s "$dir/work/mystore.c" "$dir/work/wrong.c"; then
		told "$1: the line is there" 1
	fi
	"$cc" -shared -fPIC -D_GNU_SOURCE -I"$dir/own/include" \
	    -o "$dir/own/lib/securestate/driver-mystore.so" \
	    "$dir/work/wrong.c" -L"$dir/own/lib" -lsecurestate
	rm -rf "$dir/wrong"
	timeout 200 securestate check --scale 100 "mystore:$dir/wrong" \
	    >"$dir/out" 2>&1
	test $? = 1 && grep -q '^not ok' "$dir/out"
	told "seen: $1" $?
}

wrong "writers that take no turns" 's/flock(m->lock, LOCK_EX)/0/'
wrong "a change of any revision" 's/h.rev == expected/1/'
wrong "a removal of any revision" 's/h.rev != expected/0/'
wrong "a creation over what is there" 's/r = SSTATE_EEXIST/r = 0/'
wrong "a listing of all tags" 's/tag == NULL ||/1 ||/'
wrong "a listing of all namespaces" 's/strcmp(again, name) == 0/1/'
wrong "what never expires is reaped" \
    's/h.expires != 0 &&/1 \&\&/; s/h.expires == 0 ||/0 ||/'
wrong "a body that is cut" \
    's/rec->body.ptr, rec->body.len)/rec->body.ptr, rec->body.len % 100)/'
wrong "an expiry that is lost" 's/h.expires = rec->expires/h.expires = 0/'
wrong "a tag that is lost" 's/memcpy(h.tag, rec->tag/memset(h.tag, 0/'
wrong "a descriptor that is not closed" 's/(void)close(m->dir);/;/'
wrong "memory that is not freed" 's/free(m);/;/'
wrong "a clock that forgets" 's/\*seen = was;/;/'
wrong "a reaper past its limit" 's/limit == 0 || \*removed < limit/1/'

# ---- Linked in ----------------------------------------------------------

if [ -n "$static" ]; then
	test ! -e "$dir/own/lib/securestate/driver-sqlite.so"
	told "what is linked in is no module" $?
	does "sqlite: linked in conforms" securestate check --scale 200 \
	    "sqlite:$dir/x.db?sync=none"
	cat >"$dir/use.c" <<'X'
#include <stdio.h>
#include <securestate/store.h>

int
main(int argc, char **argv)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;

	o.stores = (const char *const *)argv + (argc > 0);
	o.flags = SSTATE_NO_PLUGINS;
	if (sstate_store_open(&s, &o, &err) != 0) {
		puts(err.text);
		return 1;
	}
	sstate_store_close(s);
	return 0;
}
X
	PKG_CONFIG_PATH=$dir/own/lib/pkgconfig
	export PKG_CONFIG_PATH
	# shellcheck disable=SC2046 # flags, apart
	does "a program links the archive by pkg-config" "$cc" \
	    -o "$dir/use" "$dir/use.c" $(pkg-config --cflags securestate) \
	    "$dir/own/lib/libsecurestate.a" \
	    $(pkg-config --static --libs-only-l securestate |
	    sed 's/-lsecurestate//')
	does "and has sqlite: under SSTATE_NO_PLUGINS" \
	    "$dir/use" "sqlite:$dir/y.db"
	"$dir/use" "mystore:$dir/mystore" >"$dir/out" 2>&1
	test $? = 1
	told "but no module" $?
	says 'known are .*sqlite' "and says what it has"
else
	n=$((n + 1))
	echo "ok $n # SKIP there is no libsqlite3 to link in"
fi

# ---- None ---------------------------------------------------------------

builds none -DSSTATE_DRIVERS=
grep -q 'store drivers built: *none' "$dir/said"
told "a build without drivers says so" $?
LD_LIBRARY_PATH=$dir/none/lib
does "it has file:" "$dir/none/bin/securestate" check --scale 200 \
    "file:$dir/f?sync=none"
"$dir/none/bin/securestate" check "sqlite:$dir/z.db" >"$dir/out" 2>&1
test $? = 1
told "and no other" $?
says 'no store driver is called sqlite; known are file, memory' \
    "which it says"

echo "1..$n"
exit $bad
