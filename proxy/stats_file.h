#ifndef PROXY_STATS_FILE_H
#define PROXY_STATS_FILE_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * stats_file: the counters' file: a head that says what is in it, then a part
 * for the parent and for each net worker.  For stats.c and stats_read.c alone.
 * It describes itself, so a tool of another version can read it as long as
 * this page holds.
 */
#define STATS_MAGIC 0x3154415453504c53u /* "SLPSTAT1" */

#define STATS_FAMILIES_MAX 64
#define STATS_SETS_MAX 16
#define STATS_WORDS_MAX 256
#define STATS_WORD 32
#define STATS_NAME 48
#define STATS_TEXT 160
#define STATS_SAID 256

enum stats_kind { STATS_COUNTER, STATS_GAUGE };

/* A counter with all of its series: for each word of the set one for each
 * protocol, or just one. */
struct stats_family {
	char name[STATS_NAME];
	char group[STATS_WORD];
	char text[STATS_TEXT];
	uint32_t kind;
	uint32_t set;
	uint32_t wide;  /* protocols, or 1 */
	uint32_t first; /* of its series in a part */
};

/* Of the words in the head. */
struct stats_label {
	char key[STATS_WORD];
	uint32_t first, n;
};

/* A text that changes; the count is odd while it does. */
struct stats_said {
	_Atomic uint64_t count;
	_Atomic char text[STATS_SAID];
};

struct stats_head {
	uint64_t magic;
	uint32_t size;      /* of this head */
	uint32_t part_size; /* bytes */
	uint32_t parts, families, sets, words;
	uint32_t protocols; /* the set whose words they are */
	int32_t pid;        /* of the parent, which has the file locked */
	int64_t started_ms; /* clock_ms(); what it is by the wall: */
	int64_t started_wall_ms;
	char version[STATS_WORD];
	struct stats_family family[STATS_FAMILIES_MAX];
	struct stats_label set[STATS_SETS_MAX];
	char word[STATS_WORDS_MAX][STATS_WORD];
	struct stats_said state, signatures;
};

#endif
