#!/bin/sh
# servers_test.sh - the files of deploy/ for web servers, with the real ones
#
# Each server says that its file is right, then serves examples/app by it: one
# FastCGI program on a Unix socket, under the filter of deploy/syscalls.txt.
# All run as one ordinary user, on loopback.
set -u
# shellcheck source=tests/deploy/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=tests/deploy/life.sh
. "$top/tests/deploy/life.sh"
need curl curl
server=
stop() {
	[ -z "$server" ] || kill -TERM "$server" 2>/dev/null
	[ -z "$server" ] || wait "$server" 2>/dev/null
	server=
}
trap 'stop; finish' EXIT
as=
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	chown 65534:65534 "$dir"
	if ! $as test -w "$dir"; then
		echo "1..0 # SKIP an ordinary user cannot enter $dir: set TMPDIR"
		exit 0
	fi
fi
if setpriv --pdeathsig TERM true 2>/dev/null; then
	as="${as:-setpriv} --pdeathsig TERM"
fi
case $dir in
*[!A-Za-z0-9/._-]*) echo "1..0 # SKIP odd characters in $dir"; exit 0 ;;
esac

strict=
if [ "$(uname -m)" = x86_64 ] && [ -z "${SANITIZE:-}" ]; then
	strict=SHIM_FILTER=1
fi
manual && allow run rare &&
    locked app "$top/examples/app.c" "$top/examples/page.c"
told "the program, which locks itself up" $?
[ $bad = 0 ] || done_testing
# shellcheck disable=SC2086 # words, apart
$as mkdir -m 700 "$dir/s" "$dir/run" "$dir/log" "$dir/www"

free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
	    LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

# ours FILE: of deploy/, with the socket of ours
ours() {
	sed -e "s|/run/shop\.sock|$dir/sock|g" "$top/deploy/$1"
}

lighttpd_conf() {
	cat <<X
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$dir/www"
server.upload-dirs = ( "$dir/run" )
server.errorlog = "$dir/log/error"
$(ours lighttpd.conf)
X
}

nginx_conf() {
	cat <<X
daemon off;
pid $dir/run/nginx.pid;
error_log $dir/log/error;
events { }
http {
	access_log off;
	client_body_temp_path $dir/run/a;
	fastcgi_temp_path $dir/run/b;
	proxy_temp_path $dir/run/c;
	scgi_temp_path $dir/run/d;
	uwsgi_temp_path $dir/run/e;
	server {
		listen 127.0.0.1:$port;
		root $dir/www;
$(ours nginx.conf)
	}
}
X
}

apache2_conf() {
	echo "ServerRoot $dir"
	for module in mpm_event authz_core env proxy proxy_fcgi; do
		echo "LoadModule ${module}_module" \
		    "/usr/lib/apache2/modules/mod_$module.so"
	done
	cat <<X
Listen 127.0.0.1:$port
ServerName localhost
PidFile $dir/run/apache.pid
DefaultRuntimeDir $dir/run
ErrorLog $dir/log/error
DocumentRoot $dir/www
$(ours apache.conf)
X
}

check() {
	case $1 in
	lighttpd) $as lighttpd -tt -f "$dir/conf" ;;
	nginx) $as nginx -t -e "$dir/log/first" -c "$dir/conf" ;;
	apache2) $as apache2 -t -f "$dir/conf" ;;
	esac >"$dir/out" 2>&1
}

# start NAME: until it answers; another process may have had the port
start() {
	for try in 1 2 3; do
		port=$(free_port) && "$1_conf" >"$dir/conf" || return
		case $1 in
		lighttpd) set -- "$1" lighttpd -D -f "$dir/conf" ;;
		nginx) set -- "$1" nginx -e "$dir/log/first" -c "$dir/conf" ;;
		apache2) set -- "$1" apache2 -DFOREGROUND -f "$dir/conf" ;;
		esac
		name=$1
		shift
		# shellcheck disable=SC2086 # words, apart
		$as "$@" >"$dir/said" 2>&1 </dev/null &
		server=$!
		set -- "$name"
		origin=http://127.0.0.1:$port
		polls=0
		while kill -0 "$server" 2>/dev/null && [ $polls -lt 300 ]; do
			! curl -sS -o "$dir/out" "$origin/" 2>/dev/null ||
			    return 0
			polls=$((polls + 1))
			sleep 0.1
		done
		stop
	done
	cat "$dir/said" "$dir/log/error" >"$dir/out" 2>/dev/null
	return "$try"
}

# life.sh's, by HTTP
call() {
	header=
	[ $# -lt 5 ] || header="X-CSRF-Token: ${5#*=}"
	curl -sS -i -X "$1" ${cookie:+-H "Cookie: $cookie"} -H "Expect:" \
	    ${4:+-H "Content-Type: $4" --data-binary "@$3"} \
	    ${header:+-H "$header"} "$origin$base$2" >"$dir/raw" 2>"$dir/err"
	code=$?
	tr -d '\r' <"$dir/raw" >"$dir/out"
	cat "$dir/err" >>"$dir/out"
	return $code
}

base=/shop
# The shell that makes the socket is root's; who asks is not.
run=$as
program=$dir/app
vars="SECURESTATE_STORES=file:$dir/s TMPDIR=$dir/run $strict"
listen
[ "$(id -u)" != 0 ] || chown 65534 "$dir/sock"
for s in lighttpd nginx apache2; do
	if ! command -v $s >/dev/null; then
		skip "there is no $s: scripts/deps check"
		continue
	fi
	port=$(free_port)
	"${s}_conf" >"$dir/conf"
	check $s
	told "$s: the file is right" $?
	start $s
	told "$s: it starts" $?
	life $s
	call GET /nowhere/at/all /dev/null '' && [ "$(status)" = 404 ] &&
	    grep -q 'There is nothing here' "$dir/out"
	told "$s: PATH_INFO arrives" $?
	call GET ping /dev/null '' && [ "$(status)" = 404 ] &&
	    ! grep -q 'There is nothing here' "$dir/out"
	told "$s: /shopping is not the shop" $?
	head -c 20000000 /dev/zero >"$dir/body"
	call POST /upload "$dir/body" 'multipart/form-data; boundary=b'
	[ "$(status)" = 413 ]
	told "$s: R-90 a body that is too long is 413" $?
	stop
done
unlisten
told "the program served them all" $?
done_testing
