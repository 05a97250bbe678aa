/*
 * newid.pml - rotation, log-in and log-out over several keys
 *
 * A store has no transaction over two keys.  What session/ does instead
 * (PROTOCOL.record; ARCHITECTURE, Concurrency):
 *
 *   COMMIT  replace(expected); ECONFLICT: read, replay, again; the record is
 *           gone or an ended stub: EGONE; a moved stub: go on at its
 *           successor.  Undecided as in commit.pml.
 *   ROTATE  create(new, with all operations), replace(old, expected, moved
 *           stub).  ECONFLICT: read old, replay, replace(new), again.  Old is
 *           gone or ended: remove(new), EGONE.  Old is a stub of its own:
 *           done.  Of another's: remove(new), commit at the successor.
 *   LOGIN   the same with an ended stub, known as its own by the revision
 *           of any attempt; another's rotation: log in from its successor.
 *   LATE    a commit that is undecided and then repeated with a new id:
 *           every reading of old looks for the first attempt.
 *   LOGOUT  remove(expected) in a loop with reading again; of a moved stub
 *           the successor first, then the stub.  An ended stub is removed
 *           as well; what the log-in has begun stays.
 *
 * A create without an answer is not sent again; nor is a rewrite of new.
 * Each of R0, R1, R2 is one request, begun under any id that the browser
 * knows at that time.  Any request to the store may stay unanswered, and
 * arrive later or never (-DLOCAL: at once or never); any client may be
 * killed at any request.
 *
 * Promised: one usable record at most; exactly one, unless somebody logs out
 * or a log-in goes astray (its answer, with the new id, never left); each
 * acknowledged addition in it, none twice, none that was refused with
 * EGONE.  After a log-in the old id opens nothing.  After a log-out no id
 * opens anything.
 *
 * Defects to be found: UPSERT NO_RECHECK NO_REBASE NO_FOLLOW NO_OWN OWN_LAST
 * UNDO_AT_ONCE BUSY_UNDO LOGIN_MOVED NO_LATE_RECHECK
 * DROP_IDS
 */
#ifndef R0
#define R0 ROTATE
#endif
#ifndef R1
#define R1 COMMIT
#endif
#ifndef R2
#define R2 NOBODY
#endif
#ifndef LOSE
#define LOSE 1
#endif
#ifndef KILL
#define KILL 1
#endif
#ifndef TRIES
#define TRIES 3	/* rounds of one request; then EBUSY */
#endif

#define NOBODY 0
#define COMMIT 1
#define ROTATE 2
#define LOGIN 3
#define LOGOUT 4
#define LATE 5		/* an undecided commit is repeated as a rotation */

#define CLIENTS 3
#define KEYS 7		/* 0, then two new ids for each client */
#define NEWKEY(i, n) (1 + 2 * (i) + (n))

/* kinds of record; requests */
#define LIVE 1
#define ENDED 2
#define MOVED 3
#define CREATE 4
#define REPLACE 5
#define REMOVE 6

/* One revision a write: whose, and which of his. */
#define REVISION(i, n) (1 + 16 * (i) + (n))
#define OWNER(rev) ((rev) == 0 -> 255 : ((rev) - 1) / 16)

mtype = { NONE, DONE, CONFLICT, NOTFOUND, EXISTS };
mtype = { RUNNING, OK, GONE, BUSY, UNKNOWN, DEAD };

typedef Record {
	byte kind;		/* 0: none */
	byte counter, rev;
	byte sum;		/* two bits a client: what it has added */
	byte ids;		/* one bit a client: its commit id */
	byte succ
};

typedef Flight {
	byte op, at, want;
	Record what
};

Record stored[KEYS];
Flight flight[LOSE + 1];
mtype result[CLIENTS] = RUNNING;
bit unsure[CLIENTS];		/* a write of it was not answered */
byte role[CLIENTS];
byte known = 1;			/* ids that the browser was given, a bit each */
bit loggedin, loggedout;
byte lost, killed;

hidden byte x, y, z, usable, record;
hidden mtype answer;
hidden Record w;		/* the request in hand */
hidden byte wop, wat, wwant;

#ifdef DROP_IDS
#define IDS(ids_) (1 << me)
#else
#define IDS(ids_) ((ids_) | (1 << me))
#endif

#define ADDED(sum_, i) (((sum_) >> (2 * (i))) & 3)

inline copy(to, from)
{
	to.kind = from.kind;
	to.counter = from.counter;
	to.rev = from.rev;
	to.sum = from.sum;
	to.ids = from.ids;
	to.succ = from.succ
}

inline make(kind_, counter_, rev_, sum_, ids_, succ_)
{
	w.kind = kind_;
	w.counter = counter_;
	w.rev = rev_;
	w.sum = sum_;
	w.ids = ids_;
	w.succ = succ_
}

inline store_does(op_, at_, want_, body)
{
	if
	:: op_ == CREATE && stored[at_].kind != 0 -> answer = EXISTS
	:: op_ == CREATE && stored[at_].kind == 0 ->
		copy(stored[at_], body);
		answer = DONE
#ifdef UPSERT
	:: op_ == REPLACE && stored[at_].kind == 0 ->
		copy(stored[at_], body);
		answer = DONE
#else
	:: op_ == REPLACE && stored[at_].kind == 0 -> answer = NOTFOUND
#endif
	:: op_ == REMOVE && stored[at_].kind == 0 -> answer = DONE
	:: op_ >= REPLACE && stored[at_].kind != 0 &&
	    stored[at_].rev != want_ -> answer = CONFLICT
	:: op_ == REPLACE && stored[at_].kind != 0 &&
	    stored[at_].rev == want_ ->
		copy(stored[at_], body);
		answer = DONE
	:: op_ == REMOVE && stored[at_].kind != 0 &&
	    stored[at_].rev == want_ ->
		make(0, 0, 0, 0, 0, 0);
		copy(stored[at_], w);
		answer = DONE
	fi;
	assert((stored[at_].sum & 42) == 0)	/* counted twice */
}

/* Answered; or not, and on its way. */
inline request(op_, at_, want_)
{
	wop = op_;
	wat = at_;
	wwant = want_;
	if
	:: store_does(wop, wat, wwant, w)
#ifdef LOCAL
	:: lost < LOSE -> lost++; store_does(wop, wat, wwant, w); answer = NONE
	:: lost < LOSE -> lost++; answer = NONE
#else
	:: lost < LOSE ->
		flight[lost].op = wop;
		flight[lost].at = wat;
		flight[lost].want = wwant;
		copy(flight[lost].what, w);
		lost++;
		answer = NONE
#endif
	fi;
	make(0, 0, 0, 0, 0, 0);
	if
	:: killed < KILL -> killed++; result[me] = DEAD; goto end
	:: true
	fi
}

/* Is that stub of this request? */
#if defined(NO_OWN)
#define MINE(r_) false
#elif defined(OWN_LAST)
#define MINE(r_) (r_.kind != LIVE && r_.rev == REVISION(me, n))
#else
#define MINE(r_) ((r_.kind == MOVED && r_.succ == new) || \
	(r_.kind == ENDED && OWNER(r_.rev) == me))
#endif

/* How many live records a browser can open, and one of them. */
inline count_usable()
{
	usable = 0;
	z = 0;
	for (x : 0 .. KEYS - 1) {
		y = x;
		do
		:: stored[y].kind == MOVED -> y = stored[y].succ
		:: else -> break
		od;
		if
		:: (known & (1 << x)) && stored[y].kind == LIVE &&
		    !(z & (1 << y)) ->
			z = z | (1 << y);
			usable++;
			record = y
		:: else
		fi
	}
	x = 0;
	y = 0;
	z = 0
}

/* The answer goes to the browser, with the id in its Set-Cookie. */
inline acknowledge(at_)
{
	known = known | (1 << at_);
	result[me] = OK;
	if
	:: what == LOGIN -> loggedin = 1
	:: else
	fi
}

proctype client(byte me; byte what)
{
	Record seen;
	byte at, new, newrev, stubrev, n, ids, tries, base, attempt;
	byte stub[2], depth;
	bit undecided, done, theirs;

	/* begin: under any id that the browser knows */
	atomic {
		if
		:: at = 0
		:: (known & 2) -> at = 1
		:: (known & 4) -> at = 2
		:: (known & 8) -> at = 3
		:: (known & 16) -> at = 4
		:: (known & 32) -> at = 5
		:: (known & 64) -> at = 6
		fi;
		if
		:: what == LOGOUT -> goto logout
		:: else
		fi
	};
follow:
	atomic {
		copy(seen, stored[at]);
		if
		:: seen.kind == MOVED -> at = seen.succ; goto follow
		:: seen.kind == LIVE && (what == COMMIT || what == LATE) ->
			goto commit
		:: seen.kind == LIVE && what != COMMIT && what != LATE ->
			goto create
		:: else -> result[me] = GONE; goto end
		fi
	};

	/* ---- commit ---- */
commit:
	atomic {
		if
		:: tries == TRIES ->
			result[me] = (undecided -> UNKNOWN : BUSY);
			goto end
		:: else
		fi;
		tries++;
		n++;
		make(LIVE, seen.counter + 1, REVISION(me, n),
		    seen.sum + (1 << (2 * me)), seen.ids | (1 << me), 0);
		request(REPLACE, at, seen.rev);
		if
		:: answer == DONE -> acknowledge(at); goto end
		:: answer == CONFLICT -> goto again
		:: answer == NOTFOUND -> result[me] = GONE; goto end
		:: answer == NONE ->
			unsure[me] = 1;
			undecided = 1;
			base = seen.counter + 1;
			attempt = REVISION(me, n);
			if
			:: result[me] = UNKNOWN; goto end
			:: what != LATE -> goto again
			:: what == LATE -> what = ROTATE; goto late
			fi
		fi
	};
again:
	atomic {
		copy(seen, stored[at]);
		if
		:: seen.kind == MOVED -> at = seen.succ; goto again
		:: seen.kind == 0 || seen.kind == ENDED ->
			result[me] = GONE;
			goto end
		:: else
		fi;
#ifdef NO_RECHECK
		goto commit;
#endif
#ifdef LOCAL
		if
		:: undecided && seen.rev == attempt -> acknowledge(at); goto end
		:: undecided && seen.rev != attempt && seen.counter > base ->
			result[me] = UNKNOWN;
			goto end
		:: else -> goto commit
		fi
#else
		if
		:: undecided && (seen.ids & (1 << me)) ->
			acknowledge(at);
			goto end
		:: else -> goto commit
		fi
#endif
	};

	/* ---- rotate, log in ---- */
late:
	atomic {
		copy(seen, stored[at]);
		if
		:: seen.kind == MOVED -> at = seen.succ; goto late
		:: seen.kind == 0 || seen.kind == ENDED ->
			result[me] = GONE;
			goto end
		:: else
		fi;
#ifdef LOCAL
		done = (seen.rev == attempt);
		if
		:: !done && seen.counter > base ->
			result[me] = UNKNOWN;
			goto end
		:: else
		fi
#else
		done = (seen.ids >> me) & 1
#endif
	};
create:
	atomic {
		if
		:: ids == 2 || tries == TRIES -> result[me] = BUSY; goto end
		:: else
		fi;
		new = NEWKEY(me, ids);
		ids++;
		n++;
		newrev = REVISION(me, n);
		make(LIVE, seen.counter + 1, newrev,
		    seen.sum + (done -> 0 : 1 << (2 * me)), IDS(seen.ids), 0);
		request(CREATE, new, 0);
		if
		:: answer == DONE -> goto stub_old
		:: answer == NONE ->
			unsure[me] = 1;
			result[me] = UNKNOWN;
			goto end
		:: else -> assert(0)	/* no key is created twice */
		fi
	};
stub_old:
	atomic {
		if
#ifndef BUSY_UNDO
		:: tries == TRIES && unsure[me] ->
			/* A stub may be on its way: new has to stay. */
			result[me] = UNKNOWN;
			goto end
		:: tries == TRIES && !unsure[me] ->
#else
		:: tries == TRIES ->
#endif
			result[me] = BUSY;
			goto undo
		:: else
		fi;
		tries++;
		n++;
#ifndef LOGIN_MOVED
		if
		:: what == LOGIN ->
			make(ENDED, seen.counter + 1, REVISION(me, n), 0, 0, 0)
		:: else ->
#else
		if
		:: true ->
#endif
			make(MOVED, seen.counter + 1, REVISION(me, n),
			    seen.sum, seen.ids, new)
		fi;
		request(REPLACE, at, seen.rev);
		if
		:: answer == DONE -> acknowledge(new); goto end
		:: answer == CONFLICT -> goto resolve
		:: answer == NOTFOUND -> result[me] = GONE; goto undo
		:: answer == NONE ->
			unsure[me] = 1;
			stubrev = REVISION(me, n);
#ifdef UNDO_AT_ONCE
			result[me] = UNKNOWN;
			goto undo;
#endif
			if
			:: result[me] = UNKNOWN; goto end
			:: goto resolve
			fi
		fi
	};
resolve:
	atomic {
		base = seen.rev;
		copy(seen, stored[at]);
#ifndef LOCAL
#ifndef NO_LATE_RECHECK
		done = (seen.ids >> me) & 1;
#endif
#endif
		if
		:: MINE(seen) -> acknowledge(new); goto end
		:: seen.kind == MOVED && !MINE(seen) -> goto leave
		:: seen.kind == LIVE && seen.rev == base -> goto stub_old
#ifdef NO_REBASE
		:: seen.kind == LIVE && seen.rev != base -> goto stub_old
#else
		:: seen.kind == LIVE && seen.rev != base -> goto rebase
#endif
		:: else -> result[me] = GONE; goto undo
		fi
	};
rebase:
	atomic {
		base = newrev;
		n++;
		newrev = REVISION(me, n);
		make(LIVE, seen.counter + 1, newrev,
		    seen.sum + (done -> 0 : 1 << (2 * me)), IDS(seen.ids), 0);
		request(REPLACE, new, base);
		if
		:: answer == DONE -> goto stub_old
		:: answer == NONE ->
			unsure[me] = 1;
			result[me] = UNKNOWN;
			goto end
		:: else -> result[me] = GONE; goto end
		fi
	};
undo:
	atomic {
		request(REMOVE, new, newrev);
		goto end
	};
leave:
	atomic {
		request(REMOVE, new, newrev);
		at = seen.succ;
		if
		:: what == ROTATE -> what = COMMIT; goto again
		:: else -> goto follow
		fi
	};

	/* ---- log out ---- */
logout:
	atomic {
		copy(seen, stored[at]);
		if
		:: seen.kind == 0 -> goto ended
		:: seen.kind == ENDED -> theirs = 1; goto remove
#ifndef NO_FOLLOW
		:: seen.kind == MOVED ->
			stub[depth] = at;
			depth++;
			at = seen.succ;
			goto logout
#else
		:: seen.kind == MOVED -> goto remove
#endif
		:: seen.kind == LIVE -> goto remove
		fi
	};
remove:
	atomic {
		if
		:: tries == TRIES + 2 -> result[me] = BUSY; goto end
		:: else
		fi;
		tries++;
		request(REMOVE, at, seen.rev);
		if
		:: answer == DONE -> goto ended
		:: answer == CONFLICT -> goto logout
		:: answer == NONE -> result[me] = UNKNOWN; goto end
		:: answer == NONE -> goto logout
		fi
	};
ended:
	atomic {
		if
		:: depth > 0 ->
			depth--;
			at = stub[depth];
			stub[depth] = 0;
			copy(seen, stored[at]);
			if
			:: seen.kind == 0 -> goto ended
			:: else -> goto remove
			fi
		:: else
		fi;
		if
		:: theirs -> result[me] = GONE; goto end /* of a log-in */
		:: else
		fi;
		result[me] = OK;
		loggedout = 1;
		count_usable();
		assert(usable == 0)
	};
end:
	atomic {
		make(0, 0, 0, 0, 0, 0);
		copy(seen, w);
		at = 0; new = 0; newrev = 0; stubrev = 0; n = 0; ids = 0;
		tries = 0; base = 0; attempt = 0; stub[0] = 0; stub[1] = 0;
		depth = 0; undecided = 0; done = 0; theirs = 0
	}
}

inline arrive(f)
{
	store_does(flight[f].op, flight[f].at, flight[f].want, flight[f].what);
	flight[f].op = 0;
	flight[f].at = 0;
	flight[f].want = 0;
	make(0, 0, 0, 0, 0, 0);
	copy(flight[f].what, w)
}

active proctype network()
{
end_network:
	do
	:: atomic { flight[0].op != 0 -> arrive(0) }
#if LOSE > 1
	:: atomic { flight[1].op != 0 -> arrive(1) }
#endif
	od
}

#define HAS(r_) (R0 == r_ || R1 == r_ || R2 == r_)
#define ASTRAY(i) \
	(role[i] == LOGIN && (result[i] == DEAD || result[i] == UNKNOWN))
#define OVER(i) (role[i] == NOBODY || result[i] != RUNNING)

inline check(i)
{
	if
	:: role[i] != NOBODY && role[i] != LOGOUT && usable == 1 ->
		assert(!(result[i] == OK &&
		    ADDED(stored[record].sum, i) != 1));
		assert(!(result[i] == GONE && !unsure[i] &&
		    ADDED(stored[record].sum, i) != 0))
	:: else
	fi
}

/* When all have ended: at any time after, whatever still arrives. */
active proctype watch()
{
end_watch:
	atomic {
		(OVER(0) && OVER(1) && OVER(2) && _nr_pr == 2) ->
		count_usable();
		assert(usable <= 1);
		assert(!(loggedout && usable > 0));
		assert(!(!HAS(LOGOUT) && !ASTRAY(0) && !ASTRAY(1) &&
		    !ASTRAY(2) && usable != 1));
		check(0);
		check(1);
		check(2);
		/* What a log-in has left behind opens nothing. */
		x = 0;
		do
		:: stored[x].kind == MOVED -> x = stored[x].succ
		:: else -> break
		od;
		assert(!(loggedin && stored[x].kind == LIVE));
		x = 0
	}
}

init {
	atomic {
		stored[0].kind = LIVE;
		stored[0].counter = 1;
		role[0] = R0;
		role[1] = R1;
		role[2] = R2;
		run client(0, R0);
		if
		:: R1 != NOBODY -> run client(1, R1)
		:: else
		fi;
		if
		:: R2 != NOBODY -> run client(2, R2)
		:: else
		fi
	}
}
