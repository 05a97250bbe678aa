# differential_table.py - inputs for differential_test.py, and what may differ
import re
import urllib.parse

TYPE = b'multipart/form-data; boundary=X'
# Under these names files are asked for.
NAMES = [b'a', b'b', b'f', b'g', b'', b'a\\']


class Case:
    """One input; for cookies, name is the one that is looked for."""

    def __init__(self, kind, data, name=b'', ctype=TYPE):
        self.kind, self.data, self.name, self.ctype = kind, data, name, ctype

    def __str__(self):
        return '%s %r %r' % (self.kind, self.name or self.ctype, self.data)

# ---- The differences ----
#
# LISTED: a test of the input, and of what we made of it (None: we refuse the
# request).  What it excuses is not looked into further.  ADAPTED: exactly
# what a peer does with what we see; it is applied to ours, and the rest must
# be equal.  Both: kind, peers, function, why ours is right.


def has(pattern, flags=re.S):
    r = re.compile(pattern, flags)
    return lambda case, ours: r.search(case.data) is not None


def refused(case, ours):
    return ours is None


def refuse(test):
    return lambda case, ours: ours is None and test(case, ours)


def in_query_name(pattern):
    return has(rb'(?:^|&)[^=&]*(?:' + pattern + rb')')


def heads(case):
    """The parts' headers, each between two line feeds."""
    parts = re.split(rb'(?:\A|\r?\n)--X[ \t]*\r?\n', case.data)[1:]
    return [b'\n' + re.split(rb'\r?\n\r?\n', p, 1)[0] + b'\n' for p in parts]


def in_head(pattern):
    """Somewhere in a part's header, but not in its data."""
    r = re.compile(pattern, re.I | re.S)
    return lambda case, ours: any(r.search(h) for h in heads(case))


def no_head(pattern):
    """A part whose header has it not."""
    r = re.compile(pattern, re.I | re.S)

    def test(case, ours):
        return not all(r.search(h) for h in heads(case))
    return test


def first(ours):
    return {k: v[:1] for k, v in ours.items()}


def last(ours):
    return {k: v[-1:] for k, v in ours.items()}


def no_empty_name(ours):
    return {k: v for k, v in ours.items() if k != b''}


def php_names(ours):
    out = {}
    for k, v in ours.items():
        k = re.sub(rb'[ .]', b'_', k.lstrip(b' '))
        out.setdefault(k, []).extend(v)
    return out


def php_last_field(ours):
    """The last field and the last file of a name."""
    out = {}
    for k, v in no_empty_name(php_names(ours)).items():
        fields = [x for x in v if isinstance(x, bytes)]
        files = [x for x in v if isinstance(x, tuple)]
        out[k] = fields[-1:] + files[-1:]
    return out


def base_names(ours):
    return {k: [(re.split(rb'[/\\]', x[0])[-1], x[1])
                if isinstance(x, tuple) else x for x in v]
            for k, v in ours.items()}


def encoded(ours):
    """Names and file names as they were sent."""
    def code(x):
        for octet, text in ((b'"', b'%22'), (b'\r', b'%0D'), (b'\n', b'%0A')):
            x = x.replace(octet, text)
        return x
    return {code(k): [(code(x[0]), x[1]) if isinstance(x, tuple) else x
                      for x in v] for k, v in ours.items()}


def unescaped(ours):
    return {k: [urllib.parse.unquote_to_bytes(x) for x in v]
            for k, v in ours.items()}


def in_parts(ours):
    """CGI.pm puts lists into one cookie."""
    out = {}
    for k, v in ours.items():
        x = v[0].rstrip(b' \t')
        out[k] = [urllib.parse.unquote_to_bytes(p.replace(b'+', b' '))
                  for p in x.split(b'&')] if x else []
    return {k: v for k, v in out.items() if v}


LISTED = [
    ('query', 'cgi.pm php python whatwg', refused,
     'a NUL in a name: names are C strings, we refuse it (B19, U2)'),
    ('query', 'php', in_query_name(rb'\[|%5[Bb]'),
     'PHP makes arrays of brackets; to WHATWG they are names (U5)'),
    ('query', 'cgi.pm', has(rb';'),
     "CGI.pm splits at ';', too; to WHATWG it is data (U6, R-91)"),
    ('query', 'cgi.pm', has(rb'%u[0-9A-Fa-f]{4}'),
     'CGI.pm decodes %uXXXX, which no standard has (U1)'),
    ('query', 'cgi.pm', has(rb'\A[^&=;]+\Z'),
     "CGI.pm takes a query without '=' for ISINDEX, long dead (U7)"),

    ('parts', 'php cgi.pm python', refuse(has(
        rb'\A(?!(?:.*\r\n)?--X--)')),
     'no delimiter ends it, or not after CR LF: refused (M3, M4, M12)'),
    ('parts', 'php cgi.pm python', refuse(has(
        rb'\A(?!(?:.*\r\n)?--X[ \t]*\r\n)')),
     'no delimiter begins it on a line of its own: refused (M2, M3)'),
    ('parts', 'php cgi.pm python', refuse(has(
        rb'(?:\A|\r\n)--X[ \t]+[^ \t\r]')),
     'blanks after a boundary, and then more: refused (M2)'),
    ('parts', 'php cgi.pm python', refuse(no_head(
        rb'\ncontent-disposition:[ \t]*form-data')),
     'a part without "Content-Disposition: form-data": refused (M6)'),
    ('parts', 'php cgi.pm python', refuse(no_head(
        rb';[ \t]*name=')),
     'a part without a name: refused (M6)'),
    ('parts', 'php cgi.pm python', refuse(in_head(
        rb'\ncontent-disposition.*\ncontent-disposition')),
     'two dispositions: refused, nobody knows which one counts (M6)'),
    ('parts', 'php cgi.pm python', refuse(in_head(
        rb';[ \t]*(name|filename)=.*;[ \t]*\1=')),
     'two names, two file names: refused (M6)'),
    ('parts', 'php cgi.pm python', refuse(in_head(rb';[ \t]*\w+\*\d?=')),
     'name*, filename*: RFC 7578 4.2 forbids it: refused (M6)'),
    ('parts', 'php cgi.pm python', refuse(in_head(
        rb'name="[^"\n]*(?:\n|"[ \t]*[^;\s])|name=[^"\s;]+[ \t]*[" ]')),
     'quotes that do not pair, something after them: refused (M6)'),
    ('parts', 'php cgi.pm python', refuse(in_head(
        rb'[\x00-\x08\x0b\x0c\x0e-\x1f]')),
     'a control octet in a header: refused (M5)'),
    ('parts', 'php cgi.pm python', refuse(in_head(
        rb'\n[ \t]|\n[^:\n]*[^:\n\r][^:\n]*\n|\n:|\n[\w-]+[ \t]+:')),
     'a folded line, one without a name or a colon: refused (M5)'),
    ('parts', 'php cgi.pm python', refuse(lambda c, ours: c.ctype != TYPE),
     'a Content-Type that says two things, or too little: refused (M1, E6)'),

    ('parts', 'php', in_head(rb'name="?[^"\n]*[\[\]]'),
     'PHP makes arrays of brackets; a name is a name (U5)'),
    ('parts', 'php python cgi.pm', in_head(rb'name="[^"\n]*\\'),
     'a backslash escapes nothing: browsers write it bare (M6)'),
    ('parts', 'php', in_head(rb"name='"),
     'PHP takes single quotes for quotes; RFC 9110 has none such (M6)'),
    ('parts', 'cgi.pm', in_head(rb';[ \t]*NAME='),
     'CGI.pm knows no upper case; parameters have no case (RFC 9110 5.6.6)'),
    ('parts', 'php cgi.pm python', refuse(lambda c, ours:
        in_head(rb'[^\r\n]\n.|\r[^\n]')(c, ours) or
        b'\r\n\n' in c.data),
     'LF alone or CR alone in a header: refused (M3)'),
    ('parts', 'php cgi.pm python', refuse(has(
        rb'(?:\A|\r\n)--X[ \t]*(?:\n|\r[^\n])')),
     'LF alone or CR alone after a boundary: refused (M3)'),
    ('parts', 'php cgi.pm python', in_head(rb'filename=""'),
     'a file input without a file: a field to some, and to some an upload '
     'of nothing; it is nothing, which is what browsers mean (M6)'),
    ('parts', 'cgi.pm', has(rb'\A--X--(?:\r\n)?\Z'),
     'a form without fields, as browsers send it: no error (M2)'),
    ('parts', 'php', has(rb'\n--X(?!\r\n|--\r\n|--\Z)|[^\r]\n--X'),
     'PHP ends a part at what begins like a boundary, or after LF alone; '
     'exact match (M2, M3)'),
    ('parts', 'php', has(rb'\n--X--\r\n.'),
     'PHP goes on after the last boundary; the rest is no part (M2)'),
    ('parts', 'php', has(rb'\r\n\r\n--X\r\n'),
     'a part without a body: the line end of its header serves (M2)'),
    ('parts', 'php', has(rb'\A--X[ \t]'),
     'blanks may follow a boundary: RFC 2046 5.1.1 (M2)'),
    ('parts', 'php', lambda c, ours: b'"; boundary=Y"' in c.ctype,
     'PHP finds a boundary inside of another value (M1)'),
    ('parts', 'python', has(rb'[^\r]\n--X'),
     'Python takes LF alone for the end of a line (M3)'),
    ('parts', 'python', has(rb'\r\n--X--[^\r]'),
     'the last boundary ends the body, what follows is no part (M2)'),
    ('parts', 'python', in_head(rb'content-type:[ \t]*multipart/'),
     'Python parses a nested multipart; to RFC 7578 4.3 it is data (M8)'),
    ('parts', 'python', lambda c, ours: c.ctype.startswith(b'M'),
     'a media type has no case: RFC 9110 8.3.1 (M1)'),

    ('cookie', 'cgi.pm python php', has(rb','),
     'a comma: to browsers it is an octet as others, so no pair begins '
     'after one, and ours ends only before ", " (C7, R-42)'),
    ('cookie', 'cgi.pm php python', has(rb'(?:\A|;)(?: [ \t]|\t|\A )'),
     'more than one blank before a name: it is not ours (C1, R-42)'),
    ('cookie', 'cgi.pm', has(rb'(?:\A|; ?)[^=;]*%'),
     'CGI.pm decodes names; that is how prefixes are forged (C1, R-42)'),
    ('cookie', 'php', has(rb'(?:\A|; ?)(?:id|__Host-id)(?:;|\Z)'),
     "a name without '=': no cookie of that name (C1)"),
    ('cookie', 'php', has(rb'(?:\A|; ?)a[ .\[]'),
     'PHP changes names; that is how prefixes are forged (C1, R-42)'),
    ('cookie', 'python', has(rb'"'),
     'quotes are part of a value (C3)'),
    ('cookie', 'python', has(rb' =|= | \Z| ;'),
     'Python cuts blanks off; nothing is trimmed (C1, C3)'),
    ('cookie', 'python', has(
        rb'(?:\A|; ?)[=;]|(?:\A|; ?)[^=;]+(?:;|\Z)|[^\x20-\x7e]|'
        rb'[\\/@(){}\[\]<>?]|\$|\w \w'),
     'Python stops at what RFC 2109 has not; we pass over it (C3, C4)'),
]

ADAPTED = [
    ('query', 'php', php_names,
     'PHP makes " " and "." to "_" and cuts blanks off; WHATWG not (U5)'),
    ('query', 'php', no_empty_name,
     'PHP drops what has no name; to WHATWG "" is one (U7)'),
    ('query', 'php', last,
     'PHP keeps the last of equal names; a form is a list (U5)'),

    ('parts', 'php cgi.pm python', encoded,
     'nobody decodes %22, %0D and %0A, as browsers write them (M6)'),
    ('parts', 'php', base_names,
     'PHP cuts a path off; a file name is octets, never a path (M7)'),
    ('parts', 'php', php_last_field,
     'PHP changes names and keeps the last; a form is a list (U5)'),

    ('cookie', 'cgi.pm php', first,
     'the first of equal names; we hand all of them to R-43 (C2)'),
    ('cookie', 'python', last,
     'the last of equal names; we hand all of them to R-43 (C2)'),
    ('cookie', 'php', unescaped,
     'PHP decodes values; nothing in a cookie is decoded (C1)'),
    ('cookie', 'cgi.pm', in_parts,
     'CGI.pm decodes values and splits them; they are octets (C1)'),
]

# ---- Inputs ------------------------------------------------------------

QUERIES = [
    b'', b'a', b'a=', b'=b', b'=', b'==', b'&', b'&&&', b'a=b', b'a=b&',
    b'&a=b', b'a=b&&c=d', b'a=1&a=2&b=3&a=1', b'a=b=c', b'a+b=c+d',
    b'a%20b=c%20d', b'a=%', b'a=%a', b'a=%zz', b'a=%2', b'a=%%2a',
    b'a=%u0041', b'%u0041=1', b'%=1', b'%zz=1&%=2', b'a=x%00y', b'%00a=1',
    b'a%00=1', b'a=b&%00x=1', b'a=%C0%AF', b'a=%ED%A0%80&b=%F8&c=%80',
    b'a=%EF%BB%BF', b'%EF%BB%BFa=1', b'a=\xc0\xaf\xff', b'\xff=1',
    b'a=%2541', b'a=%252B', b'a%3Db=c%26d', b'a[]=1', b'a[]=1&a[]=2',
    b'a[b]=c', b'a[b][c]=d', b'a[=1', b'a]=1', b'[a]=1', b'a.b=2',
    b'.a=1', b'+a=4', b'a+=4', b'a=1;b=2', b'a=1;b=2&c=3', b';', b'a;b',
    b'a=%3B', b'_charset_=utf-7&a=+ADw-', b'.tmpx=y', b'%2Etmpx=z',
    b'a=1\r\n&b=\\', b'a=<script>', b"a='\"", b'a=%0d%0a', b'%0d%0a=1',
    b'a=#b', b'a=?b', b'a?b=c', b'a/b=c', b'a:b=c', b'a=b,c', b'a,b=c',
    b'A=1&a=2', b'1=2', b'01=2', b'-1=2', b'a%5Bb%5D=c', b'a%5B=c', b'a b=c',
    b'%41=%42', b'%61=1&a=2', b'a=%e4%f6', b'a=%E4%F6', b'a=+%2B+',
    b'GLOBALS=1', b'this=1', b'__proto__=1', b'a=\t', b'\ta=1', b'a\t=1',
]

CD = b'Content-Disposition: form-data; '


def part(head, data=b'v'):
    return b'--X\r\n' + head + b'\r\n\r\n' + data + b'\r\n'


def body(*parts):
    return b''.join(parts) + b'--X--\r\n'


def field(name, data=b'v', more=b''):
    return part(CD + b'name="' + name + b'"' + more, data)


HEADS = [
    b'name=a', b'name="a"', b'NAME=a', b'size=3; name=a; foo="b"',
    b'name="a";', b'name="a" ', b'name=a; name=b', b'name=""', b'name=',
    b"name='a'", b'name="a', b'name=a"', b'name="a"b', b'name="a b"',
    b'name=a b', b'name="a.b"', b'name="a[]"', b'name="a[b]"', b'name=" a"',
    b'name="a;b"', b'name="a=b"', b'name="a,b"', b"name=\"a'b\"",
    b'name="a\\"; filename="b"', b'name="a\\"b"', b'name="a\\\\b"',
    b'name="a%22b"', b'name="a%0D%0Ab"', b'name="a%41"', b'name="a+b"',
    b'name="\xc3\xbc\xff"', b"name*=utf-8''x", b"name*=utf-8''x; name=a",
    b'name*0=a; name*1=b', b'filename=a', b'filename="a"', b'name="a\tb"',
    b'name="a\x01"', b'name="a\x00b"', b'name="a"\r\nfoo',
    b'name="a"\r\n b: c', b'name="a"\r\nX-Y: z', b'name="a"\r\n: x',
    b'name="a"\r\n' + CD + b'name="b"',
    b'name="a"\r\nContent-Type: text/plain; charset=utf-16',
    b'name="a"\r\nContent-Type:text/html',
    b'name="a"\r\nContent-Transfer-Encoding: base64',
    b'name="a"\r\nContent-Transfer-Encoding: quoted-printable',
    b'name="a"\r\nContent-Length: 99',
    b'name="a"\r\nContent-Type: multipart/mixed; boundary=Y',
    b'name="f"; filename="x.txt"', b'name="f"; filename=x.txt',
    b'filename="x.txt"; name="f"', b'name="f"; filename=""',
    b'name="f"; filename="../../etc/passwd"',
    b'name="f"; filename="C:\\x\\y.txt"', b'name="f"; filename="a/b"',
    b'name="f"; filename=".htaccess"', b'name="f"; filename="<img>"',
    b'name="f"; filename="a;b"', b'name="f"; filename="a%22b"',
    b'name="f"; filename="x"; filename="y"',
    b"name=\"f\"; filename*=utf-8''x", b'name="f"; filename=" x "',
    b'name="f"; filename="x"\r\nContent-Type: image/png',
]

BODIES = [
    b'', b'--X--', b'--X--\r\n', b'a=1&b=2', b'--X\r\n', b'--X',
    body(field(b'a', b'1'), field(b'b', b'2')),
    body(field(b'a', b'1'), field(b'a', b'2')),
    body(field(b'a', b'')), body(field(b'a', b'\r\n')),
    body(field(b'a', b'\n')), body(field(b'a', b'\r')),
    body(field(b'a', b'x\r\n--Xfoo\r\ny')), body(field(b'a', b'--X')),
    body(field(b'a', b'\r\n--\r\n--Y')), body(field(b'a', b'\r\r\r\n\n')),
    body(field(b'a', b'\x00\x01\xff')), body(field(b'a', b'a&b=c+%41')),
    body(field(b'a', b'x' * 5000)), body(field(b'a', b'x\n--X--\ny')),
    b'hello\r\n' + body(field(b'a')), body(field(b'a')) + b'bye\r\n',
    body(field(b'a')) + body(field(b'b')), b'\r\n' + body(field(b'a')),
    b'hello' + body(field(b'a')), body(field(b'a'))[:-2],
    body(field(b'a'))[:-4], body(field(b'a'))[:-6], body(field(b'a'))[:-9],
    body(field(b'a')).replace(b'\r\n', b'\n'),
    body(field(b'a')).replace(b'\r\n', b'\r'),
    body(field(b'a')).replace(b'--X\r\n', b'--X \t\r\n'),
    body(field(b'a')).replace(b'--X--\r\n', b'--X--  \r\n'),
    body(field(b'a')).replace(b'--X\r\n', b'--X z\r\n'),
    body(part(b'Content-Type: text/plain')), body(part(b'')),
    body(part(b'Content-Disposition: attachment; name="a"')),
    body(part(b'Content-Disposition : form-data; name="a"')),
    body(part(b'content-disposition:form-data;name="a"')),
    body(part(b'X: y\r\n' + CD + b'name="a"')),
    b'--X\r\n' + CD + b'name=a\r\n\r\n--X\r\n' + CD +
    b'name=b\r\n\r\n--X2\r\n--X--',
]

TYPES = [
    b'multipart/form-data; boundary="X"', b'multipart/form-data;boundary=X',
    b'multipart/form-data; BOUNDARY=X', b'Multipart/Form-Data; boundary=X',
    b'multipart/form-data', b'multipart/form-data; boundary=',
    b'multipart/form-data; boundary=X; charset=utf-8',
    b'multipart/form-data; boundary=X; boundary=Y',
    b'multipart/form-data; boundary=Y; boundary=X',
    b'multipart/form-data; x="; boundary=Y"; boundary=X',
    b'multipart/form-data; boundary=X, text/plain',
    b'multipart/form-data; boundary=X; charset=utf-16',
    b'multipart/form-data; boundary="X',
]

COOKIES = [
    b'', b'id=x', b'a=b; id=x', b'id=x; id=y', b'id=x;id=y', b'id=',
    b'id', b'=id=x', b'ID=x', b' id=x', b'a=b;  id=x', b'a=b;\tid=x',
    b'id =x', b'id= x', b'id=x ', b'id="x"', b'id="x y"', b'id="x;y"',
    b'id="x', b'id=x"y', b'%69d=x', b'id=%41', b'id=a+b', b'id=a=b',
    b'id==', b'id=x,y', b'id=x, c=d', b'a=b, id=x', b'a=b,id=x',
    b'$Version=1; id=x; $Path=/', b'id=x; Path=/; HttpOnly', b'session=&=',
    b';;;', b'; id=x', b'a; id=x', b'a=\x01; id=x', b'a=\xff; id=x',
    b'id=\xff', b'a="b;c"; id=x', b'a={"b":1}; id=x', b'id=a&b', b'id=a%3Bb',
    b'a[b]=c; id=x', b'a b=c; id=x', b'id=x; a', b'idx=y; id=x', b'xid=y',
    b'a@b=c; id=x', b'id=\\"', b'a=b;id=x;', b'id=x%', b'id=%zz',
    b'id=%00', b'a=b; ; id=x', b'id=a/b', b'id=a:b', b'id=(a)', b'id=%2541',
]
NAMED = [(b'__Host-id', c) for c in (
    b'__Host-id=x', b'__host-id=x', b'%5F%5FHost-id=x', b'_[Host-id=x',
    b'..Host-id=x', b'__Host-id=x; __host-id=y', b' __Host-id=x',
    b'=__Host-id=x', b'__Host-id', b'__Host-idx=y')] + [
    (b'a.b', b'a.b=c'), (b'a_b', b'a.b=c'), (b'a b', b'a b=c'),
    (b'a[b]', b'a[b]=c')]


def hand_written():
    v = body(field(b'a', b'1'), field(b'f', b'2', b'; filename="x"'))
    return ([Case('query', q) for q in QUERIES] +
            [Case('parts', body(part(CD + h))) for h in HEADS] +
            [Case('parts', b) for b in BODIES] +
            [Case('parts', v, ctype=t) for t in TYPES] +
            [Case('cookie', c, b'id') for c in COOKIES] +
            [Case('cookie', c, n) for n, c in NAMED])


def random_ones(rnd):
    """Of pieces that mean something, in any order."""
    out = []
    query = [b'a', b'b', b'=', b'=', b'&', b'&', b'+', b'%41', b'%3d', b'%26',
             b'%', b'%4', b'%00', b'.', b'[', b']', b';', b'\xff', b'%c3']
    data = [b'x', b'\r', b'\n', b'\r\n', b'-', b'--', b'\r\n--', b'--X',
            b'\r\n--X', b'\0', b'\xff', b' ', b'y' * 70]
    name = [b'a', b'b', b'.', b' ', b'[', b'%22', b'%0A', b'\\', b';', b'=',
            b'\xc3\xa4', b"'"]
    more = [b'', b'', b'; filename="x"', b'; filename="p/q"',
            b'\r\nContent-Type: text/plain', b'; filename=""', b'; q=1']
    jar = [b'id', b'id=', b'=', b'x', b';', b'; ', b'; ', b',', b', ', b' ',
           b'"', b'%41', b'+', b'a=b', b'$Path', b'\\', b'/', b'\xff']

    def some(pieces, most):
        return b''.join(rnd.choice(pieces)
                        for _ in range(rnd.randint(0, most)))

    for _ in range(200):
        out.append(Case('query', some(query, 14)))
    for _ in range(200):
        parts = []
        for _ in range(rnd.randint(1, 3)):
            head = rnd.choice(more)
            title = rnd.choice([b'f', b'g']) if b'file' in head else (
                some(name, 4))
            parts.append(field(title, some(data, 6), head))
        whole = body(*parts)
        if rnd.random() < 0.15:
            at = rnd.randrange(len(whole))
            whole = whole[:at] + whole[at + 1:]
        out.append(Case('parts', whole))
    for _ in range(100):
        out.append(Case('cookie', b'a=b; ' + some(jar, 10), b'id'))
    return out
