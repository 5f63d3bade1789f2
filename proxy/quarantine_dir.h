#ifndef PROXY_QUARANTINE_DIR_H
#define PROXY_QUARANTINE_DIR_H

#include <stdbool.h>
#include <stdint.h>

struct conf;

/*
 * quarantine_dir: the folder of what is kept: ID, the bytes of a content, and
 * ID.json, its note: the event of the decision in one line.  Knows no loop: the
 * tool reads the folder, too.
 */
#define QUARANTINE_NOTE ".json" /* behind the id: its note */
#define QUARANTINE_PART ".part" /* behind either: not whole yet */
#define QUARANTINE_NAME 48      /* room for each of these names */

/* Its path, into to[PATH_MAX]: [quarantine] path, else "quarantine" below
 * state_dir. */
void quarantine_path(const struct conf *conf, char *to);

/* Does any policy or rule answer with quarantine? */
bool quarantine_wanted(const struct conf *conf);

/* What a file is by its name; other names are none of ours. */
enum quarantine_is {
	QUARANTINE_IS_NONE,
	QUARANTINE_IS_BYTES,
	QUARANTINE_IS_NOTE,
	QUARANTINE_IS_PART
};
enum quarantine_is quarantine_is(const char *name);

/*
 * Deletes what has not been touched for max_age_ms (0: nothing), and parts
 * that a process left that died.  0, or -1 with errno: it cannot be read.
 */
struct quarantine_swept {
	uint64_t bytes;              /* of what stays */
	uint64_t stay, gone, failed; /* contents; could not be deleted */
};
int quarantine_sweep(
    const char *dir, int64_t max_age_ms, struct quarantine_swept *swept_r);

#endif
