<?php
/* cgi.php - one request through PHP's file sessions, by php-cgi */
ini_set('session.save_handler', 'files');
ini_set('session.save_path', getenv('BENCH_DIR'));
ini_set('session.gc_probability', '0');
session_start();
if (isset($_GET['make'])) {
	for ($k = 0; $k < 10; $k++)
		$_SESSION["p$k"] = str_pad("$k", 48, 'abcdefgh');
	$_SESSION['p5'] = 0;
} else {
	$_SESSION['p5']++;
	echo '<!DOCTYPE html><title>bench</title><p>visits=',
	    $_SESSION['p5'], ' ', htmlspecialchars($_SESSION['p2']), "\n";
}
