#!/bin/sh
# seen_test.sh - scripts/analyze sees a fault by each tool (R-101)
set -u
if [ -n "${SANITIZE:-}" ]; then
	echo "1..0 # SKIP the dev build has looked at the same script"
	exit 0
fi
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d "${TMPDIR:-/tmp}/analyze.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

mkdir -p "$dir/scripts" "$dir/src/base" "$dir/tests/analysis" "$dir/include"
cp "$top/scripts/analyze" "$dir/scripts/"
cp "$top/.clang-tidy" "$dir/"
cp "$top/tests/analysis/model.h" "$dir/tests/analysis/"

# told WANT TOOL PATTERN TEXT: passes (0) or not (1), and prints such a line
told() {
	n=$((n + 1))
	fails=0
	"$dir/scripts/analyze" "$2" >"$dir/out" 2>&1 || fails=1
	if [ $fails = "$1" ] && grep -q "$3" "$dir/out"; then
		echo "ok $n - $4"
	else
		echo "not ok $n - $4"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}

put() {
	cat >"$dir/src/base/x.c"
}

known() {
	cat >"$dir/tests/analysis/known.txt"
}

known </dev/null
echo 'int x(int v); int x(int v) { return v; }' | put
for tool in cppcheck clang-tidy fanalyzer; do
	told 0 $tool '^ok 1 ' "$tool passes what has no fault"
done
put <<'X'
#include <stdlib.h>
int x(int n);
int
x(int n)
{
	char *p = malloc(8);
	int r;

	if (p == NULL)
		return -1;
	r = p[8] + n;
	free(p);
	return r + p[0];
}
X
told 1 cppcheck '^#   src/base/x.c:11: .*arrayIndexOutOfBounds' \
    'cppcheck sees an index out of bounds'
told 1 clang-tidy '^#   src/base/x.c:11: .*index out of bounds' \
    'clang-tidy sees an index out of bounds'
told 1 fanalyzer '^#   src/base/x.c:13: .*use-after-free' \
    'gcc sees a use after free'
echo 'int x(int v); int x(int v) { return w; }' | put
for tool in cppcheck clang-tidy fanalyzer; do
	[ $tool = cppcheck ] ||
	    told 1 $tool 'src/base/x.c:1: ' "$tool: what does not compile fails"
done
put <<'X'
int *x(void);
int *
x(void)
{
	int v = 1;

	return &v;
}
X
known <<'X'
cppcheck src/base/x.c returnDanglingLifetime
	return &v;
	- a reason
X
told 0 cppcheck '^ok 2 ' 'an entry explains a finding'
known <<'X'
cppcheck src/base/x.c returnDanglingLifetime
	return &w;
	- a reason
X
told 1 cppcheck '^not ok 2 ' 'an entry that explains none is left over'
known <<'X'
cppcheck src/base/x.c returnDanglingLifetime
	return &v;
X
told 1 cppcheck 'no reason' 'an entry without a reason'

# A driver is of the client libraries that cmake/Drivers.cmake names.
known </dev/null
echo 'int x(int v); int x(int v) { return v; }' | put
mkdir "$dir/cmake" "$dir/drivers" "$dir/client" "$dir/pc"
cp -R "$top"/include/* "$dir/include/"
cp "$top"/src/base/*.h "$dir/src/base/"
echo 'set(SSTATE_NEEDS_here sstate-test-client)' >"$dir/cmake/Drivers.cmake"
echo 'set(SSTATE_NEEDS_gone sstate-test-none)' >>"$dir/cmake/Drivers.cmake"
cat >"$dir/pc/sstate-test-client.pc" <<X
Name: client
Description: headers of a client library
Version: 1
Cflags: -I$dir/client
X
echo 'static int own(void) { int v; return v; }' >"$dir/client/client.h"
echo 'int each_of(int v);' >>"$dir/client/client.h"
for name in gone gone_more here_more; do
	printf '#include <client.h>\nint y(int v); int y(int v) { return %s; }\n' \
	    'each_of(v)' >"$dir/drivers/$name.c"
done
export PKG_CONFIG_PATH="$dir/pc"
for tool in cppcheck clang-tidy fanalyzer; do
	told 0 $tool '^ok [0-9] .* drivers (1 files)' \
	    "$tool finds the headers of a client library, and is silent on them"
	told 0 $tool "SKIP $tool: the driver gone: no sstate-test-none here" \
	    "$tool leaves out a driver without its client library, and says so"
done
cat >"$dir/drivers/here.c" <<'X'
#include <stdlib.h>
#include <client.h>
int *y(void);
int *
y(void)
{
	int v[2] = { each_of(1), 2 };
	char *p = malloc(8);

	if (p == NULL)
		return NULL;
	free(p);
	if (p[0] != 0)
		v[0] = 1;
	return v;
}
X
told 1 cppcheck '^#   drivers/here.c:15: ' 'cppcheck sees a fault in a driver'
told 1 clang-tidy '^#   drivers/here.c:13: .*memory after it is freed' \
    'clang-tidy sees a fault in a driver'
told 1 fanalyzer '^#   drivers/here.c:13: .*use-after-free' \
    'gcc sees a fault in a driver'
rm "$dir/drivers/here.c"
printf 'cppcheck drivers/gone.c id\n\ta line\n\t- a reason\n' | known
told 0 cppcheck '^ok 4 .*left over' \
    'an entry about a driver that is left out is not left over'

echo "1..$n"
exit $bad
