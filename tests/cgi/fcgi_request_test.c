/* fcgi_request_test.c - request_test.c once more, by FastCGI */
#define SHOT_FCGI
#include "request_test.c"
