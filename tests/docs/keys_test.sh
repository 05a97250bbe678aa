#!/bin/sh
# keys_test.sh - the commands of securestate-keys(7) make, rotate, erase and
# replace keys, and void sessions, as the page says (R-75, R-27)
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
dir=$(mktemp -d "${TMPDIR:-/tmp}/keys.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/page"
n=0
bad=0

# told TEXT STATUS: TAP; what is in $dir/out explains a failure
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}

perl "$top/tests/docs/blocks.pl" "$dir/page" "$top/man/securestate-keys.7" \
    2>"$dir/out"
told "the page's commands can be read" $?

# does BLOCK [SED]: those commands, for a ring of ours
does() {
	sed -e "s|/etc/shop|$dir|" -e "s|www-data|$(id -un)|" \
	    -e "${2:-}" "$dir/page/securestate_keys.$1" >"$dir/script"
	sh -e "$dir/script" >"$dir/out" 2>&1 &&
	    [ "$(stat -c %a "$dir/keyring")" = 600 ] &&
	    [ ! -e "$dir/keyring.new" ]
}

# visit COOKIE: the number of the visit in $dir/out, a new cookie in $cookie
visit() {
	env -i REQUEST_METHOD=GET SCRIPT_NAME=/visit QUERY_STRING= \
	    GATEWAY_INTERFACE=CGI/1.1 HTTP_COOKIE="$1" \
	    SECURESTATE_STORES="file:$dir/state" \
	    SECURESTATE_KEYRING="$dir/keyring" \
	    "$build/examples/readme" </dev/null >"$dir/raw" 2>&1
	tr -d '\r' <"$dir/raw" >"$dir/out"
	cookie=$(sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/p' "$dir/out")
}

# visits COOKIE NUMBER
visits() {
	visit "$1"
	grep -q "^Visit number $2\$" "$dir/out"
}

# The kid of a cookie: the second octet of its token.
kid() {
	echo "${1#*=}" | basenc -d --base64url | od -An -tu1 -j1 -N1 | tr -d ' '
}

does make_a_ring
told "a ring is made" $?
visits '' 1 && old=$cookie && [ "$(kid "$old")" = 1 ]
told "its key issues" $?
visits "$old" 2
told "and accepts" $?

does rotate && [ "$(awk 'NF == 6' "$dir/keyring" | wc -l)" = 2 ]
told "a second entry" $?
visits '' 1 && [ "$(kid "$cookie")" = 1 ]
told "announced, it does not issue" $?
visits "$old" 3
told "what was issued before goes on" $?
does make_a_ring && visits '' 1 && old=$cookie &&
    does rotate 's/+ 60/- 1/' && visits '' 1 && [ "$(kid "$cookie")" = 2 ]
told "when its time has come it issues" $?
new=$cookie
visits "$old" 2
told "what was issued under the first is accepted" $?

secret=$(awk '$1 == 1 { print $3 }' "$dir/keyring")
does rotate_2 && ! grep -q -e "$secret" "$dir/keyring" &&
    grep -q '^1 1 - 0 ' "$dir/keyring"
told "its secret is erased" $?
visits "$old" 1 && [ "$(kid "$cookie")" = 2 ]
told "then nothing opens under it" $?
visits "$new" 2
told "and all under the second" $?

# Begun before this second: let it pass.
began=$(date +%s)
while [ "$(date +%s)" = "$began" ]; do
	sleep 0.1
done
does what_to_do_when_2 && visits "$new" 1 && [ "$(kid "$cookie")" = 2 ]
told "R-27 all sessions are void, the keys stay" $?
new=$cookie
visits "$new" 2
told "one that began afterwards is not" $?

secret=$(awk '$1 == 2 { print $3 }' "$dir/keyring")
does what_to_do_when && ! grep -q -e "$secret" "$dir/keyring"
told "all keys are replaced" $?
visits "$new" 1 && [ "$(kid "$cookie")" = 3 ]
told "then every session has ended" $?

echo "1..$n"
exit $bad
