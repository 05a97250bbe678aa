/*
 * certify.h - certificates for a test's server
 *
 * certify(&s, "good", "localhost") makes good.ca, good.crt and good.key in
 * the server's folder: an authority of its own, and what it says of a host.
 */
#ifndef CERTIFY_H
#define CERTIFY_H

#include "server.h"

/* 0, or the exit code of openssl; it must be installed. */
__attribute__((unused)) static int
certify(const struct server *s, const char *name, const char *host)
{
	char script[1500];
	char sh[] = "sh", c[] = "-c";
	char *argv[] = { sh, c, script, NULL };

	(void)snprintf(script, sizeof(script),
	    "set -e; umask 077; n=%s; h=%s\n"
	    "new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
	    "openssl req -x509 $new -subj \"/CN=ca $n\" -days 2"
	    " -keyout $n.cakey -out $n.ca\n"
	    "openssl req $new -subj /CN=$h -keyout $n.key -out $n.csr\n"
	    "echo subjectAltName=DNS:$h >$n.ext\n"
	    "openssl x509 -req -in $n.csr -CA $n.ca -CAkey $n.cakey"
	    " -CAcreateserial -days 2 -extfile $n.ext -out $n.crt\n"
	    "chmod 644 $n.ca\n",
	    name, host);
	return server_run(s, argv);
}

#endif
