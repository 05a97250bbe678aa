# Web.pm - programs behind lighttpd, and wrk that asks for their pages
#
# FastCGI programs have two processes, as many as there are connections; each
# connection has a session of its own.
package Web;

use strict;
use warnings;
use IO::Socket::INET;

use constant { CONNECTIONS => 2, SECONDS => 2 };

my %alive;

# Each of who: name, and fcgi, cgi => a program, or php => a script, by =>
# php-cgi.
sub new {
	my ($class, $dir, $env, @who) = @_;
	my $web = bless { dir => $dir, env => $env }, $class;
	my $n = 0;

	mkdir "$dir/$_", 0700 or die "$dir: $!\n" for qw(www run);
	for my $c (@who) {
		my $ext = $c->{php} ? 'php' : $c->{cgi} ? 'cgi' : 'fcgi';
		$c->{path} = sprintf '/p%d.%s', $n++, $ext;
		symlink $c->{$ext}, "$dir/www$c->{path}" or die "$!\n";
	}
	$web->start(@who);
	$web->sessions($_) for @who;
	return $web;
}

sub conf {
	my ($web, @who) = @_;
	my $dir = $web->{dir};
	my $list = sub { join ', ', map { "\"$_\" => \"$_[0]{$_}\"" }
	    sort keys %{ $_[0] } };
	my $server = sub {
		my ($key, $bin, $procs, $env) = @_;
		my $socket = $key =~ tr{/}{}dr;
		return qq{  "$key" => (( "bin-path" => "$bin",
    "socket" => "$dir/run/$socket", "max-procs" => $procs,
    "check-local" => "disable",
    "bin-environment" => ( @{[$list->($env)]} ) ))};
	};
	my @fcgi = map { $server->($_->{path}, $_->{fcgi}, CONNECTIONS,
	    $web->{env}) } grep { $_->{fcgi} } @who;
	push @fcgi, map { $server->($_->{path}, $_->{by}, 1,
	    { %{ $web->{env} }, PHP_FCGI_CHILDREN => CONNECTIONS,
	    PHP_FCGI_MAX_REQUESTS => 1_000_000 }) } grep { $_->{php} } @who;
	return <<X . join(",\n", @fcgi) . "\n)\n";
server.bind = "127.0.0.1"
server.port = $web->{port}
server.document-root = "$dir/www"
server.errorlog = "$dir/run/error"
server.max-keep-alive-requests = 1000000
server.modules = ( "mod_setenv", "mod_cgi", "mod_fastcgi" )
cgi.assign = ( ".cgi" => "" )
setenv.set-environment = ( @{[$list->($web->{env})]} )
fastcgi.server = (
X
}

sub start {
	my ($web, @who) = @_;

	for my $try (1 .. 3) {
		my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		    Listen => 1) or die "no port\n";
		$web->{port} = $s->sockport;
		close $s;
		open my $fh, '>', "$web->{dir}/conf" or die;
		print $fh $web->conf(@who);
		close $fh or die;
		my $pid = $web->{pid} = fork // die;
		if (!$pid) {
			open STDIN, '<', '/dev/null';
			open STDOUT, '>', "$web->{dir}/run/said";
			open STDERR, '>&', \*STDOUT;
			exec 'lighttpd', '-D', '-f', "$web->{dir}/conf";
			exit 127;
		}
		$alive{$pid} = 1;
		for (1 .. 100) {
			return if $web->get($who[0]{path}) =~ / 200 /;
			select undef, undef, undef, 0.05;
			last if waitpid($pid, 1) == $pid;
		}
		delete $alive{$pid};
	}
	die "lighttpd does not start: $web->{dir}/run/error\n";
}

# A session for each connection; the answer's head.
sub get {
	my ($web, $path) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$web->{port}")
	    or return '';
	print $s "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
	local $/;
	return readline($s) // '';
}

sub sessions {
	my ($web, $c) = @_;
	my @cookies;

	for (1 .. CONNECTIONS) {
		my $answer = $web->get("$c->{path}?make=1");
		die "$c->{name}: " . substr($answer, 0, 200) . "\n"
		    unless $answer =~ m{^HTTP/1\.[01] 200 };
		my ($cookie) = $answer =~ /^Set-Cookie: ([^;\r]+)/mi;
		push @cookies, $cookie // 'none=1';
	}
	$c->{script} = "$web->{dir}/run/script$c->{path}.lua";
	$c->{script} =~ s{script/}{};
	open my $fh, '>', $c->{script} or die "$c->{script}: $!\n";
	print $fh 'local cookies = { ', join(', ', map { "\"$_\"" } @cookies),
	    " }\n", <<'X';
local n = 0
function setup(thread)
	n = n + 1
	thread:set("cookie", cookies[n])
end
function init(args)
	wrk.headers["Cookie"] = cookie
end
X
	close $fh or die;
}

# Requests a second; every answer is a 200, and a session has counted them.
sub rate {
	my ($web, $c) = @_;
	my $text = qx(wrk -t @{[CONNECTIONS]} -c @{[CONNECTIONS]} \\
	    -d @{[SECONDS]}s -s '$c->{script}' \\
	    http://127.0.0.1:$web->{port}$c->{path} 2>&1);
	my ($rate) = $text =~ m{^Requests/sec:\s*([\d.]+)}m;

	die "$c->{name}: $text\n"
	    if !$rate or $text =~ /Non-2xx|Socket errors/;
	return $rate;
}

sub end {
	my ($web) = @_;

	kill 'TERM', $web->{pid};
	waitpid $web->{pid}, 0;
	delete $alive{$web->{pid}};
}

# What a run that was stopped has left.
sub stop {
	my @pid = keys %alive;

	kill 'TERM', @pid;
	waitpid $_, 0 for @pid;
	%alive = ();
}

1;
