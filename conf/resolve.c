/*
 * resolve: from a sheet, which is text, to a conf, which is values.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/inside.h"
#include "conf/list.h"
#include "conf/reader.h"
#include "conf/value.h"
#include "proxy/base/addr.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

struct making {
	struct sheet *sh;
	const char *who;
	const struct opt_row *row;
	struct value *v;
};

static void
on_wrong(void *arg, const struct place *at, const char *text)
{
	struct making *m = arg;

	sheet_wrong(m->sh, at, "%s: %s", m->who, text);
}

static const char *
on_file(void *arg, const char *path)
{
	struct making *m = arg;

	return sheet_file(m->sh, path);
}

/* What an entry has to be, where the table says so.  0, or -1 with words. */
static int
check_entry(const struct opt_row *row, const char *text, struct err *e)
{
	struct opt_row word = *row;
	struct addr a;
	struct net net;
	int64_t n;

	if (row->type == TYPE_ADDRESSES)
		return addr_parse(text, &a, e);
	if (row->type == TYPE_NETWORKS)
		return net_parse(text, &net, e);
	word.type = TYPE_WORD;
	return row->words[0] == '\0' ? 0 : value_number(&word, text, &n, e);
}

static void
on_entry(void *arg, const char *text, const struct place *at)
{
	struct making *m = arg;
	struct value *v = m->v;
	struct err e;

	if (check_entry(m->row, text, &e) < 0)
		on_wrong(m, at, e.text);
	/* Room is made at 1, 2, 4, 8 ... entries. */
	if ((v->n & (v->n + 1)) == 0)
		v->list =
		    xrealloc(v->list, 2 * (v->n + 1) + 1, sizeof(*v->list));
	v->list[v->n++] = xstrdup(text);
	v->list[v->n] = NULL;
}

/* What is printed has to fit into a line again, with its key and quotes. */
#define LIST_TEXT_MAX (READER_LINE_MAX - 2 * READER_KEY_MAX)
#define SINGLE_TEXT_MAX 4096

static void
make_list(struct making *m, const char *raw, const struct place *at)
{
	static const struct list_to to = {on_entry, on_wrong, on_file};
	struct buf text;

	m->v->list = xcalloc(2, sizeof(*m->v->list));
	buf_init(&text, LIST_TEXT_MAX);
	list_read(raw, at, &to, m, &text);
	m->v->text = xstrdup(buf_text(&text));
	buf_free(&text);
}

static void
make_single(struct making *m, const char *raw, const struct place *at)
{
	struct err e;

	m->v->text = value_text(raw);
	if (raw[0] == '\0')
		on_wrong(m, at, "there is no value");
	else if (raw[0] == ';' || raw[0] == '#')
		on_wrong(m, at,
		    "a value that begins with ; or # stands in "
		    "double quotes");
	else if (strlen(m->v->text) > SINGLE_TEXT_MAX)
		on_wrong(m, at, "longer than 4096 bytes");
	else if (value_number(m->row, m->v->text, &m->v->number, &e) < 0)
		on_wrong(m, at, e.text);
}

void
value_make(struct sheet *sh, enum opt opt, const char *who, const char *raw,
    struct place at, struct value *v_r)
{
	struct making m = {sh, who, schema_opt(opt), v_r};

	*v_r = (struct value){.opt = opt, .at = at};
	if (schema_is_list(m.row->type))
		make_list(&m, raw, &at);
	else
		make_single(&m, raw, &at);
}

void
value_clear(struct value *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->list[i]);
	free(v->list);
	free(v->text);
	*v = (struct value){0};
}

/* ---- defaults
 * ----------------------------------------------------------------- */

static void
host_name(char *to, size_t size)
{
	if (gethostname(to, size) < 0 || to[0] == '\0')
		copy_text(to, size, "localhost");
	to[size - 1] = '\0';
}

/* An option without a default: -1, "" and no entries. */
static void
make_unset(enum opt opt, struct value *v_r)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (opt == OPT_GATEWAY_NAME)
		host_name(name, sizeof(name));
	v_r->opt = opt;
	v_r->number = -1;
	v_r->text = xstrdup(name);
	v_r->list = xcalloc(1, sizeof(*v_r->list));
}

struct conf *
conf_empty(void)
{
	struct conf *c = xcalloc(1, sizeof(*c));
	struct sheet sh = {.errors = stderr};
	struct place at = {"default", 0};

	c->magic = CONF_MAGIC;
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct opt_row *row = schema_opt(opt);
		struct value *v = &c->defaults[opt];

		if (row->def == REQUIRED || row->def[0] == '\0')
			make_unset(opt, v);
		else
			value_make(&sh, opt, row->key, row->def, at, v);
		v->at = at;
	}
	MUST(sh.wrong == 0);
	return c;
}

/* ---- sections
 * ------------------------------------------------------------------ */

static int
by_option(const void *a, const void *b)
{
	const struct value *x = a, *y = b;

	return (x->opt > y->opt) - (x->opt < y->opt);
}

static void
check_required(struct sheet *sh, const struct conf_section *s)
{
	char title[SHEET_VARIABLE_MAX];

	sheet_title(s->kind, s->name, title);
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct opt_row *row = schema_opt(opt);

		if (row->kind == s->kind && row->def == REQUIRED &&
		    conf_own(s, opt) == NULL)
			sheet_wrong(sh, &s->at, "%s has no %s, and needs one",
			    title, row->key);
	}
}

/* The word behind `protocol` of a raw section, ours to free. */
static char *
protocol_of(const struct raw_section *raw)
{
	for (size_t i = 0; i < raw->n; i++) {
		if (strcmp(raw->keys[i].key, "protocol") == 0)
			return value_text(raw->keys[i].value);
	}
	return xstrdup("");
}

static void
resolve_section(
    struct sheet *sh, const struct raw_section *raw, struct conf_section *s)
{
	char *protocol = protocol_of(raw);

	s->kind = raw->kind;
	s->name = xstrdup(raw->name);
	s->at = raw->at;
	s->values = xcalloc(raw->n, sizeof(*s->values));
	for (size_t i = 0; i < raw->n; i++) {
		const struct raw_key *k = &raw->keys[i];
		enum opt opt = raw->kind == KIND_LISTENER
		    ? schema_find_listener_key(protocol, k->key)
		    : schema_find_key(raw->kind, k->key);

		value_make(sh, opt, k->variable != NULL ? k->variable : k->key,
		    k->value, k->at, &s->values[s->n++]);
	}
	free(protocol);
	qsort(s->values, s->n, sizeof(*s->values), by_option);
	check_required(sh, s);
}

struct conf *
conf_resolve(struct sheet *sh)
{
	struct conf *c = conf_empty();

	c->sections = xcalloc(sh->n, sizeof(*c->sections));
	for (size_t i = 0; i < sh->n; i++)
		resolve_section(sh, &sh->sections[i], &c->sections[c->n++]);
	c->files = sh->files;
	c->nfiles = sh->nfiles;
	conf_check(c, sh);
	sh->files = NULL;
	sh->nfiles = 0;
	return c;
}
