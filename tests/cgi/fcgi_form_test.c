/* fcgi_form_test.c - form_test.c once more, by FastCGI */
#define SHOT_FCGI
#include "form_test.c"
