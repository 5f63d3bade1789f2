#ifndef SCAN_MIME_WALK_H
#define SCAN_MIME_WALK_H

#include "scan/mime.h"
#include "scan/mime_head.h"
#include "scan/mime_lines.h"

/*
 * mime_walk: what the files of mime share; private to them.
 *
 * The walk goes over the reading of the RFCs first (reason MAIN) and notes
 * each other reading as a task; tasks may note further tasks.  Nothing is
 * walked twice in the same way, so shared structure costs once, and every
 * count has a limit.  What is found are leaves; when all tasks are done the
 * leaves that say the same as another are dropped and the rest handed out.
 */
#define MAIN MIME_ODD_COUNT /* a reason: no oddity, the RFCs' reading */

/* The mail, or what an encoded message or multipart in it decodes to. */
struct source {
	const char *text;
	size_t len;
	char *owned;          /* text, when it is on the heap */
	uint64_t at, raw_len; /* where it lies in the mail, encoded */
};

/* Under which reading something is read. */
struct context {
	struct source *src;
	enum mime_lines lines;
	enum mime_odd reason;
	unsigned depth;
	bool seen;        /* the engine's parser gets here, too */
	bool digest;      /* no Content-Type: a message (RFC 2046 5.1.5) */
	const char *path; /* "letter.eml", or "" */
};

/* A body and what the header says of it. */
struct entity {
	struct slice type, disposition; /* at NULL: no such field */
	enum mime_codec codec;
	size_t body, end;
};

enum task_kind {
	TASK_ENTITY,   /* header and body in [body, end) */
	TASK_HEAD,     /* header in [from, to), body in [body, end) */
	TASK_TYPE,     /* the entity, as its type and codec say */
	TASK_BOUNDARY, /* split the body at all boundaries of the type */
	TASK_DECODE,   /* decode the body of a multipart, then split it */
	TASK_GUESS     /* split the body at what looks like delimiters */
};

struct task {
	enum task_kind kind;
	struct context c;
	struct entity e;
	size_t from, to;
};

/* A part that a reader could show or save. */
struct leaf {
	const struct source *src;
	struct slice type, disposition;
	struct slice name; /* of uuencode and yEnc, from their first line */
	const char *path;
	size_t at, len;
	uint64_t hash, size; /* of what it decodes to, once `hashed` */
	enum mime_codec codec;
	unsigned variant; /* of the decoder */
	enum mime_odd reason;
	unsigned depth;
	bool seen, hashed, dropped;
};

/* What has been done: two things that are equal here are done once. */
struct done {
	const struct source *src;
	size_t a, b;
	unsigned tag;
};

struct mime_walk {
	struct mime_limits limits;
	struct mime_result *r;
	uint64_t bytes;           /* decoded so far; limits.bytes is the most */
	uint64_t work, most_work; /* bytes gone over, for all readings */
	uint32_t entities;        /* walked; limits.readings is the most */
	bool strange; /* the structure is odd: look under the carpet */
	struct source **sources;
	size_t n_sources;
	struct leaf *leaves;
	size_t n_leaves, cap_leaves;
	struct task *tasks;
	size_t n_tasks, cap_tasks;
	struct done *done; /* open addressing; src NULL: empty */
	size_t n_done, cap_done;
	char **texts; /* paths; freed at the end */
	size_t n_texts;
	unsigned char *out; /* what a leaf decodes to */
	size_t cap_out;
};

/* mime.c */
void walk_odd(struct mime_walk *w, enum mime_odd odd);

/* True when so many bytes may still be gone over. */
bool walk_spend(struct mime_walk *w, size_t bytes);

/*
 * True the first time, false when it was done before.  The tags say what;
 * entities add to theirs which lines they saw and whether they were MAIN.
 */
#define TAG_ENTITY 0x100
#define TAG_START 0x200 /* an entity begins there, in these lines */
#define TAG_HEAD 0x300
#define TAG_LEAF 0x400 /* and the codec and its variant */

bool walk_once(struct mime_walk *w, const struct source *src, unsigned tag,
    size_t a, size_t b);
bool walk_was_done(const struct mime_walk *w, const struct source *src,
    unsigned tag, size_t a, size_t b);
void walk_task(struct mime_walk *w, const struct task *t);

/* A source of the decoded body of e; NULL: too large. */
struct source *walk_decode(
    struct mime_walk *w, const struct context *c, const struct entity *e);

/* mime_entity.c */
/*
 * A header and a body.  Returns true when the header did not end: there was
 * no empty line in [at, end).
 */
bool entity_walk(
    struct mime_walk *w, const struct context *c, size_t at, size_t end);

/* A whole mail: walks it under every idea of what a line is. */
void entity_walk_mail(struct mime_walk *w, const struct context *c);
void entity_task(struct mime_walk *w, const struct task *t);

/* When the structure is odd: base64 and parts that nothing speaks of. */
void entity_sweep(struct mime_walk *w);

/* mime_multi.c: what a type makes of a body */
void entity_act(
    struct mime_walk *w, const struct context *c, const struct entity *e);
void entity_boundaries(
    struct mime_walk *w, const struct context *c, const struct entity *e);
void entity_guess(
    struct mime_walk *w, const struct context *c, const struct entity *e);
void entity_decode(
    struct mime_walk *w, const struct context *c, const struct entity *e);

/* mime_leaf.c */
void leaf_add(
    struct mime_walk *w, const struct context *c, const struct entity *e);

/* uuencode and yEnc in plain text. */
void leaf_add_inline(
    struct mime_walk *w, const struct context *c, size_t at, size_t end);

/* The bytes of a leaf, in the mail or in w->out.  0, or -1: too large. */
int leaf_bytes(struct mime_walk *w, const struct leaf *leaf,
    const unsigned char **bytes_r, size_t *len_r);

/* Drops the leaves that say what another says; notes why the others are. */
void leaves_settle(struct mime_walk *w);

/* mime_part.c: hands them out */
int leaves_deliver(struct mime_walk *w, mime_part_fn *part, void *arg);

#endif
