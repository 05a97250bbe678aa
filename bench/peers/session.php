<?php
/*
 * session.php - the unit of work through PHP's own file sessions
 *
 * usage: php session.php DIR; verbs on stdin as in speak.h.
 */
ini_set('session.save_handler', 'files');
ini_set('session.save_path', $argv[1]);
ini_set('session.use_cookies', '0');
ini_set('session.use_only_cookies', '0');
ini_set('session.cache_limiter', '');
ini_set('session.gc_probability', '0');

$ids = [];

function value(int $x): string
{
	return str_pad(dechex($x), 48, 'abcdefgh');
}

function begin(string $id, array $how = []): void
{
	session_id($id);
	if (!session_start($how))
		exit(1);
}

function make(int $n): void
{
	global $ids;
	for ($i = 0; $i < $n; $i++) {
		begin($ids[] = session_create_id());
		for ($k = 0; $k < 10; $k++)
			$_SESSION["p$k"] = value($i * 10 + $k);
		session_write_close();
	}
}

function work(string $verb, int $n): void
{
	global $ids;
	$how = $verb === 'readclose' ? ['read_and_close' => true] : [];
	for ($i = 0; $i < $n; $i++) {
		begin($ids[mt_rand(0, count($ids) - 1)], $how);
		if (!isset($_SESSION['p2'], $_SESSION['p7']))
			exit(1);
		if ($verb === 'cycle')
			$_SESSION['p5'] = value(mt_rand());
		if ($verb !== 'readclose')
			session_write_close();
	}
}

/* n processes on one session at once, 200 ms each. */
function parallel(int $n): void
{
	global $ids, $argv;
	$all = [];
	for ($i = 0; $i < $n; $i++)
		$all[] = proc_open([PHP_BINARY, __FILE__, $argv[1], $ids[0]],
		    [], $pipes);
	foreach ($all as $p)
		if (proc_close($p) !== 0)
			exit(1);
}

if (isset($argv[2])) {
	begin($argv[2]);
	usleep(200000);
	$_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
	session_write_close();
	exit(0);
}
mt_srand(7);
while (($line = fgets(STDIN)) !== false) {
	[$verb, $n] = explode(' ', trim($line) . ' 0');
	if ($verb === 'quit')
		break;
	$t = hrtime(true);
	if ($verb === 'make')
		make((int)$n);
	elseif ($verb === 'parallel')
		parallel((int)$n);
	else
		work($verb, (int)$n);
	fwrite(STDOUT, hrtime(true) - $t . " 0\n");
}
