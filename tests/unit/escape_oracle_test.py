#!/usr/bin/python3
"""escape_oracle_test.py - a browser's own rules read what we escaped (R-95)

What sstate_escape() made is put into an attribute and into text; the HTML5
tokenizer must give back one start tag with one attribute, and one text, both
equal to what went in.  Through the shared library, so nothing here knows how
it is done.
"""
import ctypes
import glob
import os
import random
import re
import sys

N = 0
BAD = 0


def t(good, text):
    global N, BAD
    N += 1
    BAD += not good
    print(f"{'' if good else 'not '}ok {N} - {text}", flush=True)


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


try:
    import html5lib
    from html5lib._tokenizer import HTMLTokenizer
    from html5lib.constants import tokenTypes
except ImportError:
    skip("R-95: no html5lib for /usr/bin/python3")

found = glob.glob(os.path.join(os.environ.get("BUILD_DIR", "build/dev"),
                               "libsecurestate.so.0"))
if not found:
    skip("R-95: no shared library in BUILD_DIR")
if os.environ.get("SANITIZE"):
    skip("R-95: python cannot load a sanitizer build")
lib = ctypes.CDLL(found[0])

lib.sstate_escape.restype = ctypes.c_char_p
lib.sstate_escape.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
lib.sstate_begin.argtypes = [ctypes.POINTER(ctypes.c_void_p)] + \
    [ctypes.c_void_p] * 4
lib.sstate_open.argtypes = [ctypes.POINTER(ctypes.c_void_p),
                            ctypes.c_void_p, ctypes.c_void_p]
lib.sstate_free.argtypes = [ctypes.c_void_p]
lib.sstate_close.argtypes = [ctypes.c_void_p]

os.environ["SECURESTATE_STORES"] = "memory:"
env = ctypes.c_void_p()
t(lib.sstate_open(ctypes.byref(env), None, None) == 0, "an environment")


def escape(texts):
    """All of them, in a session that is then freed."""
    s = ctypes.c_void_p()
    assert lib.sstate_begin(ctypes.byref(s), env, None, None, None) == 0
    out = [lib.sstate_escape(s, 1, x) for x in texts]
    lib.sstate_free(s)
    return out


def plain(octets):
    """Octets, each standing for itself: the library knows no charset."""
    return octets.decode("latin-1")


def reads_back(octets, made):
    text = plain(octets)
    page = '<p x="' + plain(made) + '">' + plain(made)
    chars = ""
    tags = []
    for tok in HTMLTokenizer(page):
        kind = tok["type"]
        if kind in (tokenTypes["Characters"], tokenTypes["SpaceCharacters"]):
            chars += tok["data"]
        elif kind == tokenTypes["StartTag"]:
            tags.append(tok)
        elif kind != tokenTypes["ParseError"]:
            return False
    if len(tags) != 1 or tags[0]["name"] != "p":
        return False
    data = tags[0]["data"]
    data = dict(data) if not isinstance(data, dict) else data
    return list(data) == ["x"] and data["x"] == text and \
        chars == text


naughty = [
    b"", b"plain", b"<script>alert(1)</script>", b"\"><img src=x onerror=y>",
    b"' onmouseover='x", b"`x`", b"a=b", b"&amp;", b"&lt", b"&#60;", b"&#x3c",
    b"</p>", b"<!-- x", b"-->", b"]]>", b"<![CDATA[", b"<?php", b"\t\n \r\n\x0c",
    b"\x01\x02\x1f\x7f", b"\xff\xfe\x80", b"&notit;", b"&#0;", b"<" * 500,
    "\u202e\u2028\ufeff\u00e9\U0001f4a9".encode(), b"javascript:alert(1)",
    b"%22%3e", b"{{7*7}}", b"--\\'--", b"\\x3cscript", b"<svg/onload=x>",
]
made = escape(naughty)
wrong = [a for a, b in zip(naughty, made)
         if b"\0" in a or not reads_back(a, b)]
t(not wrong, f"R-95 {len(naughty)} naughty strings read back {wrong[:2]}")

# Every code point once, 256 of them at a time, surrogates apart.
batches = []
for first in range(0, 0x110000, 256):
    if 0xD800 <= first < 0xE000:
        continue
    text = "".join(chr(c) for c in range(first, first + 256) if c != 0)
    batches.append(text.encode("utf-8"))
made = escape(batches)
wrong = [i for i, (a, b) in enumerate(zip(batches[:64], made[:64]))
         if not reads_back(a, b)]
t(not wrong, f"R-95 the first 16,384 code points read back {wrong[:3]}")
danger = set(b"<>\"'`=&") | set(range(1, 32))
wrong = []
for i, (a, b) in enumerate(zip(batches, made)):
    rest = [c for c in a if c not in danger]
    kept = [c for c in re.sub(rb"&[#a-z0-9]+;", b"", b)]
    if rest != kept:
        wrong.append(i)
t(not wrong, f"R-95 of every code point nothing else changes {wrong[:3]}")

seed = random.randrange(1 << 32)
rng = random.Random(seed)
wrong = []
long = int(os.environ.get("SSTATE_TEST_LONG", "1"))
rounds = 1 if long <= 1 else 35 * long
for _ in range(rounds):
    mix = [bytes(rng.choice(b"<>\"'`=&;#xa0 \n\t/!-[]") if rng.random() < .7
                 else rng.randrange(1, 256) for _ in range(rng.randrange(40)))
           for _ in range(3000)]
    wrong += [a for a, b in zip(mix, escape(mix)) if not reads_back(a, b)]
t(not wrong, f"R-95 {3000 * rounds} random strings (seed {seed}) {wrong[:2]}")
broken = reads_back(b'"><b>', b'"><b>')
t(not broken, "and what is not escaped is seen")

lib.sstate_close(env)
print(f"1..{N}\n# {N - BAD} passed, {BAD} failed, 0 skipped")
sys.exit(BAD != 0)
