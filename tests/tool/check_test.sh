#!/bin/sh
# check_test.sh - securestate check and store init over what is built
# shellcheck source=/dev/null # it sets tool, dir, build, top
. "$(dirname "$0")/kit.sh"

# conforms TEXT URI...
conforms() {
	text=$1
	shift
	does "$text conforms" "$tool" check --scale 200 "$@"
	says '^# [0-9]* passed, 0 failed' "$text: TAP with a count"
}

conforms memory memory:check
does "file: is made" "$tool" store init "file:$dir/f?sync=none"
says '^ready: what was missing was made' "it says so"
does "file: is there" "$tool" store init "file:$dir/f?sync=none"
says '^ready: nothing was made' "it says so"
conforms file "file:$dir/f?sync=none"
conforms 'file, again' "file:$dir/f?sync=none"
conforms layers memory:near "file:$dir/far?sync=none"
for d in sqlite lmdb; do
	if [ -e "$build/drivers/driver-$d.so" ]; then
		does "$d: is made" "$tool" store init "$d:$dir/$d/x?sync=none"
		says 'was made' "$d: it says so"
		conforms "$d" "$d:$dir/$d/x?sync=none"
	else
		n=$((n + 1))
		echo "ok $n # SKIP this build has no $d"
	fi
done

# ---- A store in use -----------------------------------------------------

build_visit
visit "$dir/ring" 0 - - "file:$dir/used"
token=$(cut -d' ' -f1 "$dir/out")
is 1 "a store with records is refused" "$tool" check --scale 200 \
    "file:$dir/used"
line "a store with records"
says '--force' "it says how"
does "--force" "$tool" check --force --scale 200 "file:$dir/used"
visit "$dir/ring" 0 - "$token" "file:$dir/used"
says ' 2$' "the session that was there goes on"
does "another namespace is empty" "$tool" check --scale 200 --ns other \
    "file:$dir/used"

# ---- Errors: one line, no password --------------------------------------

# refused TEXT WORDS ARG...
refused() {
	text=$1
	words=$2
	shift 2
	is 1 "$text" "$tool" "$@"
	line "$text"
	says "$words" "$text: it names it"
	! grep -q hush "$dir/out"
	told "$text: no password" $?
}

refused "a URI without a scheme" 'URI' check '/tmp/x?a=hush'
refused "a driver that is not there" 'nosuch' check 'nosuch://u:hush@h/'
refused "an unknown parameter" 'colour' check "file:$dir/f?colour=hush"
refused "a number out of bounds" 'timeout_ms' check \
    "file:$dir/f?timeout_ms=0"
refused "no directory to clean" 'No such file' reap "file:$dir/none"
test ! -e "$dir/none"
told "and none was made" $?
if [ -e "$build/drivers/driver-redis.so" ]; then
	refused "no redis there" 'redis: ' check "redis://u:hush@127.0.0.1:1/"
fi
if [ -e "$build/drivers/driver-pgsql.so" ]; then
	refused "no PostgreSQL there" 'pgsql: ' store init \
	    "pgsql://u:hush@127.0.0.1:1/db"
fi
finish
