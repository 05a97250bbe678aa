#!/bin/sh
# deploy_test.sh - what securestate-deploy(7) tells to do is done, for each
# server that is installed, and a client logs in
#
# The page's own lines are taken, with other paths.  Programs and servers run
# as one ordinary user, on loopback.
set -u
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=tests/web/serve.sh
. "$(dirname "$0")/serve.sh"
server=
helper=

# shellcheck disable=SC2317 # by trap
stop() {
	for pid in $server $helper; do
		kill -TERM "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	server=
	helper=
}

# shellcheck disable=SC2317 # by trap
leave() {
	stop
	rm -rf "$dir"
}
trap leave EXIT

web=$(id -un)
as=
if ! setpriv --pdeathsig TERM true 2>/dev/null; then
	[ "$(id -u)" != 0 ] || { echo "1..0 # SKIP no setpriv"; exit 0; }
elif [ "$(id -u)" = 0 ]; then
	web=nobody
	as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
	as="$as --pdeathsig TERM"
	chown nobody "$dir"
else
	as="setpriv --pdeathsig TERM"
fi
if ! $as test -w "$dir"; then
	echo "1..0 # SKIP $web cannot enter $dir: set TMPDIR"
	exit 0
fi
case $dir in
*[!A-Za-z0-9/._-]*) echo "1..0 # SKIP odd characters in $dir"; exit 0 ;;
esac

mkdir "$dir/page" "$dir/cgi-bin" "$dir/www"
$as mkdir "$dir/log" "$dir/etc" "$dir/lib" "$dir/run"
perl "$top/tests/docs/blocks.pl" "$dir/page" \
    "$top/man/securestate-deploy.7" "$top/man/securestate-keys.7" 2>"$dir/out"
told "the pages' lines can be read" $?

# place BLOCK: a block of the pages, with paths of ours
place() {
	sed -e "s|/usr/lib/cgi-bin|$dir/cgi-bin|g" \
	    -e "s|/usr/local/bin|$dir/cgi-bin|g" \
	    -e "s|/var/lib/shop|$dir/lib/shop|g" \
	    -e "s|/etc/shop|$dir/etc/shop|g" \
	    -e "s|/var/log/lighttpd|$dir/log|g" \
	    -e "s|/run/fcgiwrap.socket|$dir/run/fcgi|g" \
	    -e "s|-g www-data|-g $(id -gn "$web")|g" \
	    -e "s|www-data|$web|g" "$dir/page/securestate_$1"
}

# Linked whole: that user need not see the build folder.
program() {
	# shellcheck disable=SC2046,SC2086 # flags, apart
	${CC:-cc} -std=c11 -D_GNU_SOURCE ${SANITIZE:+-fsanitize=$SANITIZE} \
	    -I"$top/include" -o "$dir/cgi-bin/$1" "$top/examples/$2.c" \
	    "$top/examples/page.c" "$build/libsecurestate.a" \
	    $(pkg-config --libs libsodium) -pthread
}

program login login >"$dir/out" 2>&1 && program reap reap >"$dir/out" 2>&1
told "the log-in program links, and the one that reaps" $?
cat >"$dir/cgi-bin/show" <<'X'
#!/bin/sh
printf 'Content-Type: text/plain\n\n'
env
echo "said to standard error" >&2
X
chmod 755 "$dir/cgi-bin/show"
place deploy.directory | sh -e >"$dir/out" 2>&1 &&
    place keys.make_a_ring | sh -e >>"$dir/out" 2>&1 &&
    [ "$(stat -c %U:%a "$dir/etc/shop/keyring")" = "$web:600" ] &&
    [ "$(stat -c %U:%a "$dir/lib/shop/state")" = "$web:700" ]
told "directory and key ring are made" $?
ring=$(cksum <"$dir/etc/shop/keyring")

# What is behind /shop: the log-in program, or one that shows its variables.
behind() {
	rm -f "$dir/cgi-bin/shop"
	cp "$dir/cgi-bin/$1" "$dir/cgi-bin/shop"
}

free_port() {
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
	    LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

lighttpd_conf() {
	cat <<X
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$dir/www"
server.upload-dirs = ( "$dir/run" )
server.errorlog = "$dir/log/error"
server.modules = ( "mod_accesslog" )
accesslog.filename = "$dir/log/access"
accesslog.format = "$(place deploy.logs | sed 's/"/\\"/g')"
$(place deploy.lighttpd)
$more
X
}

nginx_conf() {
	cat <<X
daemon off;
pid $dir/run/nginx.pid;
error_log $dir/log/error;
events { }
http {
	log_format page '$(place deploy.logs_2)';
	access_log $dir/log/access page;
	client_body_temp_path $dir/run/a;
	fastcgi_temp_path $dir/run/b;
	proxy_temp_path $dir/run/c;
	scgi_temp_path $dir/run/d;
	uwsgi_temp_path $dir/run/e;
	server {
		listen 127.0.0.1:$port;
		root $dir/www;
$(place deploy.nginx)
	}
}
X
}

apache2_conf() {
	echo "ServerRoot $dir"
	for module in mpm_event authz_core alias env cgid; do
		echo "LoadModule ${module}_module" \
		    "/usr/lib/apache2/modules/mod_$module.so"
	done
	cat <<X
Listen 127.0.0.1:$port
ServerName localhost
PidFile $dir/run/apache.pid
DefaultRuntimeDir $dir/run
ScriptSock $dir/run/cgid
ErrorLog $dir/log/error
DocumentRoot $dir/www
LogFormat "$(place deploy.logs | sed 's/"/\\"/g')" page
CustomLog $dir/log/access page
$(place deploy.apache)
X
}

# run NAME: the server and what it needs, as that user
run() {
	rm -rf "$dir"/run/* "$dir"/log/*
	port=$(free_port) || return
	"$1_conf" >"$dir/conf"
	case $1 in
	lighttpd) set -- lighttpd -D -f "$dir/conf" ;;
	nginx)
		# shellcheck disable=SC2086 # words, apart
		env -i PATH="$PATH" $as fcgiwrap -f -s "unix:$dir/run/fcgi" \
		    >"$dir/said2" 2>&1 &
		helper=$!
		set -- nginx -e "$dir/log/first" -c "$dir/conf"
		;;
	apache2) set -- apache2 -DFOREGROUND -f "$dir/conf" ;;
	esac
	# shellcheck disable=SC2086 # words, apart
	HOME=/here $as "$@" >"$dir/said" 2>&1 </dev/null &
	server=$!
}

# start NAME: until it answers; another process may have had the port
start() {
	behind show
	for try in 1 2 3; do
		run "$1"
		n_polls=0
		while kill -0 "$server" 2>/dev/null && [ $n_polls -lt 300 ]; do
			origin=http://127.0.0.1:$port
			! curl -sSf -o "$dir/body" "$origin/shop" \
			    2>"$dir/out" || return 0
			n_polls=$((n_polls + 1))
			sleep 0.1
		done
		stop
	done
	cat "$dir/said" "$dir/log/error" >>"$dir/out" 2>/dev/null
	return "$try"
}

# fetch ARGUMENT...: headers without CR in $dir/head, the page in $dir/body
fetch() {
	curl -sS -D "$dir/raw" -o "$dir/body" "$@" 2>"$dir/out" || return
	tr -d '\r' <"$dir/raw" >"$dir/head"
	cat "$dir/head" "$dir/body" >"$dir/out"
}

cookie_of() {
	sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/p' "$dir/head"
}

logs_in() {
	behind login
	first=
	second=
	fetch "$origin/shop" && grep -q '^HTTP/1.1 200' "$dir/head" &&
	    first=$(cookie_of) && [ -n "$first" ]
	told "$1: the log-in page, with a cookie" $?
	csrf=$(sed -n 's/.*name="\.csrf" value="\([^"]*\)".*/\1/p' "$dir/body")
	fetch -H "Cookie: $first" -H "Origin: $origin" -d user=Cottleston \
	    -d pass=Pie --data-urlencode ".csrf=$csrf" "$origin/shop" &&
	    grep -q '^HTTP/1.1 303' "$dir/head" &&
	    grep -q '^Location: .*/shop$' "$dir/head" && second=$(cookie_of) &&
	    [ -n "$second" ] && [ "$first" != "$second" ]
	told "$1: a password logs in, under a new id" $?
	fetch -H "Cookie: $second" "$origin/shop" &&
	    grep -q 'id="private"' "$dir/body"
	told "$1: then the private page is shown" $?
	fetch -H "Cookie: $first" "$origin/shop" &&
	    ! grep -q 'id="private"' "$dir/body"
	told "$1: the id of before opens nothing" $?
	fetch -H "Cookie: $second" "$origin/shop"
	csrf=$(sed -n 's/.*name="\.csrf" value="\([^"]*\)".*/\1/p' "$dir/body")
	fetch -H "Cookie: $second" -H "Origin: http://evil.example" \
	    -d logout=1 --data-urlencode ".csrf=$csrf" "$origin/shop" &&
	    grep -q 'id="private"' "$dir/body"
	told "$1: a stranger's form does nothing" $?
	fetch -H "Cookie: $second" -H "Origin: $origin" \
	    -d logout=1 --data-urlencode ".csrf=$csrf" "$origin/shop" &&
	    ! grep -q 'id="private"' "$dir/body"
	told "$1: our own logs out" $?
}

# Variables as the page tells them, and what is logged.
shows() {
	behind show
	fetch -H 'Proxy: evil' "$origin/shop/more?a=x%3dy;b" &&
	    ! grep -q '^HTTP_PROXY=.' "$dir/body"
	told "$1: no HTTP_PROXY" $?
	grep -q '^PATH_INFO=/more$' "$dir/body" &&
	    grep -q '^SCRIPT_NAME=/shop$' "$dir/body" &&
	    grep -q "^SECURESTATE_STORES=file:$dir/lib/shop/state$" "$dir/body"
	told "$1: the variables arrive" $?
	[ "$1" = nginx ] || ! grep -q '^HOME=' "$dir/body"
	told "$1: HOME does not, but by fcgiwrap" $?
	cat "$dir"/log/* "$dir/said" >"$dir/out"
	grep -q 'said to standard error' "$dir/log/$2"
	told "$1: standard error goes to the log named" $?
	# It may be written later than the answer.
	tries=0
	until grep -q 'GET /shop/more' "$dir/log/access" || [ $tries = 100 ]; do
		tries=$((tries + 1))
		[ "$1" != lighttpd ] || kill -HUP "$server" # flushes its logs
		sleep 0.1
	done
	grep -q 'GET /shop/more' "$dir/log/access" &&
	    ! grep -q 'x%3dy' "$dir/log/access"
	told "$1: the access log is without queries" $?
}

more=
if command -v lighttpd >/dev/null; then
	start lighttpd
	told "lighttpd starts" $?
	logs_in lighttpd
	behind show
	fetch "$origin/shop?a=%41&b=%" && grep -q 'QUERY_STRING=a=A&b=%25' \
	    "$dir/body"
	told "lighttpd rewrites queries" $?
	fetch "$origin/shop?a=%00" && grep -q '^HTTP/1.1 400' "$dir/head"
	told "lighttpd refuses %00" $?
	shows lighttpd programs.log
	stop
	more=$(place deploy.lighttpd_2)
	start lighttpd
	told "lighttpd starts with the options" $?
	fetch "$origin/shop?a=%41&b=%&c=%00%0a" &&
	    grep -q 'QUERY_STRING=a=%41&b=%&c=%00%0a' "$dir/body"
	told "lighttpd leaves queries alone then" $?
	stop
else
	n=$((n + 1))
	echo "ok $n # SKIP no lighttpd: scripts/deps check"
fi
if command -v nginx >/dev/null && command -v fcgiwrap >/dev/null; then
	start nginx
	told "nginx starts" $?
	logs_in nginx
	shows nginx error
	grep -q 'x%3dy' "$dir/log/error"
	told "nginx: the error log has queries, as the page warns" $?
	stop
else
	n=$((n + 1))
	echo "ok $n # SKIP no nginx or fcgiwrap: scripts/deps check"
fi
if command -v apache2 >/dev/null; then
	start apache2
	told "Apache starts" $?
	logs_in apache2
	shows apache2 error
	stop
else
	n=$((n + 1))
	echo "ok $n # SKIP no apache2: scripts/deps check"
fi

[ "$(cksum <"$dir/etc/shop/keyring")" = "$ring" ] &&
    [ ! -e "$dir/lib/shop/state/keyring" ]
told "the ring that was made is the one that was used" $?
job=$(place deploy.reaping | sed "s/^[^a-z]* $web //")
# shellcheck disable=SC2086 # a command and its words
$as sh -c "$job" >"$dir/out" 2>&1 && grep -q 'state: 0 removed' "$dir/out"
told "the job reaps: nothing has expired" $?
done_testing
