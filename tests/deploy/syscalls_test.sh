#!/bin/sh
# syscalls_test.sh - deploy/syscalls.txt is enough, and no line too many
#
# Programs run under a filter made of it, which kills at the first other call:
# set by themselves when sstate_open() has returned, and set before they start.
# Then strace says which lines were needed.
set -u
# shellcheck source=tests/deploy/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=tests/deploy/life.sh
. "$top/tests/deploy/life.sh"
if [ "$(uname -m)" != x86_64 ] || ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
	echo "1..0 # SKIP the list is for x86_64 and GNU libc"
	exit 0
fi
if [ -n "${SANITIZE:-}" ]; then
	echo "1..0 # SKIP a sanitizer has calls of its own"
	exit 0
fi
if ! grep -q '^Seccomp:' /proc/self/status; then
	echo "1..0 # SKIP this kernel has no seccomp filters"
	exit 0
fi
need strace strace
need libfcgi-bin cgi-fcgi
list=$top/deploy/syscalls.txt
mkdir "$dir/www"
# The calls are what counts here, not what a disk takes for them.
quick=$(mktemp -d /dev/shm/deploy.XXXXXX 2>/dev/null)
[ -z "$quick" ] || chmod 711 "$quick"
s=${quick:-$dir}/s

# ---- the list itself
! grep -vE '^(#.*|)$' "$list" | grep -vE '^[a-z0-9_]+	+(run|start|rare|threads)	[^	]+$' >"$dir/out"
told "each line has name, phase and reason" $?
names run start rare threads | sort | uniq -d >"$dir/out"
[ ! -s "$dir/out" ]
told "no name stands there twice" $?

# ---- programs
manual && allow run rare threads &&
    locked app "$top/examples/app.c" "$top/examples/page.c" &&
    locked app_static "$top/examples/app.c" "$top/examples/page.c" -static &&
    locked reap "$top/examples/reap.c" &&
    locked workers "$top/examples/workers.c" "$top/examples/page.c" &&
    locked ops "$top/tests/deploy/ops.c" &&
    locked ops_static "$top/tests/deploy/ops.c" -static
told "programs that lock themselves up, by the manual's functions" $?
[ $bad = 0 ] || done_testing
mkdir "$dir/c" && cp "$list" "$dir/c/syscalls.txt" &&
    (cd "$dir/c" && sh "$dir/man/securestate_sandbox.system_calls") \
    >"$dir/out" 2>&1 &&
    { grep -v '^#' "$dir/allowed.h" | sort; } >"$dir/ours" &&
    sort "$dir/c/allowed.h" | diff - "$dir/ours" >>"$dir/out"
told "the manual's own way from the list to C" $?
names run rare threads | grep -vx fdatasync | sed 's/.*/SYS_&,/;1i #include <sys/syscall.h>' \
    >"$dir/allowed.h"
locked app_less "$top/examples/app.c" "$top/examples/page.c"
allow run start rare threads
$cc -std=c11 -D_GNU_SOURCE -I"$dir" -o "$dir/under" "$top/tests/deploy/under.c" \
    "$dir/man/securestate_sandbox_2.o" >"$dir/out" 2>&1
told "one that locks up others, as systemd does" $?

# fresh: an empty state directory
fresh() {
	rm -rf "$s"
	mkdir -m 700 "$s"
}

# state PROCESS: wait until it is S (asleep) or T (stopped)
state() {
	i=0
	while [ $i -lt 600 ] && ! grep -q "^State:	$2" "/proc/$1/status"; do
		sleep 0.05
		i=$((i + 1))
	done 2>/dev/null
	[ $i -lt 600 ]
}

# A request whose body is late; meanwhile the program is stopped.
stopped() {
	rm -f "$dir/late"
	mkfifo "$dir/late"
	# shellcheck disable=SC2086 # words, apart
	env -i REQUEST_METHOD=POST SCRIPT_NAME=/app PATH_INFO=/count \
	    CONTENT_TYPE=$form_type CONTENT_LENGTH=3 APP_PWHASH=none $vars \
	    $run "$program" <"$dir/late" >"$dir/out" 2>&1 &
	child=$!
	exec 9>"$dir/late"
	pid_of $child "${program##*/}"
	state "$pid" S && kill -STOP "$pid" && state "$pid" '[Tt]' &&
	    kill -CONT "$pid" && state "$pid" S
	good=$?
	(trap '' PIPE; printf 'a=b' >&9) 2>/dev/null
	exec 9>&-
	wait $child && [ $good = 0 ] && grep -q '^Status: 403' "$dir/out"
}

# A client that does not wait for the answer.
# shellcheck disable=SC2016 # perl's
gone() {
	# shellcheck disable=SC2086 # words, apart
	perl -e 'pipe(R, W) or die; close R; open STDOUT, ">&", W or die;
	    $SIG{PIPE} = "DEFAULT"; exec @ARGV' \
	    env -i REQUEST_METHOD=GET SCRIPT_NAME=/app APP_PWHASH=none $vars \
	    $run "$program" </dev/null 2>"$dir/out"
	[ $? = 0 ] && grep -q 'answer: write' "$dir/out"
}

# One life, counted as one test; under_limit: files may only be so long
lives() {
	(life life >"$dir/tap")
	! grep -A 60 '^not ok' "$dir/tap" >"$dir/out" &&
	    [ "$(grep -c '^ok' "$dir/tap")" = 11 ]
}

under_limit() (
	ulimit -f 400000
	lives
)

# The same program by FastCGI: one process for a body that is too long, then a
# whole life, during which another client says half of what it means to.
fastcgi() {
	fresh
	program=$dir/app
	listen
	# shellcheck disable=SC2016 # perl's
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => shift) or die;
		syswrite $s, "\1\1\0\1\0\10";
		sleep' "$dir/sock" &
	half=$!
	head -c 20000000 /dev/zero >"$dir/body"
	call POST /upload "$dir/body" 'multipart/form-data; boundary=b'
	lives
	good=$?
	kill $half
	wait $half 2>/dev/null
	unlisten && [ $good = 0 ]
}

# Eight threads, eight clients at a time; then it is told to stop.
threads() {
	fresh
	program=$dir/workers
	listen
	base=/workers
	cookie=
	ask GET '' /dev/null ''
	for i in 1 2 3 4 5 6 7 8; do
		(
			mkdir "$dir/client" "$dir/client/$i" 2>/dev/null
			dir=$dir/client/$i
			call GET '' /dev/null ''
		) &
		set -- "$@" $!
	done
	for i; do wait "$i"; done
	ask GET '' /dev/null '' && grep -q '<b id="n">10</b>' "$dir/out"
	good=$?
	base=/app
	unlisten && [ $good = 0 ] && grep -qx 'ended by 0' "$dir/out"
}

# hours SYNC UMASK: as an ordinary user, to whom modes mean something
hours() {
	fresh
	as=
	if [ "$(id -u)" = 0 ]; then
		as="SHIM_ROOT=/ SHIM_UID=65534"
		chown 65534 "$s"
	fi
	(
		umask "$2"
		# shellcheck disable=SC2086 # words, apart
		exec env SHIM_FILTER=1 $as $run "$dir/ops" \
		    "file:$s/new?sync=$1" "$s/new"
	) >"$dir/out" 2>&1 && ! grep -q '^fails' "$dir/out" &&
	    [ "$(grep -c '^works' "$dir/out")" = 13 ]
}

# The same in a root that holds nothing else; needs no rights but a namespace.
bare_hours() {
	rm -rf "$dir/bare"
	mkdir -m 700 "$dir/bare"
	cp "$dir/ops_static" "$dir/bare/ops"
	SHIM_FILTER=1 $run unshare --map-root-user --root="$dir/bare" \
	    /ops "file:/new?sync=data" /new >"$dir/out" 2>&1 &&
	    ! grep -q '^fails' "$dir/out" &&
	    [ "$(grep -c '^works' "$dir/out")" = 13 ]
}

# everything HOW
everything() {
	how=$1
	for sync in none data full; do
		hours $sync 022
		told "$how, sync=$sync: what a program does over hours" $?
	done
	hours none 0277 && hours none 0777
	told "$how: a umask that takes our own rights" $?
	for p in app app_static; do
		fresh
		program=$dir/$p
		vars="SECURESTATE_STORES=file:$s TMPDIR=$dir
		    SHIM_FILTER=1 DOCUMENT_ROOT=$dir/www"
		lives
		told "$how, $p: log-in to log-out" $?
	done
	fastcgi
	told "$how: log-in to log-out by FastCGI" $?
	threads
	told "$how: threads, and a clean stop" $?
	program=$dir/app
	stopped
	told "$how: stopped while it waits for a body" $?
	gone
	told "$how: a client that has gone" $?
	under_limit
	told "$how: under a limit on the size of files" $?
	# shellcheck disable=SC2086 # words, apart
	SHIM_FILTER=1 $run "$dir/reap" "$s" >"$dir/out" 2>&1
	told "$how: the job that reaps" $?
}

run=
everything "filtered after sstate_open"

bare=
if unshare --map-root-user true 2>/dev/null; then
	bare=1
	bare_hours
	told "filtered after sstate_open: in an empty root, without /proc" $?
else
	skip "an empty root: no user namespaces here"
fi

# ---- the whole list, before the start
run="$dir/under"
for p in app app_static; do
	fresh
	program=$dir/$p
	vars="SECURESTATE_STORES=file:$s TMPDIR=$dir
	    DOCUMENT_ROOT=$dir/www"
	lives
	told "filtered before its start, $p: log-in to log-out" $?
done
fastcgi
told "filtered before its start: log-in to log-out by FastCGI" $?
threads
told "filtered before its start: threads, and a clean stop" $?
fresh
"$dir/under" "$dir/reap" "$s" >"$dir/out" 2>&1
told "filtered before its start: the job that reaps" $?
"$dir/under" /bin/sh -c 'exit 0' >"$dir/out" 2>&1
[ $? = 159 ]
told "and a shell is killed there" $?

# ---- the filter is one
run=
program=$dir/app_less
fresh
vars="SECURESTATE_STORES=file:$s SHIM_FILTER=1"
call GET '' /dev/null ''
[ $? = 0 ] && printf 'a=b' >"$dir/body" && log_in
[ $code = 159 ]
told "a list without fdatasync kills at the first record" $?

# ---- no line too many
run="strace -f -qq -A -o $dir/trace"
(everything traced >"$dir/tap2")
! grep -A 60 '^not ok' "$dir/tap2" >"$dir/out" &&
    [ "$(grep -c '^ok' "$dir/tap2")" = 12 ]
told "all of it once more, traced" $?
perl "$top/tests/deploy/used.pl" all "$dir/trace" >"$dir/all"
if [ -n "$bare" ]; then
	run="strace -f -qq -A -o $dir/trace2"
	bare_hours
	told "and that in an empty root" $?
else
	# what a place without /proc needs
	echo '0 prctl(PR_SET_SECCOMP
0 renameat2(' >"$dir/trace2"
fi
perl "$top/tests/deploy/used.pl" run "$dir/trace" "$dir/trace2" >"$dir/run"
names run threads | grep -vxFf "$dir/run" >"$dir/out"
[ ! -s "$dir/out" ]
told "each call of the phases run and threads is needed then" $?
names start | grep -vxFf "$dir/all" >"$dir/out"
names start | grep -xFf "$dir/run" >>"$dir/out"
[ ! -s "$dir/out" ]
told "each call of phase start is needed, and not later" $?
done_testing
