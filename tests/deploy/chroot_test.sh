#!/bin/sh
# chroot_test.sh - programs in a root that holds the state directory alone
#
# They enter it by themselves (securestate-sandbox(7)), become an ordinary
# user, and serve; the strict ones under their filter of system calls, too.
set -u
# shellcheck source=tests/deploy/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=tests/deploy/life.sh
. "$top/tests/deploy/life.sh"
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP only root may enter another root"
	exit 0
fi
if [ -n "${SANITIZE:-}" ]; then
	echo "1..0 # SKIP a sanitizer reads /proc"
	exit 0
fi
user=65534
root=$dir/root

manual && allow run rare &&
    locked app "$top/examples/app.c" "$top/examples/page.c" &&
    locked app_static "$top/examples/app.c" "$top/examples/page.c" -static &&
    locked reap "$top/examples/reap.c" &&
    locked ops "$top/tests/deploy/ops.c"
told "programs that lock themselves up, by the manual's functions" $?
[ $bad = 0 ] || done_testing

# fresh: the root, and in it the user's state directory
fresh() {
	rm -rf "$root"
	mkdir "$root" && mkdir -m 700 "$root/state" &&
	    chown $user:$user "$root/state"
}

inside="SHIM_ROOT=$root SHIM_UID=$user"
strict=
case $(uname -m) in
x86_64) strict=SHIM_FILTER=1 ;; # what deploy/syscalls.txt is for
esac

# as HOW PROGRAM MORE: a life, and what it leaves
as() {
	fresh
	program=$dir/$2
	vars="$inside $3 SECURESTATE_STORES=file:/state TMPDIR=/state"
	[ "$1" = CGI ] || listen
	life "$1, $2, ${3%=*}"
	[ "$1" = CGI ] || unlisten
	told "$1, $2: it serves to the end" $?
	find "$root" ! -user $user ! -path "$root" >"$dir/out"
	[ ! -s "$dir/out" ] && [ "$(ls -A "$root")" = state ]
	told "$1, $2: nothing but the user's state is there" $?
	find "$root" -name '.*' ! -path "$root" >"$dir/out"
	[ ! -s "$dir/out" ]
	told "$1, $2: no name is left by records and uploads" $?
}

as CGI app_static X=
as CGI app ${strict:-X=}
if command -v cgi-fcgi >/dev/null; then
	as FastCGI app_static ${strict:-X=}
	as FastCGI app X=
else
	skip "there is no cgi-fcgi (libfcgi-bin)"
fi

# ---- what must be said from outside
program=$dir/app_static
vars="$inside SECURESTATE_STORES=file:/state"
log_in
! send_file 200000 && [ "$(status)" = 503 ] &&
    grep -q 'upload: make a temporary file' "$dir/out"
told "a long upload without TMPDIR is 503, and the log says why" $?
log_in && send_file 60000
told "a short one needs none" $?
vars=$inside
call GET '' /dev/null ''
[ $code = 1 ] && [ "$(status)" = 503 ] &&
    grep -q 'set SECURESTATE_STORES' "$dir/out"
told "without a name for the store the log says what to set" $?

# ---- everything else that a store does
for sync in none data full; do
	for mask in 022 0277; do
		fresh
		(
			umask $mask
			# shellcheck disable=SC2086 # words, apart
			exec env $inside $strict "$dir/ops" \
			    "file:/state/new?sync=$sync" "$root/state/new"
		) >"$dir/out" 2>&1 && ! grep -q '^fails' "$dir/out" &&
		    [ "$(grep -c '^works' "$dir/out")" = 13 ]
		told "sync=$sync, umask $mask: what a program does over hours" $?
	done
done
# shellcheck disable=SC2086
env $inside $strict "$dir/reap" /state/new >"$dir/out" 2>&1
told "the job that reaps" $?

# ---- it is a root, and no way back
cat >"$dir/leave.c" <<'X'
#include <sys/stat.h>
#include <unistd.h>

#include <securestate.h>

int
main(void)
{
	struct sstate *env;
	struct stat st;

	if (sstate_open(&env, NULL, NULL) != 0)
		return 1;
	sstate_close(env);
	if (geteuid() == 0 || setuid(0) == 0 || chroot("/state") == 0)
		return 2;
	return stat("/proc", &st) == 0 || stat("/dev", &st) == 0 ? 3 : 0;
}
X
# shellcheck disable=SC2086
locked leave "$dir/leave.c" && env $inside SECURESTATE_STORES=file:/state \
    "$dir/leave" >"$dir/out" 2>&1
told "a user there, with no way back, and neither /proc nor /dev" $?
done_testing
