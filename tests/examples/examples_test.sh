#!/bin/sh
# examples_test.sh - the built examples, run as a web server runs them
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
dir=$(mktemp -d "${TMPDIR:-/tmp}/examples.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -m 700 "$dir/states"
n=0
bad=0

# told TEXT STATUS
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		cat "$dir/out" "$dir/err" | sed 's/^/# /'
		bad=1
	fi
}

# get PROGRAM VARIABLE...: one request; the answer in $dir/out, no CR
get() {
	program=$1
	shift
	env -i REQUEST_METHOD=GET SCRIPT_NAME="/$program" QUERY_STRING= \
	    SERVER_PROTOCOL=HTTP/1.1 GATEWAY_INTERFACE=CGI/1.1 \
	    SECURESTATE_STORES="file:$dir/states" \
	    SECURESTATE_KEYRING="$dir/keyring" "$@" \
	    "$build/examples/$program" </dev/null >"$dir/raw" 2>"$dir/err"
	status=$?
	tr -d '\r' <"$dir/raw" >"$dir/out"
	return $status
}

get readme
told "readme answers" $?
grep -q '^Visit number 1$' "$dir/out"
told "readme counts from one" $?
cookie=$(sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/p' "$dir/out")
[ -n "$cookie" ]
told "readme hands out a cookie" $?
for i in 2 3; do
	get readme HTTP_COOKIE="$cookie" && grep -q "^Visit number $i$" "$dir/out"
	told "readme counts visit $i" $?
done
get readme
grep -q '^Visit number 1$' "$dir/out"
told "readme counts another visitor apart" $?

get login LOGIN_CARRIER=page && grep -q '<form' "$dir/out"
told "login: the page carrier" $?
get login && grep -q '^Set-Cookie:' "$dir/out"
told "login: the cookie is the default" $?
get login 'QUERY_STRING=user=Cottleston&pass=Pie' &&
    ! grep -q 'id="private"' "$dir/out"
told "login: a link does not log in" $?
get login LOGIN_CARRIER=both
[ $? != 0 ] && grep -q '^Status: 503' "$dir/out" &&
    grep -q LOGIN_CARRIER "$dir/err"
told "login: an unknown carrier is refused, the log says why" $?
get login SECURESTATE_STORES=nosuch:x
[ $? != 0 ] && grep -q '^Status: 503' "$dir/out" && [ -s "$dir/err" ]
told "login: no store is a plain 503, the log says why" $?

get entered && ! grep -q '^Set-Cookie:' "$dir/out" &&
    grep -q 'name=".id"' "$dir/out"
told "entered: the page carries it" $?
get entered 'QUERY_STRING=input=x&inputs=7&input1=y' &&
    ! grep -q 'id="entered"' "$dir/out"
told "entered: a link enters nothing" $?
get search && ! grep -q '^Set-Cookie:' "$dir/out"
told "search: who only looks is no session" $?
get search 'QUERY_STRING=query=nothing+like+it' &&
    grep -q 'There are none' "$dir/out" && ! grep -q 'Next Page' "$dir/out"
told "search: nothing is found" $?
long=$(printf '%0300d' 0)
get search "QUERY_STRING=query=$long" && grep -q 'search for less' "$dir/out"
told "search: a query that fits into no link is refused kindly" $?
get app
[ $? != 0 ] && grep -q '^Status: 503' "$dir/out" &&
    grep -q APP_PWHASH "$dir/err"
told "app: no password is a plain 503, the log says why" $?
get app APP_PWHASH=none && grep -q 'action="/app/login"' "$dir/out"
told "app: the log-in form" $?
get app APP_PWHASH=none REQUEST_METHOD=HEAD && [ -z "$(sed '1,/^$/d' "$dir/out")" ]
told "app: HEAD is GET without its page" $?
get app APP_PWHASH=none PATH_INFO=/nowhere && grep -q '^Status: 404' "$dir/out"
told "app: 404" $?
get app APP_PWHASH=none PATH_INFO=/api && grep -q '^Status: 405' "$dir/out" &&
    grep -q '^Allow: POST$' "$dir/out"
told "app: 405, with Allow" $?
for path in /login /logout /everywhere /end /count /upload /api; do
	get app APP_PWHASH=none PATH_INFO=$path REQUEST_METHOD=POST \
	    CONTENT_TYPE=application/x-www-form-urlencoded CONTENT_LENGTH=0 &&
	    grep -q '^Status: 403' "$dir/out"
	told "app: 403 for $path without a form of ours" $?
done

echo "1..$n"
exit $bad
