/* fcgi_upload_test.c - upload_test.c once more, by FastCGI */
#define SHOT_FCGI
#include "upload_test.c"
