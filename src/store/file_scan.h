/*
 * file_scan.h - what the reaper does once per boot, and when it must not run
 *
 *	n.<ns>/boot: magic "SSB1" | 4 x 0 | boot id under which the expiry
 *	index is whole (16) | boot id of the scan under way (16) | its next
 *	sub-directory (8) | wall clock minus boot clock (8) | boot clock when
 *	a jump was seen (8) | checksum (8)
 *
 * The index is not synced, so after a power cut it may lack entries.  Another
 * boot id than the last one is answered by one look at every record.
 */
#ifndef STORE_FILE_SCAN_H
#define STORE_FILE_SCAN_H

#include <stdint.h>

#include "store/file_dir.h"

struct findex;
struct sstate_error;

enum { FSCAN_ID = 16 };

struct fscan {
	char ns[FDIR_NS]; /* of what follows; "": nothing is known */
	unsigned char boot[FSCAN_ID]; /* of this boot; zeros: unknown */
	unsigned char whole[FSCAN_ID], under[FSCAN_ID];
	uint64_t next;
	int done; /* by this process */
	int64_t offset, jumped;
};

/* A namespace is new: its index is whole from now on. */
void fscan_begin(struct fdir *d, const char *ns);
/* The look at every record is due again: the directory was copied, say. */
void fscan_again(struct fscan *s, struct fdir *d, const char *ns);
/*
 * SSTATE_EBUSY while the wall clock runs ahead of the boot clock by more
 * than a day: a bad step must not end everybody's session.  After a day of
 * the boot clock the step is believed.
 */
int fscan_clock(struct fscan *s, struct fdir *d, const char *ns,
    struct sstate_error *err);
/* The look at every record, if it is due; a slice of it if limit is not 0. */
int fscan_run(uint64_t *removed, struct fscan *s, struct fdir *d,
    struct findex *x, const char *ns, int64_t before, uint64_t limit,
    struct sstate_error *err);

#endif
