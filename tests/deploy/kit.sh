# kit.sh - what the tests of deploy/ have in common: sourced, not run
# shellcheck shell=sh disable=SC2034
#
#	told TEXT STATUS	TAP; what is in $dir/out explains a failure
#	locked NAME SOURCE...	$dir/NAME: that program, with the shim
#	call ...		life.sh's, as CGI: $run $program, in $vars
#	listen ...		the same by FastCGI, until unlisten
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
cc=${CC:-cc}
PATH=$PATH:/usr/sbin:/sbin
dir=$(mktemp -d "${TMPDIR:-/tmp}/deploy.XXXXXX") || exit 1
quick= # a folder in memory, for states that are synced all the time
chmod 711 "$dir" # for who is an ordinary user afterwards
finish() {
	[ -z "$listener" ] || kill -TERM "$served" "$listener" 2>/dev/null
	rm -rf "$dir" ${quick:+"$quick"}
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
: >"$dir/out"
n=0
bad=0
listener=

told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		head -n 60 "$dir/out" | sed 's/^/# /'
		bad=1
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n # SKIP $1"
}

done_testing() {
	echo "1..$n"
	exit $bad
}

# need PACKAGE COMMAND
need() {
	command -v "$2" >/dev/null && return
	echo "1..0 # SKIP there is no $2 ($1): scripts/deps check"
	exit 0
}

# names PHASE...: system calls of the list
names() {
	for phase; do
		awk -v p="$phase" '/^[a-z]/ && $2 == p { print $1 }' \
		    "$top/deploy/syscalls.txt"
	done
}

# allow PHASE...: allowed.h
allow() {
	names "$@" | sed 's/.*/SYS_&,/' >"$dir/allowed.h"
	sed -i '1i #include <sys/syscall.h>' "$dir/allowed.h"
}

# The manual's functions, to be linked with.
manual() {
	mkdir "$dir/man" && perl "$top/tests/docs/blocks.pl" "$dir/man" \
	    "$top/man/securestate-sandbox.7" \
	    "$top/man/securestate-deploy.7" || return
	for f in "$dir"/man/*.c; do
		$cc -std=c99 -c -o "${f%.c}.o" "$f" || return
	done
}

# locked NAME SOURCE... [-static]: it does what the shim's variables say
locked() {
	name=$1
	shift
	# shellcheck disable=SC2046,SC2086 # flags, apart
	$cc -std=c11 -D_GNU_SOURCE -O1 ${SANITIZE:+-fsanitize=$SANITIZE} \
	    -I"$top/include" -I"$dir" -Wl,--wrap=sstate_open \
	    -o "$dir/$name" "$@" "$top/tests/deploy/shim.c" \
	    "$dir"/man/*.o "$build/libsecurestate.a" \
	    $(pkg-config --libs --static libsodium) -pthread >"$dir/out" 2>&1
}

vars=
run=
base=/app
call() {
	header=${5:-X=}
	# shellcheck disable=SC2086 # words, apart
	env -i REQUEST_METHOD="$1" SCRIPT_NAME=$base PATH_INFO="$2" \
	    QUERY_STRING= SERVER_PROTOCOL=HTTP/1.1 GATEWAY_INTERFACE=CGI/1.1 \
	    HTTP_HOST=127.0.0.1 HTTP_COOKIE="$cookie" CONTENT_TYPE="$4" \
	    CONTENT_LENGTH="$(wc -c <"$3")" "$header" \
	    APP_PWHASH="$app_pwhash" $vars $run $program \
	    <"$3" >"$dir/raw" 2>"$dir/err"
	code=$?
	tr -d '\r' <"$dir/raw" >"$dir/out"
	cat "$dir/err" >>"$dir/out"
	return $code
}

# pid_of CHILD NAME: its own number, or that of what strace runs
pid_of() {
	pid=$1
	while kill -0 "$1" 2>/dev/null &&
	    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ]; do
		for pid in $1 \
		    $(cat "/proc/$1/task/$1/children" 2>/dev/null); do :; done
	done
}

# listen: $run $program becomes a FastCGI program with descriptor 0
listen() {
	rm -f "$dir/sock"
	# shellcheck disable=SC2016,SC2086 # perl's; words, apart
	env -i APP_PWHASH="$app_pwhash" $vars perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Listen => 9, Local => shift)
		    or die "listen: $!\n";
		open STDIN, "<&", $s or die;
		exec @ARGV or die "exec: $!\n"' "$dir/sock" $run $program \
	    >/dev/null 2>"$dir/err" &
	listener=$!
	while kill -0 $listener 2>/dev/null && [ ! -S "$dir/sock" ]; do
		sleep 0.05
	done
	pid_of $listener "${program##*/}"
	served=$pid
	was="$vars" with="$run"
	vars= run= program="cgi-fcgi -bind -connect $dir/sock"
}

# unlisten: the program was still there to be ended
unlisten() {
	vars=$was run=$with
	kill -TERM "$served" 2>"$dir/out"
	ended=$?
	wait "$listener" 2>/dev/null
	echo "ended by $?" >>"$dir/out"
	listener=
	return $ended
}
