#!/bin/sh
# headers_test.sh - what the log-in program says on the wire, by curl
set -u
# shellcheck source=tests/web/serve.sh
. "$(dirname "$0")/serve.sh"
token='[A-Za-z0-9_-]{60}'

# get PROGRAM CURL-ARGUMENT...: headers to $dir/head (no CR), page to $dir/page
get() {
	program=$1
	shift
	curl -sS -D "$dir/raw" -o "$dir/page" -b "$dir/jar" -c "$dir/jar" \
	    "$@" "$origin/$program" 2>"$dir/out"
	tr -d '\r' <"$dir/raw" >"$dir/head"
	cat "$dir/head" "$dir/page" >"$dir/out"
}

# field NAME: the value of a hidden field of the last page
field() {
	perl -0777 -ne 'for (/<input\b[^>]*>/g) {
		my ($n) = /\bname="([^"]*)"/;
		my ($v) = /\bvalue="([^"]*)"/;
		print $v // "" if defined $n and $n eq $ENV{NAME};
	}' "$dir/page"
}

# send PROGRAM DATA...: the last page's form, filled in
send() {
	program=$1
	shift
	set -- "$@" --data-urlencode ".csrf=$(NAME=.csrf field)"
	id=$(NAME=.id field)
	[ -z "$id" ] || set -- "$@" --data-urlencode ".id=$id"
	get "$program" "$@"
}

# header NAME: its values, a line each
header() {
	sed -nE "s/^$1: *(.*)/\\1/Ip" "$dir/head"
}

has() {
	header "$1" | tr ',' '\n' | sed 's/^ *//' | grep -qixE "$2"
}

status() {
	head -n 1 "$dir/head" | cut -d' ' -f2
}

serve

# ---- the cookie
by_cookie() {
	get "login-cookie.$how"
	[ "$(status)" = 200 ]
	told "cookie: the form answers 200" $?
	[ "$(header Set-Cookie | wc -l)" = 1 ]
	told "R-44 one Set-Cookie" $?
	header Set-Cookie | grep -qE "^__Host-sstate=$token;"
	told "R-40 __Host- name, R-45 base64url value of 60" $?
	[ "$(header Set-Cookie | tr ';' '\n' | sed '1d; s/^ *//' | sort |
	    tr '\n' ' ')" = "HttpOnly Path=/ SameSite=Lax Secure " ]
	told "R-40 Secure, HttpOnly, SameSite=Lax, Path=/ and nothing else" $?
	has Cache-Control no-store
	told "R-50 no-store" $?
	has Vary Cookie
	told "R-50 Vary: Cookie" $?
	! grep -q 'name=".id"' "$dir/page"
	told "R-46 no token in the page" $?
	before=$(header Set-Cookie)

	send "login-cookie.$how" -d user=Cottleston -d pass=Cake
	grep -q 'id="failures">1<' "$dir/page"
	told "cookie: a wrong password counts" $?
	send "login-cookie.$how" -d user=Cottleston -d pass=Cake
	grep -q 'id="failures">2<' "$dir/page"
	told "cookie: the next one, too" $?
	get "login-cookie.$how" -d user=Cottleston -d pass=Pie
	[ "$(status)" = 403 ] && ! grep -q 'id="private"' "$dir/page"
	told "R-60 a right password without our form is refused" $?
	send "login-cookie.$how" -d user=Cottleston -d pass=Pie
	[ "$(status)" = 303 ]
	told "cookie: the right one is sent on" $?
	header Set-Cookie | grep -qE "^__Host-sstate=$token;" &&
	    [ "$(header Set-Cookie)" != "$before" ]
	told "R-24 a new id at log-in" $?
	header Location | grep -qE "^/login-cookie\.$how\$"
	told "R-12 Location has no token" $?
	get "login-cookie.$how"
	grep -q 'id="private"' "$dir/page" && has Cache-Control no-store
	told "cookie: the private page, never stored" $?
	grep -q 'id="failures">2<' "$dir/page"
	told "cookie: what was counted before is still there" $?
	cp "$dir/jar" "$dir/kept"
	send "login-cookie.$how" -d logout=1
	grep -q 'You have logged out' "$dir/page"
	told "cookie: logged out" $?
	header Set-Cookie | grep -qiE '^__Host-sstate=;.*(Max-Age=0|Expires=)'
	told "R-25 the cookie is dropped" $?
	cp "$dir/kept" "$dir/jar"
	get "login-cookie.$how"
	! grep -q 'id="private"' "$dir/page"
	told "R-26 the old cookie opens nothing" $?

}

# ---- the page
by_page() {
	: >"$dir/jar"
	get "login-page.$how"
	[ "$(status)" = 200 ] && [ -z "$(header Set-Cookie)" ]
	told "page: no cookie" $?
	NAME=.id field | grep -qxE "$token"
	told "page: the token is a hidden field" $?
	has Referrer-Policy no-referrer
	told "R-49 Referrer-Policy: no-referrer" $?
	has Cache-Control no-store
	told "R-49 no-store" $?
	! grep -qF "$(NAME=.id field)" "$dir/head"
	told "R-12 no token in a header" $?
	send "login-page.$how" -d user=Cottleston -d pass=Cake
	grep -q 'id="failures">1<' "$dir/page"
	told "page: a wrong password counts" $?
	send "login-page.$how" -d user=Cottleston -d pass=Pie
	to=$(header Location)
	[ "$(status)" = 303 ] && echo "$to" |
	    grep -qE "^/login-page\.$how\?\.id=$token$"
	told "page: the right one is sent on, with its token" $?
	get "${to#/}"
	grep -q 'id="private"' "$dir/page"
	told "page: the private page" $?
	[ -z "$(header Set-Cookie)" ] && has Referrer-Policy no-referrer
	told "R-49 the private page keeps its address to itself" $?
	send "login-page.$how" -d logout=1
	grep -q 'You have logged out' "$dir/page"
	told "page: logged out" $?
	get "$(sed -n 's|.*href="/\([^"]*?forget\)".*|\1|p' "$dir/page")"
	[ "$(header Clear-Site-Data)" = '"cache"' ] && has Cache-Control no-store
	told "R-25 after the log-out the browser is told to forget its pages" $?
	get "${to#/}"
	! grep -q 'id="private"' "$dir/page"
	told "R-26 the old link opens nothing" $?

}

# ---- between the two
between() {
	: >"$dir/jar"
	get "login-page.$how"
	id=$(NAME=.id field)
	get "login-cookie.$how" -H "Cookie: __Host-sstate=$id"
	header Set-Cookie | grep -qE "^__Host-sstate=$token;" &&
	    ! header Set-Cookie | grep -qF "$id"
	told "R-48 a token of the page is none in a cookie" $?
}

for how in cgi fcgi; do
	echo "# by $how"
	: >"$dir/jar"
	by_cookie
	by_page
	between
done
! grep -qE "$token" "$dir/log"
told "R-12 the server's log has no token" $?

done_testing
