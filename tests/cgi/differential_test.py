#!/usr/bin/python3
# differential_test.py - our parsers beside PHP's, CGI.pm's and Python's
#
# The same queries, multipart bodies and Cookie headers go to all of them.
# Where somebody differs from us the difference is in a table of
# differential_table.py, with its reason; one that is not listed fails, and
# so does an entry that no input needs.  A plain reading of WHATWG URL 5.1 is
# one more peer.  A peer that is not installed is skipped.
import io
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import warnings
from http.cookies import CookieError, SimpleCookie

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import differential_table as table

SEED = 20250101
SHOW = os.path.join(os.environ.get('BUILD_DIR', 'build/dev'), 'fuzz',
                    'show_request')


def word(octets):
    return octets.hex() or '-'


# ---- Who parses ----
#
# Each takes a case and gives {name: [values]}, where a file is a pair of its
# name and its data; None if it refuses the request.

class Lines:
    """A program that answers each line with one."""

    def __init__(self, args):
        self.p = subprocess.Popen(args, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)

    def ask(self, case):
        words = {'query': [case.data], 'parts': [case.ctype, case.data],
                 'cookie': [case.name, case.data]}[case.kind]
        if case.kind == 'parts':
            words += table.NAMES
        line = ' '.join([case.kind] + [word(w) for w in words]) + '\n'
        self.p.stdin.write(line.encode())
        self.p.stdin.flush()
        line = self.p.stdout.readline().decode().split()
        if not line:
            raise RuntimeError('no answer to ' + str(case))
        return self.read(line)

    @staticmethod
    def read(line):
        out = {}
        if line[0] != '200':
            return None
        for item in line[1:]:
            kind, _, rest = item.partition(':')
            f = [bytes.fromhex(x) for x in rest.split('=')]
            value = (f[1], f[2]) if kind == 'f' else f[1]
            out.setdefault(f[0], []).append(value)
        return out

    def close(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


PERL = r'''
use strict; use warnings; no warnings 'once';
use CGI; use CGI::Cookie;
$| = 1; $CGI::LIST_CONTEXT_WARN = 0;
open my $lines, '<&', \*STDIN or die; binmode $lines;
while (my $line = <$lines>) {
	my ($kind, @w) = split ' ', $line;
	@w = map { $_ eq '-' ? '' : pack 'H*', $_ } @w;
	my @out;
	if ($kind eq 'cookie') {
		my %c = CGI::Cookie->parse($w[1]);
		push @out, map { 'c:' . unpack('H*', $w[0]) . '=' .
		    unpack 'H*', $_ } $c{$w[0]}->value if $c{$w[0]};
		print join(' ', 200, @out), "\n";
		next;
	}
	local %ENV = (%ENV, REQUEST_METHOD => 'GET', QUERY_STRING => $w[0]);
	my $body = '';
	if ($kind eq 'parts') {
		$body = $w[1];
		%ENV = (%ENV, REQUEST_METHOD => 'POST', QUERY_STRING => '',
		    CONTENT_TYPE => $w[0], CONTENT_LENGTH => length $body);
	}
	close STDIN; open STDIN, '<', \$body or die; binmode STDIN;
	CGI::initialize_globals();
	local $SIG{__WARN__} = sub {};
	my $q = eval { CGI->new };
	if (!$q or $q->cgi_error) {
		print "400\n";
		next;
	}
	for my $name ($q->multi_param) {
		for my $v ($q->multi_param($name)) {
			my $item = unpack('H*', $name) . '=' . unpack 'H*', $v;
			if (ref $v) {
				my $data = do { local $/; <$v> } // '';
				push @out, "f:$item=" . unpack 'H*', $data;
			} else {
				push @out, "p:$item";
			}
		}
	}
	print join(' ', 200, @out), "\n";
}
'''

PHP = r'''<?php
header('Content-Type: text/plain');
function item($kind, $name, $v) {
	if (!is_array($v))
		echo " $kind:", bin2hex($name), '=', bin2hex($v);
	else
		foreach ($v as $k => $x)
			item($kind, $name . "[$k]", $x);
}
echo '200';
foreach ($_GET as $k => $v) item('p', $k, $v);
foreach ($_POST as $k => $v) item('p', $k, $v);
foreach ($_COOKIE as $k => $v) item('c', $k, $v);
foreach ($_FILES as $k => $f)
	if (is_string($f['name']) && $f['error'] == 0)
		echo ' f:', bin2hex($k), '=', bin2hex($f['name']), '=',
		    bin2hex(file_get_contents($f['tmp_name']));
'''


class Php:
    """php-cgi by FastCGI, as a web server has it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='sstate-php-')
        self.script = os.path.join(self.dir, 'show.php')
        self.sock = os.path.join(self.dir, 's')
        with open(self.script, 'w') as f:
            f.write(PHP)
        env = dict(os.environ, PHP_FCGI_MAX_REQUESTS='0')
        self.p = subprocess.Popen(
            ['php-cgi', '-n', '-d', 'display_errors=0', '-d', 'log_errors=0',
             '-d', 'max_input_vars=5000', '-d', 'upload_tmp_dir=' + self.dir,
             '-b', self.sock], env=env, stderr=subprocess.DEVNULL)
        while not os.path.exists(self.sock):
            if self.p.poll() is not None:
                raise RuntimeError('php-cgi does not start')
            time.sleep(0.02)

    @staticmethod
    def record(kind, data):
        return struct.pack('>BBHHBx', 1, kind, 1, len(data), 0) + data

    def ask(self, case):
        env = {b'REQUEST_METHOD': b'GET', b'QUERY_STRING': b'',
               b'SCRIPT_FILENAME': self.script.encode()}
        body = b''
        if case.kind == 'query':
            env[b'QUERY_STRING'] = case.data
        elif case.kind == 'cookie':
            env[b'HTTP_COOKIE'] = case.data
        else:
            body = case.data
            env.update({b'REQUEST_METHOD': b'POST',
                        b'CONTENT_TYPE': case.ctype,
                        b'CONTENT_LENGTH': b'%d' % len(body)})
        params = b''.join(struct.pack('>II', len(k) | 1 << 31,
                                      len(v) | 1 << 31) + k + v
                          for k, v in env.items())
        out = self.record(1, struct.pack('>HB5x', 1, 0))
        for kind, data in ((4, params), (5, body)):
            for i in range(0, len(data), 60000):
                out += self.record(kind, data[i:i + 60000])
            out += self.record(kind, b'')
        page = self.talk(out).partition(b'\r\n\r\n')[2].decode('latin-1')
        line = page.split()
        if not line:
            return None
        seen = Lines.read(line)
        if case.kind == 'cookie':
            seen = {k: v for k, v in seen.items() if k == case.name}
        return seen

    def talk(self, out):
        page = b''
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            while s.connect_ex(self.sock) != 0:
                if self.p.poll() is not None:
                    raise RuntimeError('php-cgi has ended')
                time.sleep(0.02)
            s.sendall(out)
            f = s.makefile('rb')
            while True:
                head = f.read(8)
                if len(head) < 8 or head[1] == 3:
                    return page
                n, pad = struct.unpack('>HB', head[4:7])
                data = f.read(n)
                f.read(pad)
                page += data if head[1] == 6 else b''

    def close(self):
        self.p.terminate()
        self.p.wait()
        shutil.rmtree(self.dir)


class Python:
    def ask(self, case):
        return getattr(self, case.kind)(case)

    @staticmethod
    def query(case):
        out = {}
        text = case.data.decode('latin-1')
        for k, v in urllib.parse.parse_qsl(text, keep_blank_values=True,
                                           encoding='latin-1'):
            out.setdefault(k.encode('latin-1'), []).append(
                v.encode('latin-1'))
        return out

    @staticmethod
    def parts(case):
        import cgi
        headers = {'content-type': case.ctype.decode('latin-1'),
                   'content-length': str(len(case.data))}
        out = {}
        try:
            form = cgi.FieldStorage(
                fp=io.BytesIO(case.data), headers=headers,
                environ={'REQUEST_METHOD': 'POST'}, keep_blank_values=True,
                encoding='latin-1')
            for item in form.list or []:
                value = item.value
                if isinstance(value, list):
                    value = repr(value)
                if isinstance(value, str):
                    value = value.encode('latin-1')
                if item.filename is not None:
                    value = (item.filename.encode('latin-1'), value)
                out.setdefault((item.name or '').encode('latin-1'),
                               []).append(value)
        except (ValueError, TypeError):
            return None
        return out

    @staticmethod
    def cookie(case):
        try:
            jar = SimpleCookie(case.data.decode('latin-1'))
        except CookieError:
            return None
        name = case.name.decode('latin-1')
        if name not in jar:
            return {}
        return {case.name: [jar[name].value.encode('latin-1')]}

    def close(self):
        pass


class Whatwg:
    """URL Standard 5.1, octets instead of UTF-8; written to be read."""

    def ask(self, case):
        out = {}
        for piece in case.data.split(b'&'):
            if piece:
                name, _, value = piece.partition(b'=')
                out.setdefault(self.decode(name), []).append(
                    self.decode(value))
        return out

    @staticmethod
    def decode(octets):
        return urllib.parse.unquote_to_bytes(octets.replace(b'+', b' '))

    def close(self):
        pass


# ---- Running them ----

def start():
    peers = {'whatwg': Whatwg()}
    missing = []
    if sys.version_info[:2] < (3, 13):
        warnings.simplefilter('ignore')
        peers['python'] = Python()
    else:
        missing.append('python: its cgi module is gone since 3.13')
    if subprocess.run(['perl', '-MCGI', '-e', '1'], capture_output=True,
                      check=False).returncode == 0:
        peers['cgi.pm'] = Lines(['perl', '-e', PERL])
    else:
        missing.append('cgi.pm: libcgi-pm-perl is not installed')
    if shutil.which('php-cgi'):
        peers['php'] = Php()
    else:
        missing.append('php: php-cgi is not installed')
    return peers, missing


def differs(case, ours, theirs, peer, used):
    """None, or what is not explained."""
    if theirs == ours:
        return None
    good = {i for i, (kind, who, test, _) in enumerate(table.LISTED)
            if case.kind == kind and peer in who.split() and
            test(case, ours)}
    if good:
        used |= good
        return None
    for i, row in enumerate(table.ADAPTED):
        kind, who, change, _ = row
        if case.kind != kind or peer not in who.split() or ours is None:
            continue
        changed = change(ours)
        if changed != ours and theirs != ours:
            used.add(1000 + i)
        if theirs != ours:
            ours = changed
    if theirs != ours:
        return 'ours, as it should be: %r; theirs: %r' % (ours, theirs)
    return None


def compare(us, peers, cases):
    used, bad, counts = set(), [], {}
    for case in cases:
        ours = us.ask(case)
        for name, peer in peers.items():
            if name == 'whatwg' and case.kind != 'query':
                continue
            key = (case.kind, name)
            same, all_of = counts.get(key, (0, 0))
            theirs = peer.ask(case)
            counts[key] = (same + (ours == theirs), all_of + 1)
            why = differs(case, ours, theirs, name, used)
            if why:
                bad.append((name, case, why))
    return used, bad, counts


def main():
    if not os.access(SHOW, os.X_OK):
        print('1..0 # SKIP %s was not built' % SHOW)
        return 0
    us = Lines([SHOW])
    peers, missing = start()
    cases = table.hand_written() + table.random_ones(random.Random(SEED))
    try:
        used, bad, counts = compare(us, peers, cases)
    finally:
        us.close()
        for peer in peers.values():
            peer.close()
    n = failed = 0

    def say(good, text):
        nonlocal n, failed
        n += 1
        failed += not good
        print('%sok %d - %s' % ('' if good else 'not ', n, text))

    for (kind, name), (same, all_of) in sorted(counts.items()):
        mine = [b for b in bad if b[0] == name and b[1].kind == kind]
        say(not mine, 'S21 %s, beside %s: %d inputs, %d alike, %d that '
            'differ as listed' % (kind, name, all_of, same,
                                  all_of - same - len(mine)))
        for _, case, why in mine[:20]:
            print('#   %s\n#     %s' % (case, why))
    for base, rows in ((0, table.LISTED), (1000, table.ADAPTED)):
        for i, (kind, who, _, reason) in enumerate(rows):
            there = [w for w in who.split() if w in peers]
            if there:
                say(base + i in used, 'S21 %s, %s: %s' % (kind, who, reason))
    for why in missing:
        n += 1
        print('ok %d # SKIP %s' % (n, why))
    print('1..%d\n# %d passed, %d failed' % (n, n - failed - len(missing),
                                            failed))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
