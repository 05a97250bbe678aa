/* fcgi_answer_test.c - answer_test.c once more, by FastCGI */
#define SHOT_FCGI
#include "answer_test.c"
