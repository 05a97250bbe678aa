/*
 * lmdb_life_test.c - sessions over `lmdb:`, by the module that is loaded
 */
/* driver: lmdb */
#include "life.h"

int
main(void)
{
	static struct life l;
	char uri[320], path[300];

	kit_folder(l.dir);
	(void)snprintf(path, sizeof(path), "%s/states", l.dir);
	(void)snprintf(uri, sizeof(uri), "lmdb:%s/x.mdb?sync=none", path);
	l.uri = uri;
	life_all(&l);
	life_dump_tree(&l, path);
	life_dump_check(&l);
	return tap_done();
}
