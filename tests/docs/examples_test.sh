#!/bin/sh
# examples_test.sh - the manual's C examples compile, link and do what they say
#
# Each .Bd block with an #include becomes PAGE.c, strictly C99.  A whole
# program is run; the functions of the others are called by examples_call.c.
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
cc=${CC:-cc}
dir=$(mktemp -d "${TMPDIR:-/tmp}/manual.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
: >"$dir/out"
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

# does TEXT COMMAND...
does() {
	text=$1
	shift
	"$@" >"$dir/out" 2>&1
	told "$text" $?
}

san=${SANITIZE:+-fsanitize=$SANITIZE}
flags="-std=c99 -Wall -Wextra -Wpedantic -Werror -I$top/include $san"
flags="$flags $(pkg-config --cflags libsodium)"
# shellcheck disable=SC2046 # flags, apart
set -- "$build/libsecurestate.a" $(pkg-config --libs libsodium) -pthread

if ! perl "$top/tests/docs/blocks.pl" "$dir" "$top"/man/*.[1-8] \
    2>"$dir/out"; then
	told "the examples can be read" 1
	echo "1..$n"
	exit 1
fi

objects=
for f in "$dir"/*.c; do
	name=$(basename "$f" .c)
	# shellcheck disable=SC2086 # flags, apart
	does "$name: strictly C99" "$cc" $flags -c -o "$dir/$name.o" "$f"
	if grep -q '^main(void)$' "$f"; then
		# shellcheck disable=SC2086
		does "$name: links" "$cc" $flags -o "$dir/$name" \
		    "$dir/$name.o" "$@"
	else
		objects="$objects $dir/$name.o"
	fi
done
[ "$n" -ge 12 ]
told "all examples were found" $?

# ---- Whole programs -----------------------------------------------------

does "sstate_open: runs" "$dir/sstate_open"
does "securestate-conform: memory: conforms" "$dir/securestate_conform"
# readme.c opens with no comment: README shows it whole.
does "securestate-intro: is examples/readme.c" cmp "$dir/securestate_intro.c" \
    "$top/examples/readme.c"

# visit COOKIE STORE: one request; the answer without CR in $dir/out
visit() {
	env -i REQUEST_METHOD=GET SCRIPT_NAME=/visit QUERY_STRING= \
	    GATEWAY_INTERFACE=CGI/1.1 HTTP_COOKIE="$1" \
	    SECURESTATE_STORES="$2" "$dir/securestate_intro" </dev/null \
	    >"$dir/raw" 2>&1 || return
	tr -d '\r' <"$dir/raw" >"$dir/out"
}

visit '' memory: && grep -q '^Visit number 1$' "$dir/out"
told "securestate-intro: a CGI program, state in memory" $?
visit '' "file:$dir/state" && grep -q '^Visit number 1$' "$dir/out"
told "securestate-intro: a CGI program, state in files" $?
cookie=$(sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/p' "$dir/out")
visit "$cookie" "file:$dir/state" && grep -q '^Visit number 2$' "$dir/out"
told "securestate-intro: the second visit is counted" $?

# Its command that tries it, without the compiler's line.
(cd "$dir" && ln -sf securestate_intro visits &&
    sed 1d securestate_intro.the_first_program | sh) >"$dir/raw" 2>&1
tr -d '\r' <"$dir/raw" >"$dir/out"
grep -q '^Visit number 1$' "$dir/out" && grep -q '^Set-Cookie: ' "$dir/out"
told "securestate-intro: it needs no web server to be tried" $?

# ---- Functions ----------------------------------------------------------

# shellcheck disable=SC2086
does "examples_call.c compiles and links" "$cc" $flags -D_GNU_SOURCE \
    -o "$dir/call" "$top/tests/docs/examples_call.c" $objects "$@"
"$dir/call" "$dir" >"$dir/out" 2>&1
status=$?
while read -r verdict text; do
	case $verdict in
	works) told "$text" 0 ;;
	fails) told "$text" 1 ;;
	esac
done <<X
$(grep -E '^(works|fails) ' "$dir/out")
X
[ $status = 0 ] && grep -q '^works ' "$dir/out"
told "each function was called" $?

echo "1..$n"
exit $bad
