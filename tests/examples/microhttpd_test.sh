#!/bin/sh
# microhttpd_test.sh - the example inside libmicrohttpd, run for real, by curl
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
program=$build/examples/microhttpd
if [ ! -x "$program" ]; then
	echo "1..0 # SKIP it was not built: no libmicrohttpd"
	exit 0
fi
if ! command -v curl >/dev/null; then
	echo "1..0 # SKIP there is no curl: scripts/deps check"
	exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/microhttpd.XXXXXX") || exit 1
server=
finish() {
	[ -z "$server" ] || kill -TERM "$server" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
n=0
bad=0
many=200

# told TEXT STATUS: TAP; the last answer explains a failure
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		cat "$dir/head" "$dir/page" "$dir/log" 2>/dev/null |
		    sed 's/^/# /'
		bad=1
	fi
}

done_testing() {
	echo "1..$n"
	exit $bad
}

# get PATH CURL-ARGUMENT...: headers without CR in head, page in page
get() {
	path=$1
	shift
	curl -sS -D "$dir/raw" -o "$dir/page" -b "$dir/jar" -c "$dir/jar" \
	    "$@" "$origin$path" 2>"$dir/curl" || return
	tr -d '\r' <"$dir/raw" >"$dir/head"
}

# csrf ROUTE: the token of that route's form in the last page
csrf() {
	tr '\n' ' ' <"$dir/page" |
	    sed -n "s|.*action=\"$1\">[^>]*name=\"\\.csrf\" value=\"\\([^\"]*\\)\".*|\\1|p"
}

# send ROUTE DATA...: the last page's form for it
send() {
	route=$1
	shift
	get "$route" --data-urlencode ".csrf=$(csrf "$route")" "$@"
}

status() {
	sed -n '1s|^HTTP/[^ ]* \([0-9]*\).*|\1|p' "$dir/head"
}

cookie() {
	sed -n 's/^Set-Cookie: \(__Host-sstate=[^;]*\);.*/\1/p' "$dir/head"
}

shows() {
	grep -q "$1" "$dir/page"
}

mkdir -m 700 "$dir/states"
: >"$dir/said"
env -i SECURESTATE_STORES="file:$dir/states" "$program" 0 \
    >"$dir/said" 2>"$dir/log" </dev/null &
server=$!
origin=
while [ -z "$origin" ] && kill -0 "$server" 2>/dev/null; do
	origin=$(sed -n 's|^\(http://127\.0\.0\.1:[0-9]*\)/$|\1|p' "$dir/said")
	[ -n "$origin" ] || sleep 0.05
done
[ -n "$origin" ]
told "it says where it listens" $?
[ -n "$origin" ] || done_testing
threads=$(find "/proc/$server/task" -mindepth 1 -maxdepth 1 | wc -l)
[ "$threads" -ge 5 ]
told "the server has a pool of threads ($threads)" $?

# ---- log-in
get /
[ "$(status)" = 200 ] && shows 'action="/login"' && ! shows 'id="who"'
told "the log-in form" $?
before=$(cookie)
[ -n "$before" ] && grep -q '^Set-Cookie: .*Secure' "$dir/head" &&
    grep -q '^Set-Cookie: .*HttpOnly' "$dir/head"
told "R-40 the cookie came out by the callback" $?
grep -qi '^Cache-Control: .*no-store' "$dir/head" &&
    grep -qi '^Vary: .*Cookie' "$dir/head"
told "R-50 no-store and Vary, too" $?
get '/?user=Cottleston&pass=Pie'
[ "$(status)" = 200 ] && ! shows 'id="who"'
told "a link does not log in" $?
get /login -d user=Cottleston -d pass=Pie
[ "$(status)" = 403 ] && ! shows 'id="who"'
told "R-60 a right password without our form is refused" $?
get /
send /login -d user=Cottleston -d pass=Cake
[ "$(status)" = 403 ] && ! shows 'id="who"'
told "a wrong password is refused" $?
token=$(csrf /login)
get /login --data-urlencode ".csrf=$token" -d user=Cottleston -d pass=Pie \
    -H 'Origin: https://elsewhere.example'
[ "$(status)" = 403 ]
told "R-62 our own form from elsewhere is refused" $?
send /login -d user=Cottleston -d pass=Pie
[ "$(status)" = 303 ] && [ -n "$(cookie)" ] && [ "$(cookie)" != "$before" ]
told "R-24 the right one is sent on, with a new id" $?
get /
shows '<b id="who">Cottleston</b>' && shows '<output id="sum">0<'
told "logged in, nothing counted" $?

# ---- parallel requests
token=$(csrf /count)
i=0
while [ $i -lt $many ]; do
	[ $i = 0 ] || echo next
	echo "url = $origin/count"
	echo "output = $dir/answer.$i"
	echo "cookie = $dir/jar"
	echo "data-urlencode = \".csrf=$token\""
	echo 'write-out = "%{http_code}\n"'
	i=$((i + 1))
done >"$dir/many"
curl -sS -Z --parallel-immediate --parallel-max 20 -K "$dir/many" \
    >"$dir/codes" 2>"$dir/curl"
[ "$(grep -c '^303$' "$dir/codes")" = $many ]
told "$many parallel requests are all taken" $?
get /
shows "<output id=\"sum\">$many<"
told "R-33 none is lost: $many were counted" $?
get /count -d '.csrf=nonsense'
get / && shows "<output id=\"sum\">$many<"
told "R-60 what no form of ours sent is not counted" $?

# ---- what is no request of ours
get /nowhere && [ "$(status)" = 404 ]
told "404" $?
get / -X DELETE && [ "$(status)" = 405 ] && grep -q '^Allow: ' "$dir/head"
told "405, with Allow" $?
get /count -H 'Content-Type: application/json' -d '{}' &&
    [ "$(status)" = 415 ]
told "415 for what is no form" $?
{ printf user=; head -c 5000 /dev/zero | tr '\0' x; } >"$dir/long"
get /count --data-binary "@$dir/long" && [ "$(status)" = 413 ]
told "413 for a body that is too long" $?
get / -I && [ "$(status)" = 200 ]
told "HEAD" $?

# ---- log-out
get /
cp "$dir/jar" "$dir/kept"
token=$(csrf /count)
send /logout
[ "$(status)" = 303 ] && grep -q '^Set-Cookie: __Host-sstate=;' "$dir/head"
told "R-25 logged out, and the cookie is dropped" $?
get / && ! shows 'id="who"'
told "R-26 nobody is logged in" $?
cp "$dir/kept" "$dir/jar"
get / && [ "$(status)" = 200 ] && ! shows 'id="who"'
told "R-26 the old cookie opens nothing" $?
cp "$dir/kept" "$dir/jar"
get /count --data-urlencode ".csrf=$token" && [ "$(status)" = 403 ]
told "R-26 nor does its old form" $?

# ---- the end
! grep -qE '[A-Za-z0-9_-]{60}' "$dir/log"
told "R-12 no token in the log" $?
kill -TERM "$server"
wait "$server"
ended=$?
server=
[ $ended = 0 ]
told "TERM ends it ($ended)" $?
done_testing
