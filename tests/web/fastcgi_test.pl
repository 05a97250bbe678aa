#!/usr/bin/perl
# fastcgi_test.pl - the examples as FastCGI programs, behind real web servers
#
# lighttpd, nginx and Apache, each with connections that are kept and not;
# programs started by the server, by spawn-fcgi, and by this script as a
# service manager would: with the socket at descriptor 0, or at 3 by
# LISTEN_FDS.  All run as one ordinary user, on loopback or Unix sockets, in
# a folder that is removed.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h dup2);

$ENV{PATH} .= ':/usr/sbin:/sbin';
my $top = $ENV{SOURCE_DIR} // '.';
my $build = $ENV{BUILD_DIR} // "$top/build/dev";
my $dir = tempdir('fastcgi.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my ($tests, $failed) = (0, 0);
my (%alive, $port, $origin);
my $owner = $$;

$SIG{HUP} = $SIG{INT} = $SIG{TERM} = sub { exit 1 };
END {
	my $code = $?;
	stop(keys %alive) if $$ == $owner;
	$? = $code;
}

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or return '';
	local $/;
	return scalar(<$fh>) // '';
}

# One line of TAP; what is in these files explains a failure.
sub told {
	my ($good, $text, @files) = @_;
	$tests++;
	$failed ||= !$good;
	print $good ? 'ok' : 'not ok', " $tests - $text\n";
	return $good if $good;
	for my $file (@files, glob("$dir/log/*")) {
		my $text = slurp($file);
		$text = substr $text, -1000 if length $text > 1000;
		print "# $file: $_\n" for split /\n/, $text;
	}
	return $good;
}

sub skip {
	my ($why) = @_;
	$tests++;
	print "ok $tests # SKIP $why\n";
}

sub has {
	my ($program) = @_;
	return grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

# ---- Processes ----------------------------------------------------------

# Tied to this script, and of an ordinary user.
my @as;
if (has('setpriv') and system('setpriv --pdeathsig TERM true') == 0) {
	push @as, qw(setpriv --pdeathsig TERM);
	push @as, qw(--reuid=nobody --regid=nogroup --clear-groups) if $> == 0;
} elsif ($> == 0) {
	print "1..0 # SKIP no setpriv\n";
	exit 0;
}

# run WHAT, CODE, COMMAND: its pid; CODE runs before, in the child
sub run {
	my ($what, $before, @cmd) = @_;
	defined(my $pid = fork) or die "fork: $!\n";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$dir/log/$what";
		open STDERR, '>&', \*STDOUT;
		$before->() if $before;
		exec @as, @cmd or POSIX::_exit(127);
	}
	$alive{$pid} = 1;
	return $pid;
}

# Exit codes, in order; those that do not end are ended.
sub stop {
	my @pid = @_;
	my @code;
	kill 'TERM', @pid;
	for my $pid (@pid) {
		my ($tries, $got) = (0, 0);
		select undef, undef, undef, 0.02
		    while ($got = waitpid $pid, WNOHANG) == 0 and
		    $tries++ < 1000;
		push @code, $got == $pid ? $? : -1;
		if ($got == 0) {
			kill 'KILL', $pid;
			waitpid $pid, 0;
		}
		delete $alive{$pid};
	}
	return @code;
}

my @env = (
	"SECURESTATE_STORES=file:$dir/states",
	"SECURESTATE_KEYRING=$dir/keyring",
	'APP_PWHASH=$argon2id$v=19$m=65536,t=2,p=1$95nDmFrGr5J2O18PsYntyQ$' .
	    'H3ZoSR1lWJthLugKnQuqUqF705vdKcMUBjTUVScG2h8',
);

# A service manager: it listens, and starts programs on its socket.
sub listening {
	my ($kind) = @_;
	unlink "$dir/run/app.sock";
	my $s = $kind eq 'unix' ?
	    IO::Socket::UNIX->new(Local => "$dir/run/app.sock", Listen => 64) :
	    IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64);
	die "cannot listen: $!\n" unless $s;
	chmod 0777, "$dir/run/app.sock" if $kind eq 'unix';
	return $s;
}

# Started with the socket at 0, or at 3 and LISTEN_FDS.
sub served_on {
	my ($s, $fd, $program, @more) = @_;
	my $tell = $fd != 3 ? '' :
	    'export LISTEN_PID=$$ LISTEN_FDS=1; ';
	return run($program, sub {
		# By way of another, so that it stays open in any case.
		my $other = POSIX::dup(fileno $s) // POSIX::_exit(126);
		dup2($other, $fd) // POSIX::_exit(126);
		POSIX::close($other) if $other != $fd;
	}, 'sh', '-c', "${tell}exec env \"\$@\"", 'sh', @env, @more,
	    "$dir/bin/$program");
}

# ---- Servers ------------------------------------------------------------

sub lighttpd_conf {
	my ($how) = @_;
	my @assign = map { my ($n, $v) = split /=/, $_, 2; "\"$n\" => \"$v\"" }
	    @env;
	my $start = $how->{start} ? qq("bin-path" => "$dir/bin/app",
	    "max-procs" => 2, "bin-environment" => \( @{[join ', ', @assign]} \),) : '';
	return ["lighttpd", '-D', '-f', "$dir/conf"], <<X;
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$dir/www"
server.upload-dirs = ( "$dir/run" )
server.errorlog = "$dir/log/error"
server.modules = ( "mod_fastcgi" )
fastcgi.server = ( "/app.cgi" => (( $start
    "socket" => "$dir/run/app.sock", "check-local" => "disable" )) )
X
}

sub nginx_conf {
	my ($how) = @_;
	my $at = $how->{tcp} ? "127.0.0.1:$how->{tcp}" :
	    "unix:$dir/run/app.sock";
	my $keep = $how->{keep} ? 'keepalive 4;' : '';
	my $on = $how->{keep} ? 'on' : 'off';
	my $params = join "\n", map { "\t\tfastcgi_param $_;" } (
		'SCRIPT_NAME $fastcgi_script_name',
		'PATH_INFO $fastcgi_path_info', 'QUERY_STRING $query_string',
		'REQUEST_METHOD $request_method', 'CONTENT_TYPE $content_type',
		'CONTENT_LENGTH $content_length', 'REMOTE_ADDR $remote_addr',
		'SERVER_PROTOCOL $server_protocol', 'HTTPS $https');
	return ['nginx', '-e', "$dir/log/first", '-c', "$dir/conf"], <<X;
daemon off;
master_process off;
pid $dir/run/nginx.pid;
error_log $dir/log/error;
events { }
http {
    access_log off;
    client_body_temp_path $dir/run/a;
    fastcgi_temp_path $dir/run/b;
    proxy_temp_path $dir/run/c;
    scgi_temp_path $dir/run/d;
    uwsgi_temp_path $dir/run/e;
    upstream app { server $at; $keep }
    server {
	listen 127.0.0.1:$port;
	client_max_body_size 64m;
	location /app.cgi {
		fastcgi_split_path_info ^(/app\\.cgi)(.*)\$;
$params
		fastcgi_keep_conn $on;
		fastcgi_pass app;
	}
    }
}
X
}

sub apache2_conf {
	my ($how) = @_;
	my $modules = join "\n", map { "LoadModule ${_}_module " .
	    "/usr/lib/apache2/modules/mod_$_.so" }
	    qw(mpm_event authz_core env proxy proxy_fcgi);
	my $reuse = $how->{keep} ? 'on' : 'off';
	return ['apache2', '-DFOREGROUND', '-f', "$dir/conf"], <<X;
ServerRoot $dir
$modules
Listen 127.0.0.1:$port
ServerName localhost
PidFile $dir/run/apache.pid
DefaultRuntimeDir $dir/run
ErrorLog $dir/log/error
DocumentRoot $dir/www
StartServers 1
ServerLimit 2
ProxyPass /app.cgi unix:$dir/run/app.sock|fcgi://app/app.cgi enablereuse=$reuse
ProxyFCGIBackendType GENERIC
ProxyFCGISetEnvIf "%{REQUEST_URI} =~ m#^(/app\\.cgi)(/.*)?\$#" SCRIPT_NAME "\$1"
ProxyFCGISetEnvIf "%{REQUEST_URI} =~ m#^(/app\\.cgi)(/.*)?\$#" PATH_INFO "\$2"
X
}

# Until it answers; another process may have had the port.
sub server {
	my ($name, $how) = @_;
	for my $try (1 .. 3) {
		my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		    Listen => 1);
		$port = $free->sockport;
		close $free;
		$origin = "http://127.0.0.1:$port";
		no strict 'refs';
		my ($cmd, $conf) = &{"${name}_conf"}($how);
		open my $fh, '>', "$dir/conf" or die;
		print $fh $conf;
		close $fh or die;
		my $pid = run($name, undef, @$cmd);
		for (1 .. 300) {
			return $pid if fetch("$origin/app.cgi") == 200;
			select undef, undef, undef, 0.05;
			last if waitpid($pid, WNOHANG) != 0;
		}
		stop($pid);
	}
	return;
}

# ---- A client -----------------------------------------------------------

my ($head, $page) = ('', '');

# The status; $head without CR, $page.
sub fetch {
	my @args = @_;
	unlink "$dir/head", "$dir/page";
	system "curl -sS -m 20 -D '$dir/head' -o '$dir/page' " .
	    "-b '$dir/jar' -c '$dir/jar' " .
	    join(' ', map { s/'/'\\''/gr =~ s/^|$/'/gr } @args) .
	    " 2>'$dir/err'";
	($head, $page) = (slurp("$dir/head"), slurp("$dir/page"));
	$head =~ s/\r//g;
	my ($status) = $head =~ m{^HTTP/\S+ (\d+)(?![\s\S]*^HTTP/)}m;
	return $status // 0;
}

# Send the form of the last page that has this action.
sub form {
	my ($action, @args) = @_;
	my ($form) = grep { /action="\/app\.cgi\Q$action\E"/ }
	    $page =~ m{<form\b.*?</form>}gs;
	return -1 unless defined $form;
	my ($csrf) = $form =~ /name="\.csrf" value="([^"]*)"/;
	my $how = $form =~ /multipart/ ? '-F' : '--data-urlencode';
	return fetch($how, ".csrf=$csrf", @args, "$origin/app.cgi$action");
}

sub home {
	return fetch("$origin/app.cgi");
}

# Everything that the program can do.
sub uses {
	my ($what) = @_;
	my @log = ("$dir/err", "$dir/head", "$dir/page");

	unlink "$dir/jar";
	told(home() == 200 && $head =~ /^Set-Cookie: __Host-all=/mi,
	    "$what: a page, with a cookie", @log);
	told(form('/login', '-d', 'user=Cottleston', '-d', 'pass=Cake') == 403,
	    "$what: a wrong password is a 403", @log);
	home();
	told(form('/login', '-d', 'user=Cottleston', '-d', 'pass=Pie') == 303 &&
	    home() == 200 && $page =~ m{id="who">Cottleston<},
	    "$what: the right one logs in", @log);
	for (1 .. 3) {
		form('/count');
		home();
	}
	told($page =~ m{id="sum">3<}, "$what: it counts to three", @log);
	my $up = form('/upload', '-F', "doc=\@$dir/big", '-F', "doc=\@$dir/conf");
	home();
	my $bytes = (-s "$dir/big") + -s "$dir/conf";
	told($up == 303 && $page =~ /2 files, $bytes bytes/,
	    "$what: an upload of 2 files, $bytes bytes", @log);
	told(fetch('-X', 'PUT', '-H', 'Content-Type: text/plain',
	    '--data-binary', "\@$dir/big", "$origin/app.cgi/api") == 413,
	    "$what: a body over the limit is a 413", @log);
	told(fetch('-d', 'x=%', '-H', 'Content-Type: nonsense', "$origin/app.cgi") ==
	    415, "$what: what is no form is refused, true to its status", @log);
	told(fetch('-I', "$origin/app.cgi") == 200 && $page !~ /<main>/,
	    "$what: HEAD has no body", @log);
	told(fetch("$origin/app.cgi/nowhere") == 404, "$what: a 404", @log);
	home();
	system 'cp', "$dir/jar", "$dir/before";
	told(form('/logout') == 303 && home() == 200 && $page =~ /Good bye/,
	    "$what: logged out", @log);
	system 'cp', "$dir/before", "$dir/jar";
	told(home() == 200 && $page !~ /id="who"/,
	    "$what: R-26 the cookie of before opens nothing", @log);
}

# Statuses of many at once, as "200" => how many.
sub many {
	my ($n) = @_;
	my %seen;
	open my $fh, '-|', 'curl', '-sS', '--no-progress-meter', '-m', '60', '-Z', '--parallel-max',
	    '16', '-o', '/dev/null', '-w', '%{http_code}\n',
	    "$origin/app.cgi?[1-$n]" or die;
	while (<$fh>) {
		chomp;
		$seen{$_}++;
	}
	close $fh;
	return \%seen;
}

sub crowded {
	my ($what) = @_;
	my $seen = many(200);
	told(($seen->{200} // 0) == 200, "$what: 200 requests, 16 at a time: " .
	    join(', ', map { "$seen->{$_} x $_" } sort keys %$seen));
}

# ---- Programs -----------------------------------------------------------

if (system("cc --version >/dev/null 2>&1") != 0 or !has('curl')) {
	print "1..0 # SKIP no cc or curl\n";
	exit 0;
}
mkdir "$dir/$_" for qw(bin www log run states);
my $cc = $ENV{CC} // 'cc';
my $san = $ENV{SANITIZE} ? "-fsanitize=$ENV{SANITIZE}" : '';
for my $program (qw(app workers)) {
	# Linked whole: that user need not see the build folder.
	my $r = system "$cc -std=c11 -D_GNU_SOURCE $san -I'$top/include' " .
	    "-o '$dir/bin/$program' '$top/examples/$program.c' " .
	    "'$top/examples/page.c' '$build/libsecurestate.a' " .
	    "\$(pkg-config --libs libsodium) -pthread >'$dir/log/cc' 2>&1";
	told($r == 0, "$program links") or goto DONE;
}
open my $big, '>', "$dir/big" or die;
print $big map { sprintf "%09d\n", $_ } 1 .. 200_000;
close $big or die;
chmod 0700, "$dir/states";
if ($> == 0) {
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	chown $uid, $gid, $dir, glob "$dir/*";
}
chmod 0700, $dir;
if (system(@as, 'test', '-w', "$dir/states") != 0) {
	skip("an ordinary user cannot enter $dir: set TMPDIR");
	goto DONE;
}

# ---- All of it ----------------------------------------------------------

if (has('lighttpd')) {
	unlink "$dir/run/app.sock";
	my $pid = server('lighttpd', { start => 1 });
	if (told($pid, 'lighttpd starts two processes of the program')) {
		uses('lighttpd');
		crowded('lighttpd');
		stop($pid);
	}
	if (has('spawn-fcgi')) {
		my $app = run('app', sub { unlink "$dir/run/app.sock" },
		    'env', @env, 'spawn-fcgi', '-n', '-s',
		    "$dir/run/app.sock", '--', "$dir/bin/app");
		$pid = server('lighttpd', {});
		if (told($pid, 'lighttpd, and spawn-fcgi')) {
			uses('spawn-fcgi');
			crowded('spawn-fcgi');
		}
		stop($app, $pid // ());
	} else {
		skip('no spawn-fcgi: scripts/deps check');
	}
} else {
	skip('no lighttpd: scripts/deps check');
}

if (has('nginx')) {
	my $s = listening('unix');
	my @app = map { served_on($s, 0, 'app') } 1 .. 3;
	my $pid = server('nginx', {});
	if (told($pid, 'nginx, three processes on one Unix socket')) {
		uses('nginx');
		crowded('nginx');
	}
	stop(@app, $pid // ());

	$s = listening('tcp');
	@app = served_on($s, 3, 'app', 'FCGI_WEB_SERVER_ADDRS=127.0.0.1');
	$pid = server('nginx', { tcp => $s->sockport, keep => 1 });
	if (told($pid, 'nginx keeps connections; TCP, LISTEN_FDS')) {
		uses('nginx, kept');
		crowded('nginx, kept');
	}
	stop(@app, $pid // ());
	@app = served_on($s, 3, 'app', 'FCGI_WEB_SERVER_ADDRS=192.0.2.1');
	$pid = run('nginx', undef, 'nginx', '-e', "$dir/log/first", '-c',
	    "$dir/conf");
	my $status = 0;
	for (1 .. 300) {
		last if ($status = home()) != 0;
		select undef, undef, undef, 0.05;
	}
	told($status == 502, "FCGI_WEB_SERVER_ADDRS keeps another out: $status");
	stop(@app, $pid);

	# One of two is stopped while requests come: none of them is lost.
	$s = listening('unix');
	@app = map { served_on($s, 0, 'workers') } 1 .. 2;
	$pid = server('nginx', { keep => 1 });
	if (told($pid, 'nginx, two processes of eight threads')) {
		my $stopper = fork;
		if ($stopper == 0) {
			select undef, undef, undef, 0.15;
			kill 'TERM', $app[0];
			POSIX::_exit(0);
		}
		my $seen = many(3000);
		waitpid $stopper, 0;
		my ($code) = stop($app[0]);
		told($code == 0, "the one that was told to stop ended well");
		told(($seen->{200} // 0) == 3000,
		    'and no request was lost: ' . join(', ',
		    map { "$seen->{$_} x $_" } sort keys %$seen));
	}
	my @code = stop(@app[1 .. 1], $pid // ());
	told($code[0] == 0, 'so did the other');
} else {
	skip('no nginx: scripts/deps check');
}

if (has('apache2') and -e '/usr/lib/apache2/modules/mod_proxy_fcgi.so') {
	for my $keep (0, 1) {
		my $s = listening('unix');
		my @app = map { served_on($s, $keep ? 3 : 0, 'app') } 0 .. 1;
		my $pid = server('apache2', { keep => $keep });
		my $what = $keep ? 'Apache, kept' : 'Apache';
		if (told($pid, "$what: mod_proxy_fcgi, two processes")) {
			uses($what);
			crowded($what);
		}
		stop(@app, $pid // ());
	}
} else {
	skip('no apache2: scripts/deps check');
}

DONE:
print "1..$tests\n";
exit !!$failed;
