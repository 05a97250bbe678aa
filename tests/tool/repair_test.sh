#!/bin/sh
# repair_test.sh - securestate check --repair: a file: store copied without
# its index, with what does not belong there
# shellcheck source=/dev/null # it sets tool, dir, build, top
. "$(dirname "$0")/kit.sh"
build_visit
ring=$dir/ring
a=$dir/a
b=$dir/b

i=0
while [ $i -lt 6 ]; do
	visit "$ring" 1000000 - - "file:$a?sync=none&reap=0"
	i=$((i + 1))
done
visit "$ring" 0 ann - "file:$a?sync=none&reap=0"
token=$(cut -d' ' -f1 "$dir/out")

cp -a "$a" "$b"
rm -rf "$b"/n.app/x/* "$b"/n.app/x
test "$(find "$b" -type f | wc -l)" -gt 6
told "a copy without the index of expiry" $?
does "reap does not see it" "$tool" reap "file:$b"
says '^0 removed$' "for its entries are missing"

ln -s /etc/passwd "$b/link"
echo x >"$b/open"
chmod 644 "$b/open"
does "check --repair" "$tool" check --repair "file:$b?sync=none"
says '^foreign: link is neither' "a link is told"
says '^foreign: open is open to others' "an open file is told"
says '^1 records, indexed; 6 expired, removed; .* 2 foreign$' \
    "R-32 six had expired, one lives"
test -L "$b/link" && test -f "$b/open"
told "what is foreign is left as it is" $?
visit "$ring" 0 - "$token" "file:$b"
says ' 2$' "the one that lives goes on"

# What it entered is enough for the next reaper: an hour's limit, in time.
cp -a "$a" "$dir/c"
rm -rf "$dir/c/n.app/x"
does "with scan=1 the library's reaper does it" "$tool" reap \
    "file:$dir/c?scan=1"
says '^6 removed$' "all six"

is 2 "a path with escapes is refused" "$tool" check --repair 'file:/a%20b'
is 1 "no such directory" "$tool" check --repair "file:$dir/none"
line "no such directory"
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$dir"
	cp -a "$a" "$dir/theirs"
	chown -R 65534:65534 "$dir/theirs"
	is 1 "root in another user's directory" "$tool" check --repair \
	    "file:$dir/theirs"
	line "root in another user's directory"
	says 'scan=1' "it says why"
	does "root may reap there" "$tool" reap "file:$dir/theirs"
	says '^6 removed$' "and does"
	test -z "$(find "$dir/theirs" -user 0)"
	told "and makes nothing" $?
else
	n=$((n + 1))
	echo "ok $n # SKIP a foreign directory: needs root"
fi
finish
