#!/bin/sh
# symbols_test.sh - headers == libsecurestate.map == symbols.txt == nm -D
#
# symbols.txt is the promise: a name leaves it only with a new SONAME.
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
so=$build/libsecurestate.so
dir=$(mktemp -d "${TMPDIR:-/tmp}/symbols.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
LC_ALL=C
export LC_ALL
n=0
bad=0

# told TEXT STATUS: TAP; what is in $dir/out explains a failure
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}

same() {
	diff -u "$dir/$1" "$dir/$2" >"$dir/out"
	told "$1 and $2 name the same" $?
}

# Functions that are declared SSTATE_API, comments and macros left out.
perl -0777 -ne '
	s{/\*.*?\*/}{}gs;
	s{^#.*?(?<!\\)\n}{}gms;
	print "$1\n" while /\bSSTATE_API\b[^;{]*?\b(sstate_\w+)\s*\(/g;
' "$top/include/securestate.h" "$top"/include/securestate/*.h |
    sort -u >"$dir/headers"
sed -n 's/^[[:space:]]*\(sstate_[a-z0-9_]*\);.*/\1/p' \
    "$top/src/libsecurestate.map" | sort -u >"$dir/map"
sort -u "$top/tests/abi/symbols.txt" >"$dir/symbols.txt"
nm -D --defined-only "$so" 2>"$dir/out" |
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$dir/nm"

test -s "$dir/nm"
told "libsecurestate.so has symbols" $?
same headers map
same map symbols.txt
same symbols.txt nm

grep -n '[*?]' "$top/src/libsecurestate.map" |
    grep -v -e '/\*' -e '^[0-9]*:[[:space:]]*\*;$' >"$dir/out"
[ $? = 1 ]
told "the map exports no wildcard" $?

major=$(cut -d. -f1 "$top/VERSION")
readelf -d "$so" >"$dir/out" 2>&1
grep -q "SONAME.*\[libsecurestate\.so\.$major\]" "$dir/out"
told "SONAME is libsecurestate.so.$major" $?
! grep NEEDED "$dir/out" | grep -qvE 'libsodium|libc\.|ld-linux|libasan|libubsan|libtsan'
told "nothing is needed but libsodium and the C library" $?

echo "1..$n"
exit $bad
