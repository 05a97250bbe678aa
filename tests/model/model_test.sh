#!/bin/sh
# model_test.sh - commit.pml and newid.pml hold; each seeded defect is found
#
# A model that cannot fail proves nothing: every rule of the protocol that a
# model states is left out once, and spin must find what that breaks.
dir=$(cd "$(dirname "$0")" && pwd) || exit 1
cc=${CC:-cc}
n=0
bad=0

if ! command -v spin >/dev/null 2>&1; then
	echo "ok 1 # SKIP spin is not installed"
	echo "1..1"
	exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/sstate-model.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "$dir"/*.pml "$work" && cd "$work" || exit 1

say() { # good text
	n=$((n + 1))
	if [ "$1" = 1 ]; then
		echo "ok $n - $2"
	else
		bad=$((bad + 1))
		echo "not ok $n - $2"
		sed 's/^/# /' out
	fi
}

# optimise model flags...: leaves what pan says in out
explore() {
	opt=$1
	model=$2
	shift 2
	rm -f pan pan.* _spin* ./*.trail
	spin -a "$@" "$model.pml" >out 2>&1 || return 1
	$cc "$opt" -w -DSAFETY -DCOLLAPSE -DMEMLIM=1400 -o pan pan.c >out 2>&1 ||
		return 1
	timeout 300 ./pan -m20000 -n >out 2>&1
}

holds() { # text model flags...
	text=$1
	shift
	good=0
	opt=-O0 # a small model takes longer to compile than to explore
	[ "$1" = newid ] || opt=-O1
	if explore $opt "$@" && grep -q 'errors: 0$' out &&
	    ! grep -q -e 'not completed' -e 'depth too small' out; then
		good=1
	fi
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' out)
	say $good "$text ($*: ${states:-no} states)"
}

breaks() { # text model flags...
	text=$1
	shift
	good=0
	explore -O0 "$@"
	if grep -q '^pan:1: assertion violated' out; then
		good=1
	fi
	say $good "found: $text ($*)"
}

holds "R-33 commits, an answer lost, a client killed" commit -DLOSE=1
holds "R-33 two answers lost, ids pushed out of the record" \
    commit -DPAIR -DMORE=4
holds "R-26 ended stays ended" commit -DEND -DMORE=1
holds "R-33 a store that answers late or never no more" commit -DLOCAL -DKILL=0
holds "R-26 the same, ended" commit -DLOCAL -DEND
breaks "a write without a comparison" commit -DNO_CAS
breaks "a write that makes the record anew" commit -DUPSERT -DEND
breaks "no answer taken for a lost race" commit -DBLIND
breaks "the commit id looked for once only" commit -DNO_RECHECK
breaks "a commit id for each attempt" commit -DNEW_ID
breaks "replay, however many commits came after" commit -DPAIR -DMORE=3 \
    -DNO_WINDOW
breaks "the window one too wide" commit -DPAIR -DMORE=3 -DWINDOW_OFF=1
breaks "local: no answer taken for a lost race" commit -DLOCAL -DBLIND
breaks "local: replay on a record that moved on" commit -DLOCAL -DNO_WINDOW

holds "R-33 rotation beside two commits" newid -DR2=COMMIT
holds "R-33 rotation, rotation, commit" newid -DR2=ROTATE
holds "R-24 rotation, log-in, commit" newid -DR2=LOGIN
holds "R-24 two log-ins and a commit" newid -DR0=LOGIN -DR2=LOGIN
holds "R-25 rotations and a log-out" newid -DR1=ROTATE -DR2=LOGOUT
holds "R-25 rotation, log-in, log-out" newid -DR1=LOGIN -DR2=LOGOUT
holds "R-25 rotation and two log-outs" newid -DR1=LOGOUT -DR2=LOGOUT -DLOSE=2
holds "two answers lost" newid -DR1=ROTATE -DLOSE=2
holds "two answers lost, log-in" newid -DR0=LOGIN -DLOSE=2
holds "an undecided commit, repeated with a new id" newid -DR0=LATE -DLOSE=2
holds "local stores" newid -DLOCAL -DR0=LATE -DR2=LOGIN
breaks "a stub that makes the record anew" newid -DUPSERT -DR1=LOGOUT
breaks "no answer taken for a lost race" newid -DNO_RECHECK
breaks "the new record is not written again" newid -DNO_REBASE
breaks "log-out does not follow the stub" newid -DNO_FOLLOW -DR1=LOGOUT
breaks "its own moved stub is not known" newid -DNO_OWN
breaks "its own ended stub is not known" newid -DNO_OWN -DR0=LOGIN
breaks "only the last stub is known as its own" newid -DOWN_LAST -DR0=LOGIN \
    -DLOSE=2
breaks "the same, of a rotation" newid -DOWN_LAST -DLOSE=2
breaks "the new record removed when no answer came" newid -DUNDO_AT_ONCE
breaks "the new record removed when time was up" newid -DBUSY_UNDO -DLOSE=2 \
    -DR2=COMMIT
breaks "a log-in leaves a stub that is followed" newid -DLOGIN_MOVED -DR0=LOGIN
breaks "repeated with a new id, and not looked for" newid -DNO_LATE_RECHECK \
    -DR0=LATE -DLOSE=2
breaks "a rotation drops the commit ids" newid -DDROP_IDS

echo "1..$n"
echo "# $((n - bad)) passed, $bad failed"
[ "$bad" = 0 ]
