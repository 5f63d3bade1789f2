/*
 * engine_clamav_scan: says of each member that libclamav comes to, keeps
 * within the budget, passes over what is known, and turns what the library
 * calls a virus into what it is: malware, or a limit.
 */
#include "scan/engine_clamav_scan.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define ME CLAMAV_ME
#define FILE_MAX_ (INT64_C(2147483647) - 2) /* libclamav's own ceiling */
#define LEVELS 256
#define NAMES_MAX 16
#define NAME_MAX_ 128
#define SOME_BYTES 65536 /* see set_limits() */
#define KNOWN_LEAST 512  /* a scan is not cheaper than a digest from here on */
#define CLEAN_MAX 64     /* that one content adds to what is known */

/* libclamav's layers: the content, members of it, what it does not tell. */
struct level {
	enum { LEVEL_OUTER, LEVEL_MEMBER, LEVEL_UNSEEN } is;
	uint64_t kin;
	bool whole; /* has a key, and all that lies inside was looked at */
	struct clamav_key key;
	unsigned at; /* its number among those told */
};

/* A member that is clean, if all is. */
struct clean {
	struct clamav_key key;
	unsigned at, n; /* it and what lies in it, among those told */
};

/* One scan, while libclamav calls us back. */
struct scan {
	struct inspection *in;
	struct clamav_known *known;
	unsigned levels;
	struct level level[LEVELS];
	struct clean clean[CLEAN_MAX];
	unsigned clean_n;
	char names[NAMES_MAX][NAME_MAX_]; /* reported already */
	unsigned n;
};

/* There is one scan at a time in a process, and messages have no context. */
static char trouble[128];

/* ---- what it complains of --------------------------------------------------
 */

static bool
is_write_trouble(const char *msg)
{
	return strstr(msg, "write error") != NULL ||
	    strstr(msg, "failed to write") != NULL ||
	    strstr(msg, "an't create") != NULL ||
	    strstr(msg, "failed to create") != NULL ||
	    strstr(msg, "No space left") != NULL;
}

/*
 * A member that could not be written to a temporary file is passed over and
 * the scan ends "clean": nothing but this message tells.
 */
static void
take_message(enum cl_msg severity, const char *full, const char *msg, void *arg)
{
	(void)full;
	(void)arg;
	if (trouble[0] == '\0' && is_write_trouble(msg)) {
		copy_text(trouble, sizeof(trouble), msg);
		trouble[strcspn(trouble, "\r\n")] = '\0';
	}
	if (severity == CL_MSG_ERROR)
		log_warn(0, "clamav message=%s", log_quote(msg));
	else
		log_debug(0, "clamav message=%s", log_quote(msg));
}

void
clamav_listen(void)
{
	cl_set_clcb_msg(take_message);
}

/* ---- what it finds ---------------------------------------------------------
 */

struct meaning {
	const char *prefix;
	enum finding_kind kind;
	const char *what; /* NULL: the name itself; "": of bytes */
};

/* clang-format off */
static const struct meaning meanings[] = {
    {"Heuristics.Limits.Exceeded.MaxScanTime", FOUND_FAILED, "timeout"},
    {"Heuristics.Limits.Exceeded.MaxScanSize", FOUND_LIMIT, ""},
    {"Heuristics.Limits.Exceeded.MaxFileSize", FOUND_LIMIT, ""},
    {"Heuristics.Limits.Exceeded.MaxFiles", FOUND_LIMIT, "max_members"},
    {"Heuristics.Limits.Exceeded.MaxRecursion", FOUND_LIMIT, "max_depth"},
    {"Heuristics.Limits.Exceeded", FOUND_LIMIT, NULL},
    {"Heuristics.Zip.OverlappingFiles", FOUND_LIMIT, NULL},
    {"Heuristics.Encrypted.", FOUND_ENCRYPTED, NULL},
    /* Cameras and old programs write these every day. */
    {"Heuristics.Broken.Media", FOUND_AMBIGUOUS, NULL},
    {"Heuristics.Broken.", FOUND_MALFORMED, NULL},
    {"", FOUND_MALWARE, NULL},
};
/* clang-format on */

static const struct meaning *
meaning_of(const char *name)
{
	const struct meaning *m = meanings;

	while (strncmp(name, m->prefix, strlen(m->prefix)) != 0)
		m++;
	return m;
}

static bool
is_reported(struct scan *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (strncmp(s->names[i], name, NAME_MAX_ - 1) == 0)
			return true;
	}
	if (s->n < NAMES_MAX)
		copy_text(s->names[s->n++], NAME_MAX_, name);
	return false;
}

static void
report_name(struct scan *s, const char *name)
{
	const struct meaning *m;
	const char *what;

	/* Our own word: a callback told it to stop. */
	if (strncmp(name, "Detected.By.Callback", 20) == 0 ||
	    is_reported(s, name))
		return;
	m = meaning_of(name);
	what = m->what == NULL ? name
	    : *m->what != '\0' ? m->what
			       : inspection_bytes_limit(s->in);
	report_add(inspection_report(s->in), m->kind, ME,
	    inspection_where(s->in), "%s", what);
}

/* ---- what it says while it looks -------------------------------------------
 */

static void
enter_level(struct scan *s, const char *type, uint32_t attributes)
{
	struct level *l = &s->level[s->levels];
	uint64_t kin = 0;

	if (s->levels > 0)
		kin = l[-1].kin;
	l->is = type == NULL ? LEVEL_UNSEEN : LEVEL_OUTER;
	l->kin = clamav_kin(kin, type, attributes);
	l->whole = false;
	s->levels++;
}

/* Something is still to be opened: none of those around it is whole. */
static void
put_aside(struct scan *s)
{
	for (unsigned i = 0; i < s->levels; i++)
		s->level[i].whole = false;
}

static void
leave_level(struct scan *s)
{
	const struct level *l;

	MUST(s->levels > 0);
	l = &s->level[--s->levels];
	if (l->is == LEVEL_MEMBER && !inspection_leave(s->in))
		put_aside(s);
	else if (l->whole && s->clean_n < CLEAN_MAX)
		s->clean[s->clean_n++] = (struct clean){
		    l->key, l->at, inspection_told(s->in) - l->at};
}

/* What lies in one that was come to before in this content; libclamav takes
 * some documents apart twice. */
static const struct told_member *
find_here(const struct scan *s, const struct clamav_key *key, unsigned *n_r,
    unsigned *level_r)
{
	const struct told_member *t;

	for (unsigned i = 0; i < s->clean_n; i++) {
		const struct clean *c = &s->clean[i];

		if (memcmp(&c->key, key, sizeof(*key)) != 0)
			continue;
		t = inspection_told_from(s->in, c->at, c->n);
		if (t == NULL)
			return NULL;
		*n_r = c->n - 1;
		*level_r = t->level;
		return t + 1;
	}
	return NULL;
}

/* Was the same found clean before, in such a place? */
static enum member_step
remembered(struct scan *s, struct level *l, const void *bytes, size_t size)
{
	const struct told_member *inside;
	unsigned n, level = 0;

	if (s->known == NULL || size < KNOWN_LEAST ||
	    clamav_key_of(bytes, size, l->kin, &l->key) < 0)
		return MEMBER_LOOK;
	inside = find_here(s, &l->key, &n, &level);
	if (inside == NULL)
		inside = clamav_known_find(s->known, &l->key, &n);
	l->whole = inside == NULL;
	l->at = inspection_told(s->in) - 1;
	if (inside == NULL)
		return MEMBER_LOOK;
	log_debug(0, "clamav known where=%s members=%u",
	    log_quote(inspection_where(s->in)), n);
	return inspection_known(s->in, inside, n, level) == MEMBER_STOP
	    ? MEMBER_STOP
	    : MEMBER_SKIP;
}

/* Its temporary file's name, another one each time, is none. */
static const char *
real_name(const char *name)
{
	size_t len = name == NULL ? 0 : strlen(name);

	if (len > 11 && memcmp(name, "clamav-", 7) == 0 &&
	    memcmp(name + len - 4, ".tmp", 4) == 0)
		return NULL;
	return name;
}

/* Comes to each layer before it is scanned; level 0 is the content itself. */
static cl_error_t
on_member(int fd, const char *type, const char **ancestors, size_t parent_size,
    const char *name, size_t size, const char *bytes, uint32_t level,
    uint32_t attributes, void *arg)
{
	struct scan *s = arg;
	enum member_step step;

	(void)fd;
	(void)ancestors;
	(void)parent_size;
	MUST(level < LEVELS);
	while (s->levels > level)
		leave_level(s);
	while (s->levels < level)
		enter_level(s, NULL, 0);
	enter_level(s, type == NULL ? "" : type, attributes);
	if (level == 0)
		return CL_CLEAN;
	if (bytes == NULL) {
		copy_text(trouble, sizeof(trouble), "a member has no bytes");
		return CL_BREAK;
	}
	s->level[level].is = LEVEL_MEMBER;
	step = inspection_enter(s->in, real_name(name), bytes, size);
	if (step == MEMBER_LOOK)
		step = remembered(s, &s->level[level], bytes, size);
	/* No other answer ends a scan. */
	if (step == MEMBER_STOP)
		return CL_VIRUS;
	return step == MEMBER_SKIP ? CL_BREAK : CL_CLEAN;
}

/* When it is done with a layer: heuristics are told here, not as found. */
static cl_error_t
on_done(int fd, int result, const char *name, void *arg)
{
	struct scan *s = arg;

	(void)fd;
	if (result == CL_VIRUS && name != NULL)
		report_name(s, name);
	while (s->levels > 0 && s->level[s->levels - 1].is == LEVEL_UNSEEN)
		leave_level(s);
	if (s->levels > 0)
		leave_level(s);
	return CL_CLEAN;
}

static void
on_found(int fd, const char *name, void *arg)
{
	(void)fd;
	if (name != NULL)
		report_name(arg, name);
}

void
clamav_watch(struct cl_engine *engine)
{
	cl_engine_set_clcb_file_inspection(engine, on_member);
	cl_engine_set_clcb_post_scan(engine, on_done);
	cl_engine_set_clcb_virus_found(engine, on_found);
}

/* ---- a scan ----------------------------------------------------------------
 */

static long long
at_most(uint64_t n, uint64_t most)
{
	return (long long)(n < most ? n : most);
}

/*
 * The engine is this process's own.  Its limits lie a little beyond ours, so
 * that ours are met first, at a known place.  A member longer than
 * MAX_FILESIZE is cut there and called clean; cut past what MAX_SCANSIZE
 * leaves, it is a limit.
 */
static void
set_limits(struct cl_engine *engine, const struct budget *b, uint64_t size)
{
	uint64_t longest = b->bytes + SOME_BYTES;
	int64_t left = b->deadline_ms - clock_ms();

	if (longest < size)
		longest = size;
	cl_engine_set_num(
	    engine, CL_ENGINE_MAX_FILESIZE, at_most(longest, FILE_MAX_));
	cl_engine_set_num(engine, CL_ENGINE_MAX_SCANSIZE,
	    at_most(size + b->bytes, INT64_MAX));
	/* Layers that are no members to us count there too. */
	cl_engine_set_num(engine, CL_ENGINE_MAX_RECURSION,
	    at_most(2 * (uint64_t)b->depth + 8, LEVELS - 1));
	cl_engine_set_num(engine, CL_ENGINE_MAX_FILES,
	    at_most(2 * (uint64_t)b->members + 64, INT32_MAX));
	cl_engine_set_num(engine, CL_ENGINE_MAX_SCANTIME,
	    at_most(left > 0 ? (uint64_t)left : 1, INT32_MAX));
}

static int
understand(struct scan *s, cl_error_t rc, const char *name, struct err *e)
{
	if (trouble[0] != '\0')
		return err_set(e, "temporary file: %s", trouble);
	if (rc == CL_CLEAN)
		return 0;
	if (rc == CL_ETIMEOUT) {
		report_add(inspection_report(s->in), FOUND_FAILED, ME,
		    inspection_where(s->in), "timeout");
		return 0;
	}
	if (rc != CL_VIRUS)
		return err_set(e, "%s", cl_strerror(rc));
	if (name != NULL && *name != '\0')
		report_name(s, name);
	else if (s->n == 0)
		inspection_limit(s->in, "max_scan_size");
	return 0;
}

/* The whole content is clean, and there was nothing to say about it. */
static void
remember(struct scan *s)
{
	static struct told_member inside[CLAMAV_INSIDE_MAX];
	const struct report *r = inspection_report(s->in);

	if (r->seen > 0 || r->unscanned_bytes > 0)
		return;
	for (unsigned i = 0; i < s->clean_n; i++) {
		const struct clean *c = &s->clean[i];
		const struct told_member *t =
		    inspection_told_from(s->in, c->at, c->n);

		if (t == NULL || c->n - 1 > CLAMAV_INSIDE_MAX)
			continue;
		for (unsigned k = 1; k < c->n; k++) {
			inside[k - 1] = t[k];
			inside[k - 1].level -= t->level;
		}
		clamav_known_add(s->known, &c->key, inside, c->n - 1);
	}
}

int
clamav_look(
    void *state, const struct content *c, struct inspection *in, struct err *e)
{
	static struct scan s;
	struct clamav *cl = state;
	const void *bytes = content_map(c);
	size_t size = (size_t)content_size(c);
	const char *name = NULL;
	unsigned long scanned = 0;
	cl_fmap_t *map;
	cl_error_t rc;
	int looked;

	if (bytes == NULL)
		return err_set(e, "map: no memory");
	if (size == 0)
		return 0;
	s.in = in;
	s.known = cl->known;
	s.levels = 0;
	s.clean_n = 0;
	s.n = 0;
	trouble[0] = '\0';
	set_limits(cl->engine, inspection_budget(in), size);
	map = cl_fmap_open_memory(bytes, size);
	if (map == NULL)
		return err_set(e, "cl_fmap_open_memory: no memory");
	rc = cl_scanmap_callback(
	    map, NULL, &name, &scanned, cl->engine, &cl->options, &s);
	while (s.levels > 0)
		leave_level(&s);
	looked = understand(&s, rc, name, e);
	if (looked == 0 && rc == CL_CLEAN)
		remember(&s);
	cl_fmap_close(map);
	return looked;
}
