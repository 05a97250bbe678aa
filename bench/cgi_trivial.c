/*
 * cgi_trivial.c - a CGI program that does nothing but print a page
 *
 * Linked like the others: what a process costs before it does anything.
 */
#include <unistd.h>

int
main(void)
{
	static const char page[] =
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "\r\n<!DOCTYPE html><title>bench</title><p>visits=1\n";

	return write(1, page, sizeof(page) - 1) != (ssize_t)sizeof(page) - 1;
}
