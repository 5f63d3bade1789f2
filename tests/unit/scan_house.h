#ifndef UNIT_SCAN_HOUSE_H
#define UNIT_SCAN_HOUSE_H

/*
 * scan_house: an inspector with signatures of its own, for tests: a marker in
 * a database folder that goes away with the test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "scan/inspect.h"

#define MARK "Sallyport unit marker. "
#define MARK_NAME "Test.marker.UNOFFICIAL"

struct scan_house {
	char dir[32];
	struct conf *conf;
	struct inspector *inspector;
};

static inline void
house_put_signature(
    const struct scan_house *h, const char *name, const char *text)
{
	char *path = xasprintf("%s/db/%s.ndb", h->dir, name);
	FILE *f = fopen(path, "w");

	if (f == NULL)
		abort();
	fprintf(f, "Test.%s:0:*:", name);
	for (const char *s = text; *s != '\0'; s++)
		fprintf(f, "%02x", (unsigned char)*s);
	fputc('\n', f);
	fclose(f);
	free(path);
}

/* more: lines of [scan] and behind it. */
static inline void
house_configure(struct scan_house *h, const char *more)
{
	char *text = xasprintf(
	    "[engine clamav]\ndatabase = %s/db\n[scan]\n%s", h->dir, more);

	h->conf = conf_from_text("test", text, strlen(text), false, stderr);
	if (h->conf == NULL)
		abort();
	free(text);
}

static inline void
house_open(struct scan_house *h, const char *more)
{
	char *db;
	struct err e;

	log_setup(LOG_ERROR_, "test");
	copy_text(h->dir, sizeof(h->dir), "/tmp/t_scan.XXXXXX");
	if (mkdtemp(h->dir) == NULL)
		abort();
	db = xasprintf("%s/db", h->dir);
	if (mkdir(db, 0700) < 0)
		abort();
	free(db);
	house_put_signature(h, "marker", MARK MARK MARK);
	house_configure(h, more);
	h->inspector = inspector_open(h->conf, &e);
	if (h->inspector == NULL ||
	    inspector_enter(h->inspector, h->dir, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
}

static inline void
house_close(struct scan_house *h)
{
	struct err e;

	inspector_close(&h->inspector);
	conf_free(&h->conf);
	(void)tree_empty(h->dir, &e);
	(void)rmdir(h->dir);
}

#endif
