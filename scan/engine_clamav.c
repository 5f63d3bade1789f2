/*
 * engine_clamav: libclamav in a scan worker, by this file and those that are
 * called like it.  Here: what it is loaded with.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "scan/clamav_db.h"
#include "scan/engine_clamav_scan.h"

#define ME CLAMAV_ME
#define FILE_MAX_ (INT64_C(2147483647) - 2) /* libclamav's own ceiling */
#define LOADS_MAX 3

extern const struct engine engine_clamav;

static int
init_library(struct err *e)
{
	static bool done;
	cl_error_t rc;

	if (done)
		return 0;
	clamav_listen();
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
	clamav_watch(engine);
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

const struct engine engine_clamav = {
    .name = ME,
    .unpacks = true,
    .open = clamav_open,
    .version = clamav_version,
    .enter = clamav_enter,
    .look = clamav_look,
    .close = clamav_close,
};
