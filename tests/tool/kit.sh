# shellcheck shell=sh
# kit.sh - what the tests of the command share: TAP, a folder, the command
#
#	. "$(dirname "$0")/kit.sh"
#	does "text" COMMAND...		it succeeds
#	is CODE "text" COMMAND...	it exits so; its words are in $dir/out
#	says WORDS "text"		the last output has these words
#	build_visit			then: visit RING AGO USER TOKEN URI...
#	finish
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
cc=${CC:-cc}
tool=$build/bin/securestate
n=0
bad=0

if [ ! -x "$tool" ]; then
	echo "1..0 # SKIP this build has no command securestate"
	exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/tool.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
: >"$dir/out"

# told TEXT STATUS
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/out" | tail -n 30
		bad=1
	fi
}

is() {
	want=$1
	text=$2
	shift 2
	"$@" >"$dir/out" 2>&1 </dev/null
	test $? = "$want"
	told "$text" $?
}

does() {
	is 0 "$@"
}

says() {
	grep -q -e "$1" "$dir/out"
	told "$2" $?
}

# One line, of the command.
line() {
	test "$(wc -l <"$dir/out")" = 1 && grep -q '^securestate: ' "$dir/out"
	told "$1: one line" $?
}

build_visit() {
	san=${SANITIZE:+-fsanitize=$SANITIZE}
	# shellcheck disable=SC2046,SC2086 # flags, apart
	does "a program that makes sessions" "$cc" -std=c11 $san \
	    -I"$top/include" "$top/tests/tool/visit.c" \
	    -o "$dir/visit" "$build/libsecurestate.a" \
	    $(pkg-config --libs libsodium) -pthread
}

# visit RING AGO USER TOKEN URI...: its words in $dir/out
visit() {
	"$dir/visit" "$@" >"$dir/out" 2>&1
}

finish() {
	echo "1..$n"
	exit $bad
}
