/* page.h - a page's size, from what the kernel handed over at the start */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#include <stddef.h>
#include <sys/auxv.h>

/* As sysconf() says, which is code and tables that nobody else uses. */
static inline size_t
page_size(void)
{
	return (size_t)getauxval(AT_PAGESZ);
}

#endif
