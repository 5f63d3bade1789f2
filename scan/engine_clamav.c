/*
 * engine_clamav: libclamav in a scan worker: the one file that speaks it.  It
 * says of each member that it comes to, keeps within the budget, and turns
 * what the library calls a virus into what it is: malware, or a limit.
 */
#include <clamav.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "scan/clamav_db.h"
#include "scan/engine.h"
#include "scan/engine_clamav_known.h"

#define ME "clamav"
#define FILE_MAX_ (INT64_C(2147483647) - 2) /* libclamav's own ceiling */
#define LEVELS 256
#define NAMES_MAX 16
#define NAME_MAX_ 128
#define LOADS_MAX 3
#define SOME_BYTES 65536 /* see set_limits() */
#define LEAF_LEAST 512   /* a scan is not cheaper than a digest from here on */
#define LEAVES_MAX 64    /* that one content adds to what is known */

struct clamav {
	struct cl_engine *engine;
	struct cl_scan_options options;
	bool remember;              /* cache_size is not 0 */
	struct clamav_known *known; /* NULL: nothing is remembered */
	char version[64];
};

/* libclamav's layers: the content, members of it, what it does not tell. */
struct level {
	enum { LEVEL_OUTER, LEVEL_MEMBER, LEVEL_UNSEEN } is;
	uint64_t kin;
	bool leaf; /* it has a key, and nothing inside so far */
	struct clamav_key key;
};

/* One scan, while libclamav calls us back. */
struct scan {
	struct inspection *in;
	struct clamav_known *known;
	unsigned levels;
	struct level level[LEVELS];
	struct clamav_key leaves[LEAVES_MAX]; /* clean, if all is */
	unsigned leaves_n;
	char names[NAMES_MAX][NAME_MAX_]; /* reported already */
	unsigned n;
};

/* There is one scan at a time in a process, and messages have no context. */
static char trouble[128];

extern const struct engine engine_clamav;

/* ---- loading ---------------------------------------------------------------
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

static int
init_library(struct err *e)
{
	static bool done;
	cl_error_t rc;

	if (done)
		return 0;
	cl_set_clcb_msg(take_message);
	rc = cl_init(CL_INIT_DEFAULT);
	if (rc != CL_SUCCESS)
		return err_set(e, "libclamav: %s", cl_strerror(rc));
	done = true;
	return 0;
}

static void
set_options(struct cl_scan_options *o)
{
	o->parse = ~UINT32_C(0);
	o->general = CL_SCAN_GENERAL_HEURISTICS;
	o->heuristic = CL_SCAN_HEURISTIC_BROKEN |
	    CL_SCAN_HEURISTIC_BROKEN_MEDIA | CL_SCAN_HEURISTIC_EXCEEDS_MAX |
	    CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
	    CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
}

static cl_error_t on_member(int fd, const char *type, const char **ancestors,
    size_t parent_size, const char *name, size_t size, const char *bytes,
    uint32_t level, uint32_t attributes, void *arg);
static cl_error_t on_done(int fd, int result, const char *name, void *arg);
static void on_found(int fd, const char *name, void *arg);

static struct cl_engine *
new_engine(void)
{
	static const enum cl_engine_field sizes[] = {CL_ENGINE_MAX_EMBEDDEDPE,
	    CL_ENGINE_MAX_HTMLNORMALIZE, CL_ENGINE_MAX_HTMLNOTAGS,
	    CL_ENGINE_MAX_SCRIPTNORMALIZE, CL_ENGINE_MAX_ZIPTYPERCG,
	    CL_ENGINE_PCRE_MAX_FILESIZE};
	struct cl_engine *engine = cl_engine_new();

	MUST(engine != NULL);
	/* Past these it would do less and not say so. */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		cl_engine_set_num(engine, sizes[i], FILE_MAX_);
	/* No memory that is both written and run. */
	cl_engine_set_num(
	    engine, CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER);
	/* What it knows to be clean it would not take apart again, and what
	 * we find in there, and it does not, would then be missed: see
	 * engine_clamav_known. */
	cl_engine_set_num(engine, CL_ENGINE_DISABLE_CACHE, 1);
	cl_engine_set_clcb_file_inspection(engine, on_member);
	cl_engine_set_clcb_post_scan(engine, on_done);
	cl_engine_set_clcb_virus_found(engine, on_found);
	return engine;
}

static int
load_once(
    struct clamav *cl, const char *path, unsigned *signatures_r, struct err *e)
{
	cl_error_t rc;

	cl->engine = new_engine();
	*signatures_r = 0;
	rc = cl_load(path, cl->engine, signatures_r, CL_DB_STDOPT);
	if (rc == CL_SUCCESS)
		rc = cl_engine_compile(cl->engine);
	if (rc == CL_SUCCESS)
		return 0;
	cl_engine_free(cl->engine);
	cl->engine = NULL;
	return err_set(e, "%s: %s", path, cl_strerror(rc));
}

/* A folder that changes while it is read would be called by a wrong name. */
static int
load(struct clamav *cl, const char *path, unsigned *signatures_r,
    uint64_t *hash_r, struct err *e)
{
	uint64_t before;

	for (int i = 0; i < LOADS_MAX; i++) {
		if (clamav_db_hash(path, &before, e) < 0 ||
		    load_once(cl, path, signatures_r, e) < 0 ||
		    clamav_db_hash(path, hash_r, e) < 0)
			return -1;
		if (*hash_r == before)
			return 0;
		cl_engine_free(cl->engine);
		cl->engine = NULL;
	}
	return err_set(e, "%s: changes while it is loaded", path);
}

static int
load_built_in(struct clamav *cl, const char *path, unsigned *signatures_r,
    uint64_t *hash_r, struct err *e)
{
	char dir[CLAMAV_DB_DIR];
	int rc;

	log_warn(0,
	    "clamav database=%s has no signatures: only the EICAR test file "
	    "will be found; for real ones: apt-get install clamav-freshclam",
	    path);
	if (clamav_db_built_in(dir, e) < 0)
		return -1;
	rc = load(cl, dir, signatures_r, hash_r, e);
	clamav_db_remove(dir);
	return rc;
}

/* The number of the daily database where there is one, and all by its hash. */
static void
set_version(struct clamav *cl, unsigned signatures, uint64_t hash)
{
	int rc;
	long long db = cl_engine_get_num(cl->engine, CL_ENGINE_DB_VERSION, &rc);

	if (rc != CL_SUCCESS || db <= 0)
		db = signatures;
	(void)snprintf(cl->version, sizeof(cl->version),
	    "%s/%s/%lld-%08" PRIx32, ME, cl_retver(), db,
	    (uint32_t)(hash ^ hash >> 32));
}

static int
load_any(struct clamav *cl, const char *path, int64_t least, struct err *e)
{
	unsigned signatures;
	uint64_t hash;
	int rc;

	if (clamav_db_is_there(path))
		rc = load(cl, path, &signatures, &hash, e);
	else
		rc = load_built_in(cl, path, &signatures, &hash, e);
	if (rc < 0)
		return -1;
	if (signatures < least)
		return err_set(e, "%s: %u signatures, min_signatures is %jd",
		    path, signatures, (intmax_t)least);
	set_version(cl, signatures, hash);
	log_info(0, "clamav loaded database=%s signatures=%u version=%s", path,
	    signatures, cl->version);
	return 0;
}

static void
clamav_close(void *state)
{
	struct clamav *cl = state;

	if (cl->engine != NULL)
		cl_engine_free(cl->engine);
	clamav_known_close(&cl->known);
	free(cl);
}

static int
clamav_open(const struct conf *conf, const struct conf_section *s,
    void **state_r, struct err *e)
{
	struct clamav *cl;

	if (init_library(e) < 0)
		return -1;
	cl = xcalloc(1, sizeof(*cl));
	set_options(&cl->options);
	cl->remember = conf_int(conf, NULL, OPT_SCAN_CACHE_SIZE) > 0;
	if (load_any(cl, conf_str(conf, s, OPT_ENGINE_DATABASE),
		conf_int(conf, s, OPT_ENGINE_MIN_SIGNATURES), e) < 0) {
		clamav_close(cl);
		return -1;
	}
	*state_r = cl;
	return 0;
}

static const char *
clamav_version(const void *state)
{
	const struct clamav *cl = state;

	return cl->version;
}

static int
clamav_enter(void *state, const char *tmpdir, struct err *e)
{
	struct clamav *cl = state;
	cl_error_t rc = cl_engine_set_str(cl->engine, CL_ENGINE_TMPDIR, tmpdir);

	if (cl->known == NULL && cl->remember)
		cl->known = clamav_known_open();
	return rc == CL_SUCCESS
	    ? 0
	    : err_set(e, "libclamav tmpdir: %s", cl_strerror(rc));
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

	if (s->levels > 0) {
		kin = l[-1].kin;
		l[-1].leaf = false;
	}
	l->is = type == NULL ? LEVEL_UNSEEN : LEVEL_OUTER;
	l->kin = clamav_kin(kin, type, attributes);
	l->leaf = false;
	s->levels++;
}

static void
leave_level(struct scan *s)
{
	const struct level *l;

	MUST(s->levels > 0);
	l = &s->level[--s->levels];
	if (l->leaf && s->leaves_n < LEAVES_MAX)
		s->leaves[s->leaves_n++] = l->key;
	if (l->is == LEVEL_MEMBER)
		inspection_leave(s->in);
}

/* Was the same found clean before, in such a place? */
static bool
is_known(struct scan *s, struct level *l, const void *bytes, size_t size)
{
	if (s->known == NULL || size < LEAF_LEAST ||
	    clamav_key_of(bytes, size, l->kin, &l->key) < 0)
		return false;
	l->leaf = !clamav_known_has(s->known, &l->key);
	if (!l->leaf)
		log_debug(0, "clamav known where=%s",
		    log_quote(inspection_where(s->in)));
	return !l->leaf;
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
	/* No other answer ends a scan. */
	if (step == MEMBER_STOP)
		return CL_VIRUS;
	if (step == MEMBER_SKIP || is_known(s, &s->level[level], bytes, size))
		return CL_BREAK;
	return CL_CLEAN;
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
	const struct report *r = inspection_report(s->in);

	if (r->seen > 0 || r->unscanned_bytes > 0)
		return;
	for (unsigned i = 0; i < s->leaves_n; i++)
		clamav_known_add(s->known, &s->leaves[i]);
}

static int
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
	s.leaves_n = 0;
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

const struct engine engine_clamav = {
    .name = ME,
    .unpacks = true,
    .open = clamav_open,
    .version = clamav_version,
    .enter = clamav_enter,
    .look = clamav_look,
    .close = clamav_close,
};
