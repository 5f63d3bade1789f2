/*
 * load: a configuration from its files: the one that was named, those that it
 * includes, the environment; or from the text embedded here.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/file.h"
#include "conf/inside.h"
#include "conf/list.h"
#include "config.h"
#include "proxy/base/mem.h"

static const char embedded[] = "[listener mail-in]\n"
			       "protocol = smtp\n"
			       "address = 127.0.0.1:2525, [::1]:2525\n"
			       "policy = mail\n"
			       "\n"
			       "[policy mail]\n"
			       "encrypted = tag\n"
			       "\n"
			       "[engine clamav]\n"
			       "\n"
			       "[log console]\n"
			       "format = text\n"
			       "output = stderr\n"
			       "events = decisions\n"
			       "level = info\n";

struct including {
	struct sheet *sh;
	const char *from; /* relative paths begin where this file lies */
	const char *who;
};

/* Takes a file; what is wrong with it as a file is said at `at`. */
static int
take_file(struct sheet *sh, const char *path, const struct place *at)
{
	struct buf b;
	struct err e;

	if (file_read(path, &b, &e) < 0) {
		if (at->line > 0 || strcmp(at->file, path) != 0)
			sheet_wrong(sh, at, "%s: %s", path, e.text);
		else
			sheet_wrong(sh, at, "%s", e.text);
		return -1;
	}
	sheet_take(sh, path, b.len == 0 ? "" : buf_at(&b), b.len);
	buf_free(&b);
	return 0;
}

static struct place
include_place(struct sheet *sh)
{
	return sheet_section(sh, KIND_INCLUDE, "")->at;
}

/* What an included file says in [include] would be read by nobody. */
static void
take_included(struct sheet *sh, const char *path, const struct place *at)
{
	struct place before = include_place(sh), now;

	(void)take_file(sh, path, at);
	now = include_place(sh);
	if (now.file != before.file || now.line != before.line)
		sheet_wrong(
		    sh, &now, "[include] in a file that was itself included");
}

/* A folder that is not there holds no files; one that may not be read may. */
static int
on_folder(const char *path, int why)
{
	(void)path;
	return why != ENOENT && why != ENOTDIR;
}

static void
on_entry(void *arg, const char *text, const struct place *at)
{
	struct including *in = arg;
	const char *slash = strrchr(in->from, '/');
	int dir =
	    text[0] == '/' || slash == NULL ? 0 : (int)(slash - in->from) + 1;
	char *pattern = xasprintf("%.*s%s", dir, in->from, text);
	glob_t g = {0};
	int rc = glob(pattern, 0, on_folder, &g);

	if (rc == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			take_included(in->sh, g.gl_pathv[i], at);
	} else if (rc != GLOB_NOMATCH)
		sheet_wrong(in->sh, at, "%s: %s: cannot be looked through",
		    in->who, pattern);
	else if (strpbrk(pattern, "*?[") == NULL)
		sheet_wrong(in->sh, at, "%s: %s: %s", in->who, pattern,
		    strerror(ENOENT));
	globfree(&g);
	free(pattern);
}

/* Said when the value is made for good. */
static void
on_wrong(void *arg, const struct place *at, const char *text)
{
	(void)arg;
	(void)at;
	(void)text;
}

static const char *
on_file(void *arg, const char *path)
{
	struct including *in = arg;

	return sheet_file(in->sh, path);
}

static void
take_includes(struct sheet *sh, const char *from)
{
	static const struct list_to to = {on_entry, on_wrong, on_file};
	struct including in = {.sh = sh, .from = from};
	struct raw_key *k =
	    sheet_key(sheet_section(sh, KIND_INCLUDE, ""), "path");
	struct buf text;
	struct place at;
	char *raw, *who;

	if (k == NULL)
		return;
	/* Files that are taken move the sheet's keys about. */
	at = k->at;
	raw = xstrdup(k->value);
	who = xstrdup(k->variable != NULL ? k->variable : k->key);
	in.who = who;
	buf_init(&text, 2 * FILE_MAX);
	list_read(raw, &at, &to, &in, &text);
	buf_free(&text);
	free(raw);
	free(who);
}

/* What has to be done when the first file is in the sheet. */
static struct conf *
finish(struct sheet *sh, const char *from, bool env)
{
	struct conf *c;

	if (env)
		sheet_environment(sh, true);
	take_includes(sh, from);
	if (env)
		sheet_environment(sh, false);
	c = conf_resolve(sh);
	if (sh->wrong > 0)
		conf_free(&c);
	sheet_free(sh);
	return c;
}

struct conf *
conf_from_text(
    const char *name, const char *text, size_t len, bool env, FILE *errors)
{
	struct sheet sh;

	sheet_init(&sh, errors);
	sheet_take(&sh, name, text, len);
	return finish(&sh, name, env);
}

/* No file at all is the one case that is not an error; one that may not be
 * read is there. */
static bool
is_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && errno == ENOENT;
}

struct conf *
conf_load(const char *path, FILE *errors)
{
	struct sheet sh;
	struct conf *c;
	struct place at;

	if (path == NULL && is_missing(CONF_DEFAULT_PATH)) {
		c = conf_from_text(
		    "embedded", embedded, strlen(embedded), true, errors);
		if (c != NULL)
			c->embedded = true;
		return c;
	}
	if (path == NULL)
		path = CONF_DEFAULT_PATH;
	sheet_init(&sh, errors);
	at = (struct place){sheet_file(&sh, path), 0};
	if (take_file(&sh, path, &at) < 0) {
		sheet_free(&sh);
		return NULL;
	}
	return finish(&sh, path, true);
}
