/*
 * upload.h - what a multipart body holds: parameters, and files
 *
 * A small file lies in the arena; one over LIMIT_FILE_MEMORY_BYTES in a
 * file without a name, mapped for reading.  No path is ever made of what a
 * client sent (M7).
 */
#ifndef CGI_UPLOAD_H
#define CGI_UPLOAD_H

#include <stddef.h>

#include <securestate/cgi.h>

#include "base/buf.h"
#include "cgi/multipart.h"

struct sstate_error;
struct upload_file;

struct upload {
	struct arena *a;
	struct sstate_error *err;
	size_t max_files, max_params; /* bytes; number, the query's too */
	size_t nparams_before; /* so many came with the query */

	struct sstate_param *params;
	size_t nparams, cap;
	struct upload_file *first, *last;
	size_t file_bytes, files;

	/* the part that is being read */
	struct upload_file *file; /* NULL: it is a parameter */
	const char *name;
	struct buf buf;
	int fd; /* -1: it is in buf */
};

extern const struct part_sink upload_sink;

void upload_init(struct upload *u, struct arena *a, size_t max_files,
    size_t max_params, size_t nparams_before, struct sstate_error *err);
/* Unmap and close what there is. */
void upload_free(struct upload *u);
const struct sstate_file *upload_find(const struct upload *u, const char *field,
    size_t i);

#endif
