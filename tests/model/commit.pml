/*
 * commit.pml - one record, commits by compare-and-swap, replay, lost answers
 *
 * What session/ does (ARCHITECTURE, Concurrency; PROTOCOL.record):
 *
 *   replace(expected = the revision read); ECONFLICT: read, replay, again;
 *   ENOTFOUND: EGONE.  No answer: ESTORE, the commit is undecided, and a
 *   repeated commit reads first and looks for itself.
 *
 *   remote stores: each commit has an id, kept over its attempts; the record
 *   carries the last RING.  Found: done.  Not found, and the counter RING or
 *   more beyond the first undecided attempt: it stays undecided.
 *   -DLOCAL: no id; a write that failed has happened at once or never.  The
 *   attempted revision is there: done.  The counter beyond it: undecided.
 *
 * The store: a request that was not answered is in flight; it arrives later
 * or never.  Any client may be killed at any request.  Client 0 commits once,
 * client 1 MORE times (so that ids are pushed out), client 2 once, or ends
 * the session (-DEND), or is not there (-DPAIR).
 *
 * Promised: no commit counts twice; none that was acknowledged is lost; what
 * was refused with EGONE is not there; what was ended stays so.
 *
 * Defects to be found: NO_CAS UPSERT BLIND NO_RECHECK NO_WINDOW WINDOW_OFF=1
 * NEW_ID
 */
#ifndef RING
#define RING 2
#endif
#ifndef MORE
#define MORE 2
#endif
#ifndef LOSE
#define LOSE 2	/* answers lost, in all */
#endif
#ifndef KILL
#define KILL 1	/* clients killed */
#endif
#ifndef TRIES
#define TRIES 3	/* attempts of one commit; then EBUSY */
#endif

#ifndef WINDOW_OFF
#define WINDOW_OFF 0	/* a defect: 1 */
#endif

#define COMMITS (MORE + 2)

typedef Record {
	bit live;
	byte counter;
	byte nonce;		/* with counter: the revision; one a write */
	byte sum[COMMITS];	/* what each commit has added */
	byte ring[RING]		/* commit ids, newest first */
};

typedef Flight {
	byte kind;		/* 0: none */
	byte expected;
	Record what
};

#define REPLACE 1
#define REMOVE 2

mtype = { NONE, DONE, CONFLICT, NOTFOUND };
mtype = { RUNNING, OK, GONE, BUSY, UNKNOWN };

Record stored;
Flight flight[LOSE];
mtype result[COMMITS] = RUNNING;
bit unsure[COMMITS];		/* a write of it was not answered */
bit ended;			/* and acknowledged */
byte lost, killed;

hidden byte x, y;
hidden mtype answer;
hidden Record w;		/* the request in hand */
hidden byte wkind, wexpected;

#define ID(n, try) (1 + (n) * TRIES + (try))

inline copy(to, from)
{
	to.live = from.live;
	to.counter = from.counter;
	to.nonce = from.nonce;
	for (x : 0 .. COMMITS - 1) {
		to.sum[x] = from.sum[x]
	}
	for (x : 0 .. RING - 1) {
		to.ring[x] = from.ring[x]
	}
	x = 0
}

inline wiped(r)
{
	r.live = 0;
	r.counter = 0;
	r.nonce = 0;
	for (x : 0 .. COMMITS - 1) {
		r.sum[x] = 0
	}
	for (x : 0 .. RING - 1) {
		r.ring[x] = 0
	}
	x = 0
}

/* Every state of the record passes here: what must hold in each. */
inline store_does(op, want, body)
{
	if
	:: op == REPLACE && !stored.live ->
#ifdef UPSERT
		copy(stored, body);
		answer = DONE
#else
		answer = NOTFOUND
#endif
#ifndef NO_CAS
	:: op == REPLACE && stored.live && stored.nonce != want ->
		answer = CONFLICT
	:: op == REPLACE && stored.live && stored.nonce == want ->
#else
	:: op == REPLACE && stored.live ->
#endif
		copy(stored, body);
		answer = DONE
	:: op == REMOVE && stored.live && stored.nonce != want ->
		answer = CONFLICT
	:: op == REMOVE && !(stored.live && stored.nonce != want) ->
		wiped(stored);
		answer = DONE
	fi;
	assert(!(ended && stored.live));	/* ended comes back */
	for (x : 0 .. COMMITS - 1) {
		assert(stored.sum[x] <= 1);	/* counted twice */
		assert(!(stored.live && result[x] == OK &&
		    stored.sum[x] == 0))	/* acknowledged, lost */
	}
	x = 0
}

/* Answered; or not, and on its way. */
inline request()
{
	if
	:: store_does(wkind, wexpected, w)
#ifdef LOCAL
	:: lost < LOSE -> lost++; store_does(wkind, wexpected, w); answer = NONE
	:: lost < LOSE -> lost++; answer = NONE
#else
	:: lost < LOSE ->
		flight[lost].kind = wkind;
		flight[lost].expected = wexpected;
		copy(flight[lost].what, w);
		lost++;
		answer = NONE
#endif
	fi
}

/* The counter's owner is commit n of all. */
inline replay(n, r, nonce_)
{
	copy(w, r);
	w.live = 1;
	w.counter = r.counter + 1;
	w.nonce = nonce_;
	w.sum[n] = w.sum[n] + 1;
	for (x : 1 .. RING - 1) {
		w.ring[RING - x] = w.ring[RING - x - 1]
	}
#ifdef NEW_ID
	w.ring[0] = nonce_;
#else
	w.ring[0] = ID(n, 0);
#endif
	x = 0;
	wkind = REPLACE;
	wexpected = r.nonce
}

inline look_for(id, r)
{
	y = 0;
	for (x : 0 .. RING - 1) {
		if
		:: r.ring[x] == id -> y = 1
		:: else
		fi
	}
	x = 0
}

inline finish(n, how)
{
	result[n] = how;
	/* EGONE: nothing was written, unless nobody could know. */
	assert(!(how == GONE && !unsure[n] && stored.live &&
	    stored.sum[n] > 0));
	assert(!(how == OK && stored.live && stored.sum[n] == 0))
}

proctype client(byte first; byte last)
{
	Record seen;
	byte n, try, base, attempt;
	bit undecided, looked;

	n = first;
next:
	atomic {
		if
		:: n > last -> goto end
		:: else
		fi;
		try = 0;
		undecided = 0;
		looked = 0;
		base = 0;
		attempt = 0;
		if
		:: !stored.live -> finish(n, GONE); n++; goto next
		:: else -> copy(seen, stored)
		fi
	};
again:
	atomic {
		if
		:: try == TRIES ->
			finish(n, (undecided -> UNKNOWN : BUSY));
			n++;
			goto next
		:: else
		fi;
		replay(n, seen, ID(n, try));
		try++;
		request();
		if
		:: killed < KILL -> killed++; goto end
		:: true
		fi;
		if
		:: answer == DONE -> finish(n, OK); n++; goto next
		:: answer == NOTFOUND -> finish(n, GONE); n++; goto next
		:: answer == CONFLICT -> goto reread
		:: answer == NONE ->
			unsure[n] = 1;
#ifdef BLIND
			goto reread;
#endif
#ifndef LOCAL
			if
			:: !undecided -> base = seen.counter + 1
			:: else
			fi;
#else
			base = seen.counter + 1;
#endif
			attempt = ID(n, try - 1);
			undecided = 1;
			looked = 0;
			if
			:: finish(n, UNKNOWN); n++; goto next
			:: goto reread
			fi
		fi
	};
reread:
	atomic {
		if
		:: !stored.live -> finish(n, GONE); n++; goto next
		:: else -> copy(seen, stored)
		fi;
#ifdef NO_RECHECK
		if
		:: !undecided || looked -> goto again
		:: else -> looked = 1
		fi;
#endif
		if
		:: !undecided -> goto again
		:: else
		fi;
#ifdef LOCAL
		y = (seen.nonce == attempt && seen.counter == base);
#else
#ifdef NEW_ID
		look_for(attempt, seen);
#else
		look_for(ID(n, 0), seen);
#endif
#endif
		if
		:: y -> y = 0; finish(n, OK); n++; goto next
#ifndef NO_WINDOW
#ifdef LOCAL
		:: !y && seen.counter > base ->
#else
		:: !y && seen.counter >= base + RING + WINDOW_OFF ->
#endif
			finish(n, UNKNOWN); n++; goto next
#endif
		:: else -> goto again
		fi
	};
end:
	skip
}

proctype ender()
{
	byte expected;

again:
	atomic {
		if
		:: !stored.live -> goto done
		:: else -> expected = stored.nonce
		fi
	};
	atomic {
		wiped(w);
		wkind = REMOVE;
		wexpected = expected;
		request();
		if
		:: killed < KILL -> killed++; goto end
		:: true
		fi;
		if
		:: answer == DONE -> goto done
		:: answer == CONFLICT -> goto again
		:: answer == NONE -> goto end
		:: answer == NONE -> goto again
		fi
	};
done:
	atomic {
		ended = 1;
		assert(!stored.live)
	};
end:
	skip
}

inline arrive(f)
{
	store_does(flight[f].kind, flight[f].expected, flight[f].what);
	flight[f].kind = 0;
	flight[f].expected = 0;
	wiped(flight[f].what)
}

/* What was in flight arrives, in any order, at any time, or never. */
active proctype network()
{
end_network:
	do
	:: atomic { flight[0].kind != 0 -> arrive(0) }
#if LOSE > 1
	:: atomic { flight[1].kind != 0 -> arrive(1) }
#endif
	od
}

init {
	atomic {
		stored.live = 1;
		stored.counter = 1;
		run client(0, 0);
		run client(1, MORE);
#ifdef END
		run ender()
#elif !defined(PAIR)
		run client(MORE + 1, MORE + 1)
#endif
	}
}
