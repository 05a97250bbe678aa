#!/bin/sh
# demo_test.sh - `make demo` without a terminal: serves every program on
# loopback alone, ends when told, leaves no process and no folder
set -u
# shellcheck source=tests/web/serve.sh
. "$(dirname "$0")/serve.sh"

serve
told "the demo prints its address" 0
curl -sS -D "$dir/out" "$origin/" >"$dir/front"
grep -q '^HTTP/1.1 200' "$dir/out"
told "the front page answers" $?
for name in login-cookie login-page entered search app; do
	for program in "$name.cgi" "$name.fcgi"; do
		grep -q "href=\"$program\"" "$dir/front"
		told "the front page leads to $program" $?
		curl -sS "$origin/$program" >"$dir/out" &&
		    grep -q '<form' "$dir/out"
		told "$program answers with its form" $?
	done
done
missing=
for source in "$top"/examples/*.c; do
	name=$(basename "$source" .c)
	case $name in
	page | readme) ;;
	*) grep -Eq "<kbd>$name</kbd>|href=\"$name[.-]" "$dir/front" ||
		missing="$missing $name" ;;
	esac
done
echo "$missing" >"$dir/out"
[ -z "$missing" ]
told "the front page explains every example" $?
grep -q https "$dir/front"
told "the front page says that cookies need https elsewhere" $?
curl -sS -D - -o /dev/null "$origin/style.css" >"$dir/out" &&
    grep -qi '^Content-Type: text/css' "$dir/out"
told "the style sheet is one" $?

# Columns 2 and 4 of /proc/net/tcp: local address, state 0A = listening.
port=$(printf '%04X' "${origin##*:}")
awk -v p=":$port" '$4 == "0A" && index($2, p) { print $2 }' \
    /proc/net/tcp /proc/net/tcp6 >"$dir/out"
[ "$(cat "$dir/out")" = "0100007F:$port" ]
told "it listens on 127.0.0.1 alone" $?
ls -ld "$dir"/tmp/*/states >"$dir/out"
grep -q '^drwx------' "$dir/out"
told "its states are for their owner alone" $?

unserve INT
echo "status $status" >"$dir/out"
[ "$status" = 0 ]
told "INT ends it" $?
left >"$dir/out"
[ $? = 1 ]
told "INT: no process is left" $?
ls -A "$dir/tmp" >"$dir/out"
[ ! -s "$dir/out" ]
told "INT: no folder is left" $?
! curl -sS "$origin/" >"$dir/out" 2>&1
told "INT: nobody answers" $?

serve
curl -sS -o /dev/null "$origin/login-cookie.cgi" 2>"$dir/out"
told "it starts again" $?
unserve TERM
echo "status $status" >"$dir/out"
[ "$status" = 0 ]
told "TERM ends it" $?
left >"$dir/out"
[ $? = 1 ]
told "TERM: no process is left" $?
ls -A "$dir/tmp" >"$dir/out"
[ ! -s "$dir/out" ]
told "TERM: no folder is left" $?

# Whoever kills the script outright does not leave a server behind.
if setpriv --pdeathsig TERM true 2>/dev/null; then
	serve
	unserve KILL
	tries=0
	while left >"$dir/out" && [ $tries -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	[ ! -s "$dir/out" ]
	told "KILL: no process is left" $?
else
	n=$((n + 1))
	echo "ok $n # SKIP setpriv has no --pdeathsig"
fi
demo=
done_testing
