#!/bin/sh
# man_test.sh - mandoc finds nothing to say about any manual page
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
n=0
bad=0

for f in "$top"/man/*.[1-8]; do
	[ -e "$f" ] || continue
	n=$((n + 1))
	# Whether a page of another section is installed is not ours to say.
	said=$(mandoc -Tlint -Wstyle "$f" 2>&1 |
	    grep -v -e 'referenced manual not found' \
	    -e 'outdated mandoc.db lacks')
	if [ -z "$said" ]; then
		echo "ok $n - ${f##*/}"
	else
		echo "not ok $n - ${f##*/}"
		echo "$said" | sed 's/^/# /'
		bad=1
	fi
done

if [ $n = 0 ]; then
	echo "1..0 # SKIP there are no manual pages"
else
	echo "1..$n"
fi
exit $bad
