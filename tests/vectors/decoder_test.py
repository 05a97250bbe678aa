#!/usr/bin/python3
# decoder_test.py - an independent reader of the vectors of this folder
# usage: /usr/bin/python3 decoder_test.py		prints TAP
#
# It follows PROTOCOL.token, PROTOCOL.record and PROTOCOL.page with hashlib
# and Cryptodome and shares no code with the library: what both read alike
# is what the documents say.
import base64
import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
count = 0
failed = 0


def ok(good, what):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print('%sok %d - %s' % ('' if good else 'not ', count, what))


# ---- the notation of section 1 of the documents


def le(n, size):
    return n.to_bytes(size, 'little')


def lp(x):
    return le(len(x), 8) + x


def B(key, n, *parts):
    return hashlib.blake2b(b''.join(lp(p) for p in parts),
                           digest_size=n, key=key).digest()


def subkey(secret, number):
    return hashlib.blake2b(b'', digest_size=32, key=secret,
                           salt=le(number, 16),
                           person=b'sstate01'.ljust(16, b'\0')).digest()


def b64(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip('=')


def unb64(text):
    raw = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    assert b64(raw) == text, 'another text for the same bytes'
    return raw


def unpad(data, size):
    body = data.rstrip(b'\0')
    assert body.endswith(b'\x80'), 'no padding mark'
    assert size(len(body) - 1) == len(data), 'another size'
    return body[:-1]


def record_size(n):
    n += 1
    if n <= 4096:
        return (n + 255) // 256 * 256
    e = n.bit_length() - 1
    free = e - e.bit_length()
    return (n + (1 << free) - 1) >> free << free


def page_size(n):
    return (n + 64) // 64 * 64


def aead_open(key, nonce, aad, ct, tag):
    c = ChaCha20_Poly1305.new(key=key, nonce=nonce)
    c.update(aad)
    return c.decrypt_and_verify(ct, tag)


# ---- the files


def blocks(name):
    block = {}
    with open(os.path.join(HERE, name)) as f:
        for line in list(f) + ['\n']:
            line = line.strip()
            if line.startswith('#'):
                continue
            if not line:
                if block:
                    yield block
                block = {}
                continue
            key, _, value = line.partition('=')
            block[key.strip()] = value.strip()


class Block:
    """One block: b.hex('ns') are bytes, b.num('kid') is a number."""

    def __init__(self, d):
        self.d = d

    def hex(self, k):
        return bytes.fromhex(self.d[k])

    def num(self, k):
        return int(self.d[k])

    def text(self, k):
        return self.d[k]


def each(name):
    for d in blocks(name):
        b = Block(d)
        title = '%s: %s' % (name, d['name'])
        try:
            good = KINDS[name](b)
        except (AssertionError, ValueError, KeyError) as e:
            good = False
            title += ' (%s)' % e
        ok(good, title)


# ---- one function a file: True, or an exception


def keys(b):
    s = b.hex('secret')
    names = ['tok', 'dat', 'pag', 'csr', 'usr', 'log', 'kvl', 'kvd']
    got = [subkey(s, i + 1) for i in range(8)]
    return (got == [b.hex(n) for n in names] and
            B(s, 8, b'fp') == b.hex('fp') and
            len(set(got + [s])) == 9)


def user(b):
    k = subkey(b.hex('secret'), 5)
    return B(k, 16, b'usr', b.hex('ns'), b.hex('user')) == b.hex('tag')


def locate(b):
    """The token's three parts and T; checked against its bytes."""
    head = bytes([1, b.num('kid'), b.num('cls')]) + b.hex('sid')
    t = B(subkey(b.hex('secret'), 1), 64, b'tok', b.hex('ns'), head)
    return head, t[:32], t[32:42]


def token(b):
    head, loc, chk = locate(b)
    name = B(subkey(b.hex('secret'), 6), 16, b'log', b.hex('ns'), loc)[:6]
    return (unb64(b.text('text')) == head + chk and loc == b.hex('loc') and
            len(b.text('text')) == 60 and name == b.hex('log'))


def record_okm(b, body):
    head, loc, _ = locate(b)
    return loc, B(subkey(b.hex('secret'), 2), 64, b'rec', b.hex('ns'),
                  b.hex('sid'), b.hex('bind'), body[64:88] + loc + body[:64])


def record(b):
    body = b.hex('body')
    hdr, salt, cm, ct, tag = (body[:64], body[64:88], body[88:120],
                              body[120:-16], body[-16:])
    loc, okm = record_okm(b, body)
    assert hdr == (b'SSR1' + bytes([1, b.num('kid')]) +
                   le(b.num('flags'), 2) + le(b.num('created'), 8) +
                   le(b.num('written'), 8) + le(b.num('abs_expiry'), 8) +
                   le(b.num('idle_deadline'), 8) +
                   le(b.num('revision'), 8) + b.hex('usertag')), 'header'
    assert salt == b.hex('salt'), 'salt'
    assert cm == okm[32:], 'commitment'
    plain = aead_open(okm[:32], salt, lp(b.hex('ns')) + loc + hdr, ct, tag)
    return unpad(plain, record_size) == b.hex('payload')


def commit(b):
    """Two sessions, one ciphertext: the AEAD opens under both keys."""
    body = b.hex('body')
    opened = []
    cms = []
    for sid in ('sid', 'sid2'):
        one = Block(dict(b.d, sid=b.d[sid]))
        loc, okm = record_okm(one, body)
        aad = lp(b.hex('ns')) + loc + body[:64]
        opened.append(unpad(aead_open(okm[:32], body[64:88], aad,
                                      body[120:-16], body[-16:]),
                            record_size))
        cms.append(okm[32:])
    assert opened[0] == b.hex('payload'), 'payload'
    assert opened[0] != opened[1], 'one key after all'
    return cms[0] == body[88:120] and cms[1] != body[88:120]


def page(b):
    raw = unb64(b.text('text'))
    aad, cm, ct, tag = raw[:27], raw[27:59], raw[59:-16], raw[-16:]
    assert aad == (bytes([1, b.num('kid'), b.num('kind')]) +
                   b.hex('salt')), 'head'
    okm = B(subkey(b.hex('secret'), 3), 64, b'pag', b.hex('ns'),
            b.hex('psk'), b.hex('scope'), le(b.num('schema'), 4), aad)
    assert cm == okm[32:], 'commitment'
    plain = unpad(aead_open(okm[:32], aad[3:], aad, ct, tag), page_size)
    return plain == (le(b.num('issued'), 8) + le(b.num('expires'), 8) +
                     le(b.num('revision'), 8) + b.hex('jti') + b.hex('map'))


def refused(b):
    """Authentic by commitment and tag, and no record."""
    body = b.hex('body')
    loc, okm = record_okm(b, body)
    assert okm[32:] == body[88:120], 'commitment'
    plain = aead_open(okm[:32], body[64:88], lp(b.hex('ns')) + loc +
                      body[:64], body[120:-16], body[-16:])
    times = [int.from_bytes(body[i:i + 8], 'little') for i in (8, 16, 24, 32)]
    if (body[:5] != b'SSR1\x01' or int.from_bytes(body[6:8], 'little') > 7 or
            max(times) > 1 << 53):
        return True
    try:
        unpad(plain, record_size)
    except AssertionError:
        return True
    return False


def page_refused(b):
    """Authentic by commitment and tag, and no page state."""
    raw = unb64(b.text('text'))
    aad = raw[:27]
    okm = B(subkey(b.hex('secret'), 3), 64, b'pag', b.hex('ns'),
            b.hex('psk'), b.hex('scope'), le(b.num('schema'), 4), aad)
    assert okm[32:] == raw[27:59], 'commitment'
    plain = aead_open(okm[:32], aad[3:], aad, raw[59:-16], raw[-16:])
    if raw[0] != 1 or raw[2] not in (1, 2):
        return True
    try:
        return len(unpad(plain, page_size)) < 40
    except AssertionError:
        return True


def kv_open(b):
    """Locator, header, and the plaintext as it was padded."""
    s, ns, name, body = (b.hex('secret'), b.hex('ns'), b.hex('key'),
                         b.hex('body'))
    loc = B(subkey(s, 7), 32, b'kvl', ns, name)
    hdr, salt, cm = body[:40], body[40:64], body[64:96]
    okm = B(subkey(s, 8), 64, b'kvd', ns, name, salt + loc + hdr)
    assert cm == okm[32:], 'commitment'
    return loc, hdr, aead_open(okm[:32], salt, lp(ns) + loc + hdr,
                               body[96:-16], body[-16:])


def kv(b):
    loc, hdr, plain = kv_open(b)
    value = unpad(plain, record_size)
    assert hdr == (b'SSK1' + bytes([1, b.num('kid')]) +
                   le(b.num('kind'), 2) + le(b.num('written'), 8) +
                   le(b.num('expires'), 8) + le(b.num('revision'), 8) +
                   le(b.num('from'), 8)), 'header'
    assert b.hex('body')[40:64] == b.hex('salt'), 'salt'
    assert b.num('kind') < 2 or value == b'', 'a stub without a value'
    return loc == b.hex('loc') and value == b.hex('value')


def kv_refused(b):
    """Authentic by commitment and tag, and nothing of kv.h."""
    _, hdr, plain = kv_open(b)
    kind = int.from_bytes(hdr[6:8], 'little')
    written, expires, rev, old = (int.from_bytes(hdr[i:i + 8], 'little')
                                  for i in (8, 16, 24, 32))
    if (hdr[:5] != b'SSK1\x01' or hdr[5] != b.num('kid') or kind > 3 or
            max(written, expires) > 1 << 53 or rev == 0 or
            (kind == 1 and old == 0) or (kind in (0, 3) and old != 0)):
        return True
    try:
        value = unpad(plain, record_size)
    except AssertionError:
        return True
    return kind > 1 and value != b''


def csrf(b):
    raw = unb64(b.text('text'))
    head = (b.hex('salt') + le(b.num('issued'), 4) +
            le(b.num('revision') >> 16, 6))
    mac = B(subkey(b.hex('secret'), 4), 32, b'csr', b.hex('ns'),
            b.hex('psk'), b.hex('action'), head)[:20]
    return len(raw) == 42 and raw == head + mac


def sizes(b):
    n = b.num('n')
    return (record_size(n) == b.num('record') and
            page_size(n) == b.num('page') and
            record_size(n) - n <= max(256, n * 12 // 100))


KINDS = {
    'keys.txt': keys,
    'user.txt': user,
    'token.txt': token,
    'record.txt': record,
    'commit.txt': commit,
    'refused.txt': refused,
    'page.txt': page,
    'page_refused.txt': page_refused,
    'kv.txt': kv,
    'kv_refused.txt': kv_refused,
    'csrf.txt': csrf,
    'sizes.txt': sizes,
}

if __name__ == '__main__':
    try:
        from Cryptodome.Cipher import ChaCha20_Poly1305
    except ImportError:
        print('1..0 # SKIP python3-pycryptodome (Cryptodome) is missing')
        sys.exit(0)
    for kind in KINDS:
        each(kind)
    print('1..%d' % count)
    sys.exit(failed != 0)
