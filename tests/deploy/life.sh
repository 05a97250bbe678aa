# life.sh - one user's life with examples/app: sourced, not run
# shellcheck shell=sh
#
#	life WHERE	log-in, count, upload, script, two sessions, log-out
#
# The caller has $dir, told() and
#
#	call METHOD PATH BODY TYPE [NAME=VALUE]
#
# which sends the cookie in $cookie, the file BODY and perhaps one header
# (as CGI names it), and leaves the answer without CR in $dir/out, its first
# line or its Status: with the number.  $base is the program's address.

# The password that the page itself shows, as `argon2 -id -e` prints it.
# shellcheck disable=SC2016,SC2034 # dollars as they are; by who sources it
app_pwhash='$argon2id$v=19$m=65536,t=2,p=1$95nDmFrGr5J2O18PsYntyQ$H3ZoSR1lWJthLugKnQuqUqF705vdKcMUBjTUVScG2h8'
form_type=application/x-www-form-urlencoded
cookie=

# ask METHOD PATH BODY TYPE [NAME=VALUE]: the cookie as a browser keeps it
ask() {
	call "$@" || return
	set -- "$(sed -n 's/^[Ss]et-[Cc]ookie: *\([^;]*\);.*/\1/p' "$dir/out")"
	[ -z "$1" ] || cookie=$1
}

status() {
	sed -nE '1,/^$/{s/^(HTTP\/[0-9.]+|Status:) ([0-9]+).*/\2/p}' \
	    "$dir/out" | tail -n 1
}

csrf() {
	tr '\n' ' ' <"$dir/out" |
	    sed -n "s|.*action=\"$base$1\">[^>]*name=\"\\.csrf\" value=\"\\([^\"]*\\)\".*|\\1|p"
}

# send ROUTE [FIELD=VALUE]: the last page's form for it; its answer leads on
send() {
	printf '.csrf=%s&%s' "$(csrf "$1")" "${2:-}" >"$dir/body"
	ask POST "$1" "$dir/body" $form_type && [ "$(status)" = 303 ]
}

home() {
	ask GET '' /dev/null '' && [ "$(status)" = 200 ]
}

log_in() {
	cookie=
	home && send /login 'user=Cottleston&pass=Pie' && home &&
	    grep -q '<b id="who">Cottleston</b>' "$dir/out"
}

# send_file BYTES
send_file() {
	{
		printf -- '--b\r\nContent-Disposition: form-data; '
		printf 'name=".csrf"\r\n\r\n%s\r\n' "$(csrf /upload)"
		printf -- '--b\r\nContent-Disposition: form-data; '
		printf 'name="doc"; filename="a"\r\n\r\n'
		head -c "$1" /dev/zero
		printf '\r\n--b--\r\n'
	} >"$dir/body"
	ask POST /upload "$dir/body" 'multipart/form-data; boundary=b' &&
	    [ "$(status)" = 303 ] && home &&
	    grep -q "1 file, $1 bytes" "$dir/out"
}

call_api() {
	token=$(sed -n 's/.*data-csrf="\([^"]*\)".*/\1/p' "$dir/out")
	printf '{"by":2}' >"$dir/body"
	ask POST /api "$dir/body" application/json \
	    "HTTP_X_CSRF_TOKEN=$token" && grep -q '^{"count":3}$' "$dir/out"
}

life() {
	log_in
	told "$1: a log-in" $?
	first=$cookie
	send /count && home && grep -q '<output id="sum">1<' "$dir/out"
	told "$1: a count" $?
	send_file 100
	told "$1: a short upload" $?
	send_file 200000
	told "$1: a long upload, on disk" $?
	call_api
	told "$1: a script" $?
	log_in && [ "$(grep -c '^<li><kbd>' "$dir/out")" = 2 ]
	told "$1: two sessions are listed" $?
	handle=$(sed -n 's/.*name="handle" value="\([^"]*\)".*/\1/p' "$dir/out")
	send /end "handle=$handle" && home &&
	    [ "$(grep -c '^<li><kbd>' "$dir/out")" = 1 ]
	told "$1: the other one is ended" $?
	second=$cookie
	cookie=$first
	home && ! grep -q 'id="who"' "$dir/out"
	told "$1: R-26 its cookie opens nothing" $?
	cookie=$second
	home && send /logout && home && ! grep -q 'id="who"' "$dir/out"
	told "$1: logged out" $?
	cookie=$second
	home && ! grep -q 'id="who"' "$dir/out"
	told "$1: R-26 and it stays so" $?
	log_in && send /everywhere && home && ! grep -q 'id="who"' "$dir/out"
	told "$1: logged out everywhere" $?
}
