#!/usr/bin/python3
"""payload_decoder_test.py - decode payload.txt by PROTOCOL.record's text alone

Shares no code with the library: what this takes, refuses and reads out is
what the text of section Payload says (R-97, R-98)."""
import os
import sys

NAME, USER, ONCE, COMMIT = 256, 256, 64, 16
RECORD = 16 << 20


class Parse(Exception):
    pass


class TooBig(Exception):
    pass


class Octets:
    def __init__(self, b):
        self.b, self.at = b, 0

    def left(self):
        return len(self.b) - self.at

    def get(self, n):
        if n > self.left():
            raise Parse('ends too early')
        self.at += n
        return self.b[self.at - n:self.at]

    def int(self):
        v = shift = 0
        while True:
            c = self.get(1)[0]
            v |= (c & 0x7f) << shift
            if v >= 1 << 64 or shift > 63:
                raise Parse('beyond 64 bits')
            if not c & 0x80:
                if c == 0 and shift:
                    raise Parse('not the shortest form')
                return v
            shift += 7

    def time(self):
        v = self.int()
        if v >= 1 << 63:
            raise Parse('no time')
        return v

    def few(self, limit):
        v = self.int()
        if v > limit:
            raise TooBig('%d over %d' % (v, limit))
        return v

    def ended(self, n):
        """n octets and the NUL that is not counted."""
        s = self.get(n)
        if self.get(1) != b'\0':
            raise Parse('no NUL after it')
        return s

    def name(self, n):
        s = self.ended(n)
        if 0 in s:
            raise Parse('a NUL inside')
        return s


def hexed(b):
    return b.hex() or '""'


def read_map(o):
    lines, seen, total = [], set(), 0
    names, values = o.int(), o.int()
    for _ in range(names):
        head = o.few(2 * NAME + 1)
        name = o.name(head >> 1)
        if name in seen:
            raise Parse('a name twice')
        seen.add(name)
        lines.append('name %s %s' % (hexed(name),
                                     ('plain', 'counts')[head & 1]))
        for _ in range(o.int()):
            lines.append('value ' + hexed(o.ended(o.int())))
            total += 1
    if total != values:
        raise Parse('%d values, not %d' % (total, values))
    if o.left():
        raise Parse('more after the end')
    return lines


def read_marks(o):
    floor = o.time()
    lines, last = ['floor %d' % floor], None
    for _ in range(o.few(ONCE)):
        jti = o.get(16)
        issued = o.time()
        if issued <= floor or (last is not None and (issued, jti) <= last):
            raise Parse('used marks out of order')
        last = (issued, jti)
        lines.append('once %s %d' % (jti.hex(), issued))
    ids = [o.get(8) for _ in range(o.few(COMMIT))]
    if len(set(ids)) != len(ids):
        raise Parse('a commit id twice')
    return lines + ['commit ' + i.hex() for i in ids]


def read_record(b):
    if len(b) > RECORD:
        raise TooBig('the whole')
    o = Octets(b)
    if o.get(1) != b'\1':
        raise Parse('another version')
    flags = o.get(1)[0]
    kind, mindset = flags & 3, flags >> 2 & 3
    if kind == 3 or mindset == 3 or flags >> 6:
        raise Parse('unknown flags')
    if kind == 1:
        if flags != 1 or o.left():
            raise Parse('an ended stub with more')
        return ['kind ended']
    lines = ['kind ' + ('live', '', 'moved')[kind],
             'mindset ' + ('none', 'forgetful', 'unforgetful')[mindset],
             'fresh %d' % (flags >> 4 & 1), 'psk ' + o.get(32).hex(),
             'id_since %d' % o.time(), 'login %d' % o.time()]
    if flags & 32:
        lines.append('user ' + hexed(o.name(o.few(USER))))
    if kind == 2:
        lines += ['grace_until %d' % o.time(), 'succ ' + o.get(45).hex()]
    return lines + read_marks(o) + read_map(o)


def read_alone(b):
    return read_map(Octets(b))


READ = {'ok': read_record, 'bad': read_record,
        'map': read_alone, 'badmap': read_alone}


def cases(path):
    with open(path, encoding='ascii') as f:
        it = iter(f)
        for line in it:
            line = line.strip()
            if not line or line.startswith('#'):
                continue
            kind, label = line.split(' ', 1)
            payload, want = '', []
            for line in it:
                line = line.strip()
                if line == 'end':
                    break
                if line.startswith('payload '):
                    payload += line[8:].replace('""', '')
                else:
                    want.append(line)
            yield kind, label, bytes.fromhex(payload), want


count = failed = 0


def t(good, text):
    global count, failed
    count += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, text))


def outcome(read, b):
    try:
        return read(b)
    except Parse:
        return 'parse'
    except TooBig:
        return 'toobig'


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for kind, label, b, want in cases(os.path.join(here, 'payload.txt')):
        read = READ[kind]
        if kind.startswith('bad'):
            code, label = label.split(' ', 1)
            got = outcome(read, b)
            t(got == code, 'R-97 refused, %s: %s' % (code, label))
            continue
        got = outcome(read, b)
        t(got == want, 'R-97 %s: %s' % (kind, label))
        if got != want:
            print('# got', got)
        cut = [n for n in range(len(b)) if isinstance(outcome(read, b[:n]),
                                                      list)]
        t(not cut, 'R-98 cut anywhere it is nothing: %s' % label)
        t(outcome(read, b + b'\0') == 'parse',
          'R-98 nothing may follow: %s' % label)
    t(count > 80, 'the vectors are there')
    print('1..%d' % count)
    return failed != 0


sys.exit(main())
