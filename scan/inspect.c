/*
 * inspect: the whole pipeline as one call: identify, run every engine, open
 * what the engines cannot, and do the same for each member until the budget
 * is spent.  The steps while an engine looks are in inspection.c.
 */
#include "scan/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "scan/inspection.h"

#define INSPECTOR_MAGIC 0x1259ec70u
#define ENGINES_MAX 8
#define MEMBER_MEMORY (UINT64_C(1) << 20)   /* one; then a file */
#define MEMBERS_MEMORY (UINT64_C(32) << 20) /* all at one time */
#define RATIO_LEAST (UINT64_C(8) << 20) /* max_ratio counts only past this */

struct loaded {
	const struct engine *engine;
	void *state;
};

struct inspector {
	uint32_t magic;
	struct loaded engines[ENGINES_MAX];
	unsigned n;
	char version[REPORT_ENGINES_MAX + 1];
	uint64_t max_scan_size, max_unpacked_size, timeout_rate;
	int64_t timeout;
	uint32_t max_ratio, max_depth, max_members;
	char *tmpdir;
	struct spool_house house;
};

/* ---- opening ---------------------------------------------------------------
 */

static const struct engine *
find_engine(const struct conf *conf, const struct conf_section *s)
{
	size_t at = (size_t)conf_int(conf, s, OPT_ENGINE_TYPE);

	/* The words of the option stand in the order of the array. */
	for (size_t i = 0; i < at; i++)
		MUST(engines[i] != NULL);
	return engines[at];
}

static int
load(struct inspector *i, const struct conf *conf, const char *name,
    struct err *e)
{
	const struct conf_section *s = conf_section(conf, "engine", name);
	struct loaded *l = &i->engines[i->n];

	if (s == NULL)
		return err_set(e, "[scan] engines: no [engine %s]", name);
	if (!conf_int(conf, s, OPT_ENGINE_ENABLED))
		return 0;
	if (i->n == ENGINES_MAX)
		return err_set(e, "[scan] engines: more than %d", ENGINES_MAX);
	l->engine = find_engine(conf, s);
	if (l->engine->open(conf, s, &l->state, e) < 0)
		return -1;
	i->n++;
	return 0;
}

static int
load_all(struct inspector *i, const struct conf *conf, struct err *e)
{
	const char *const *names;
	size_t n = conf_list(conf, NULL, OPT_SCAN_ENGINES, &names);
	size_t at = 0;

	for (size_t k = 0; k < n; k++) {
		if (load(i, conf, names[k], e) < 0)
			return -1;
	}
	if (i->n == 0)
		return err_set(e, "[scan] engines: none is enabled");
	for (unsigned k = 0; k < i->n && at < sizeof(i->version); k++) {
		const struct loaded *l = &i->engines[k];

		at += (size_t)snprintf(i->version + at, sizeof(i->version) - at,
		    "%s%s", k == 0 ? "" : " ", l->engine->version(l->state));
	}
	return 0;
}

static void
read_limits(struct inspector *i, const struct conf *c)
{
	i->max_scan_size = (uint64_t)conf_int(c, NULL, OPT_SCAN_MAX_SCAN_SIZE);
	i->max_unpacked_size =
	    (uint64_t)conf_int(c, NULL, OPT_SCAN_MAX_UNPACKED_SIZE);
	i->max_ratio = (uint32_t)conf_int(c, NULL, OPT_SCAN_MAX_RATIO);
	i->max_depth = (uint32_t)conf_int(c, NULL, OPT_SCAN_MAX_DEPTH);
	i->max_members = (uint32_t)conf_int(c, NULL, OPT_SCAN_MAX_MEMBERS);
	i->timeout = conf_int(c, NULL, OPT_SCAN_TIMEOUT);
	i->timeout_rate = (uint64_t)conf_int(c, NULL, OPT_SCAN_TIMEOUT_RATE);
}

struct inspector *
inspector_open(const struct conf *conf, struct err *e)
{
	struct inspector *i = xcalloc(1, sizeof(*i));

	i->magic = INSPECTOR_MAGIC;
	read_limits(i, conf);
	if (load_all(i, conf, e) < 0)
		inspector_close(&i);
	return i;
}

int
inspector_enter(struct inspector *i, const char *tmpdir, struct err *e)
{
	IS(i, INSPECTOR_MAGIC);
	free(i->tmpdir);
	i->tmpdir = xstrdup(tmpdir);
	i->house = (struct spool_house){
	    .dir = i->tmpdir,
	    .memory_each = MEMBER_MEMORY,
	    .memory_max = MEMBERS_MEMORY,
	    .disk_max = UINT64_MAX / 2, /* tmpdir has its own size */
	};
	for (unsigned k = 0; k < i->n; k++) {
		const struct loaded *l = &i->engines[k];

		if (l->engine->enter != NULL &&
		    l->engine->enter(l->state, tmpdir, e) < 0)
			return -1;
	}
	return 0;
}

const char *
inspector_version(const struct inspector *i)
{
	IS(i, INSPECTOR_MAGIC);
	return i->version;
}

struct budget
inspector_budget(const struct inspector *i, uint64_t size)
{
	int64_t more = (int64_t)(size / i->timeout_rate) * 1000 +
	    (int64_t)(size % i->timeout_rate * 1000 / i->timeout_rate);

	IS(i, INSPECTOR_MAGIC);
	return (struct budget){
	    .bytes = i->max_unpacked_size,
	    .members = i->max_members,
	    .depth = i->max_depth,
	    .ratio = i->max_ratio,
	    .deadline_ms = clock_ms() + i->timeout + more,
	};
}

void
inspector_close(struct inspector **ip)
{
	struct inspector *i = *ip;

	*ip = NULL;
	if (i == NULL)
		return;
	IS(i, INSPECTOR_MAGIC);
	for (unsigned k = 0; k < i->n; k++)
		i->engines[k].engine->close(i->engines[k].state);
	free(i->tmpdir);
	i->magic = 0;
	free(i);
}

/* ---- one content -----------------------------------------------------------
 */

static void
run_engine(
    struct inspection *in, const struct loaded *l, const struct content *c)
{
	struct err e;

	if (!inspection_in_time(in, inspection_where(in)))
		return;
	if (l->engine->look(l->state, c, in, &e) == 0)
		return;
	report_add(in->report, FOUND_FAILED, l->engine->name,
	    inspection_where(in), "%s", e.text);
	in->report->unscanned_bytes += content_size(c);
}

static void
open_all(struct inspection *in, struct later *list, const struct content *c)
{
	while (list != NULL) {
		struct later *l = list;

		list = l->next;
		/* What is malware is refused: nobody asks for more names. */
		if (!in->stop && !report_has(in->report, FOUND_MALWARE))
			inspect_inside(
			    in, l, l->content != NULL ? l->content : c);
		later_free(&l);
	}
}

static void
look_at(
    struct inspection *in, const struct content *c, const struct where *where)
{
	const void *bytes = content_map(c);

	if (bytes == NULL) {
		report_add(in->report, FOUND_FAILED, "scan", where->path,
		    "map: %s", strerror(errno));
		in->report->unscanned_bytes += content_size(c);
		return;
	}
	inspection_begin(in, c, bytes, where);
	for (unsigned k = 0; k < in->inspector->n; k++)
		run_engine(in, &in->inspector->engines[k], c);
	open_all(in, inspection_finish(in), c);
}

void
inspect_below(struct inspection *in, const struct content *c,
    const struct where *where, unsigned levels)
{
	if (levels > in->budget.depth) {
		report_add(
		    in->report, FOUND_LIMIT, "scan", where->path, "max_depth");
		in->report->unscanned_bytes += content_size(c);
		return;
	}
	in->budget.depth -= levels;
	in->depth += levels;
	look_at(in, c, where);
	in->budget.depth += levels;
	in->depth -= levels;
}

/* ---- the call --------------------------------------------------------------
 */

/* max_ratio is about all of it: a bomb in a bomb is one bomb. */
static void
bound_bytes(struct inspection *in, uint64_t size)
{
	struct budget *b = &in->budget;
	uint64_t most =
	    size > UINT64_MAX / b->ratio ? UINT64_MAX : size * b->ratio;

	if (most < RATIO_LEAST)
		most = RATIO_LEAST;
	in->bytes_limit = "max_unpacked_size";
	if (most >= b->bytes)
		return;
	b->bytes = most;
	in->bytes_limit = "max_ratio";
}

static void
name_content(const struct content *c, struct where *w_r)
{
	static const char *const names[CONTENT_KINDS] = {
	    [CONTENT_MAIL] = "mail.eml",
	    [CONTENT_BODY] = "body",
	    [CONTENT_FILE] = "file",
	};
	const char *name = content_name(c);

	where_start(w_r, *name != '\0' ? name : names[content_kind(c)]);
}

void
inspect(struct inspector *i, const struct content *c, struct budget b,
    inspect_member *member, void *arg, struct report *report_r)
{
	/* Large, and there is one at a time in a process. */
	static struct inspection in;
	int64_t begin = clock_ms();
	struct where where;

	IS(i, INSPECTOR_MAGIC);
	MUST(i->tmpdir != NULL);
	report_init(report_r);
	copy_text(report_r->engines, sizeof(report_r->engines), i->version);
	in.inspector = i;
	in.budget = b;
	in.report = report_r;
	in.member = member;
	in.member_arg = arg;
	in.house = &i->house;
	in.depth = 0;
	in.stop = false;
	bound_bytes(&in, content_size(c));
	name_content(c, &where);
	if (content_size(c) > i->max_scan_size) {
		report_add(
		    report_r, FOUND_LIMIT, "scan", where.path, "max_scan_size");
		report_r->unscanned_bytes = content_size(c);
	} else {
		look_at(&in, c, &where);
		inspect_coded(&in, c, &where);
	}
	report_r->msec = (uint32_t)(clock_ms() - begin);
}
