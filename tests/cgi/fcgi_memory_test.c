/* fcgi_memory_test.c - memory_test.c once more, by FastCGI */
#define SHOT_FCGI
#include "memory_test.c"
