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

echo "1..$n"
exit $bad
