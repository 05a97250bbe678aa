#!/bin/sh
# install_test.sh - what is installed is enough: DESTDIR, CMake, pkg-config
#
# A program is built against the installed tree alone, in each way a user
# has, and run.
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
cc=${CC:-cc}
dir=$(mktemp -d "${TMPDIR:-/tmp}/install.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

# does TEXT COMMAND...
does() {
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

does "DESTDIR is honoured" env DESTDIR="$dir/dest" cmake --install "$build"
does "nothing else is written" test "$(ls "$dir/dest")" = usr

# The same tree once more where it is used from.
does "another prefix is honoured" \
    cmake --install "$build" --prefix "$dir/usr"
lib=$(dirname "$(find "$dir/usr" -name libsecurestate.so)")
for f in include/securestate.h include/securestate/cgi.h \
    include/securestate/conform.h include/securestate/kv.h \
    include/securestate/store.h; do
	does "$f is there" test -f "$dir/usr/$f"
done
does "no internal header is there" \
    test "$(find "$dir/usr/include" -name '*.h' | wc -l)" = 5

cat >"$dir/use.c" <<'X'
#include <stdio.h>
#include <string.h>

#include <securestate.h>

int
main(void)
{
	return strcmp(sstate_strerror(0), "") == 0 || sstate_status(0) != 200;
}
X
mkdir "$dir/cmake"
cat >"$dir/cmake/CMakeLists.txt" <<'X'
cmake_minimum_required(VERSION 3.22)
project(use LANGUAGES C)
find_package(securestate REQUIRED)
add_executable(shared ../use.c)
target_link_libraries(shared PRIVATE securestate::securestate)
add_executable(static ../use.c)
target_link_libraries(static PRIVATE securestate::static)
X
does "find_package finds it" cmake -S "$dir/cmake" -B "$dir/b" \
    -DCMAKE_C_COMPILER="$cc" -Dsecurestate_DIR="$lib/cmake/securestate"
does "both targets link" cmake --build "$dir/b"
does "a program with securestate::securestate runs" "$dir/b/shared"
does "a program with securestate::static runs" "$dir/b/static"

does "the files to deploy a program with are there" \
    diff -r "$top/deploy" "$dir/usr/share/doc/securestate/deploy"

# pkg-config knows the prefix of the configuration; the test moves it.
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
version=$(cat "$top/VERSION")
does "pkg-config knows the version" \
    test "$(pkg-config --modversion securestate)" = "$version"
does "pkg-config asks for libsecurestate alone" \
    test "$(pkg-config --libs-only-l securestate | tr -d ' ')" = -lsecurestate
# shellcheck disable=SC2046 # flags, apart
does "its flags build a program" "$cc" -I"$dir/usr/include" \
    $(pkg-config --cflags securestate) "$dir/use.c" -L"$lib" \
    $(pkg-config --libs securestate) -o "$dir/use"
does "which runs" env LD_LIBRARY_PATH="$lib" "$dir/use"

echo "1..$n"
exit $bad
