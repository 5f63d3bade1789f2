/*
 * image: a conf as bytes in a sealed memfd, so that a child reads no file:
 * numbers in the machine's order, texts with their length in front.  The
 * defaults are not in it: the child is the same program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/inside.h"
#include "config.h"
#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/base/slice.h"

#define IMAGE_NAME "sallyport-conf " SALLYPORT_VERSION
#define IMAGE_MAX (256u * 1024 * 1024)

/* Another table's image is refused: its options have other numbers.  FNV-1a
 * of what is in the table. */
static int64_t
table_mark(void)
{
	uint64_t mark = 14695981039346656037u;

	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		const struct opt_row *row = schema_opt(opt);
		const char *parts[] = {row->key, row->words};

		mark = (mark ^ (uint64_t)row->type) * 1099511628211u;
		for (size_t i = 0; i < 2; i++)
			for (const char *at = parts[i]; *at != '\0'; at++)
				mark = (mark ^ (unsigned char)*at) *
				    1099511628211u;
	}
	return (int64_t)(mark >> 1);
}

/* ---- writing
 * ------------------------------------------------------------------- */

static void
put_number(struct buf *b, int64_t n)
{
	buf_put(b, &n, sizeof(n));
}

static void
put_text(struct buf *b, const char *text)
{
	put_number(b, (int64_t)strlen(text));
	buf_puts(b, text);
}

static void
put_place(struct buf *b, const struct place *at)
{
	put_text(b, at->file == NULL ? "" : at->file);
	put_number(b, at->line);
}

static void
put_value(struct buf *b, const struct value *v)
{
	put_number(b, v->opt);
	put_place(b, &v->at);
	put_number(b, v->number);
	put_text(b, v->text);
	put_number(b, (int64_t)v->n);
	for (size_t i = 0; i < v->n; i++)
		put_text(b, v->list[i]);
}

static void
put_conf(struct buf *b, const struct conf *c)
{
	put_text(b, IMAGE_NAME);
	put_number(b, table_mark());
	put_number(b, c->embedded);
	put_number(b, (int64_t)c->n);
	for (size_t i = 0; i < c->n; i++) {
		const struct conf_section *s = &c->sections[i];

		put_number(b, s->kind);
		put_text(b, s->name);
		put_place(b, &s->at);
		put_number(b, (int64_t)s->n);
		for (size_t k = 0; k < s->n; k++)
			put_value(b, &s->values[k]);
	}
}

static int
write_sealed(int fd, struct slice bytes, struct err *e)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, "memfd write: %s", strerror(errno));
		bytes = slice_skip(bytes, (size_t)n);
	}
	if (fcntl(fd, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return err_set(e, "memfd seal: %s", strerror(errno));
	return 0;
}

int
conf_to_fd(const struct conf *c, struct err *e)
{
	struct buf b;
	int fd, rc;

	IS(c, CONF_MAGIC);
	fd = memfd_create("sallyport-conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, "memfd: %s", strerror(errno));
	buf_init(&b, IMAGE_MAX);
	put_conf(&b, c);
	/* The last byte says that nothing is missing. */
	if (buf_put(&b, "E", 1) < 0)
		rc = err_set(e, "the configuration is too large");
	else
		rc = write_sealed(fd, (struct slice){buf_at(&b), b.len}, e);
	buf_free(&b);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- reading
 * ------------------------------------------------------------------- */

struct image {
	struct slice rest;
	bool bad; /* something was out of its range: nothing more is read */
	struct sheet files;
};

static int64_t
get_number(struct image *im, int64_t most)
{
	int64_t n = 0;

	if (im->bad || im->rest.len < sizeof(n)) {
		im->bad = true;
		return 0;
	}
	memcpy(&n, im->rest.at, sizeof(n));
	im->rest = slice_skip(im->rest, sizeof(n));
	if (n < 0 || n > most) {
		im->bad = true;
		return 0;
	}
	return n;
}

/* How many things follow; each takes a number's room at least. */
static size_t
get_count(struct image *im)
{
	return (size_t)get_number(
	    im, (int64_t)(im->rest.len / sizeof(int64_t)));
}

static char *
get_text(struct image *im)
{
	size_t len = (size_t)get_number(im, (int64_t)im->rest.len);
	struct slice s = im->rest;

	if (im->bad || len > s.len) {
		im->bad = true;
		return xstrdup("");
	}
	im->rest = slice_skip(im->rest, len);
	return xstrndup(s.at, len);
}

static struct place
get_place(struct image *im)
{
	char *file = get_text(im);
	struct place at = {sheet_file(&im->files, file), 0};

	at.line = (unsigned)get_number(im, UINT32_MAX);
	free(file);
	return at;
}

static void
get_value(struct image *im, struct value *v)
{
	v->opt = (enum opt)get_number(im, OPT_COUNT - 1);
	v->at = get_place(im);
	v->number = get_number(im, INT64_MAX);
	v->text = get_text(im);
	v->n = get_count(im);
	v->list = xcalloc(v->n + 1, sizeof(*v->list));
	for (size_t i = 0; i < v->n; i++)
		v->list[i] = get_text(im);
}

static void
get_section(struct image *im, struct conf_section *s)
{
	s->kind = (enum kind)get_number(im, KIND_COUNT - 1);
	s->name = get_text(im);
	s->at = get_place(im);
	s->n = get_count(im);
	s->values = xcalloc(s->n, sizeof(*s->values));
	for (size_t i = 0; i < s->n; i++)
		get_value(im, &s->values[i]);
}

static bool
get_name(struct image *im)
{
	char *name = get_text(im);
	bool same = strcmp(name, IMAGE_NAME) == 0;

	free(name);
	return same && get_number(im, INT64_MAX) == table_mark();
}

static struct conf *
get_conf(struct slice bytes, struct err *e)
{
	struct image im = {.rest = bytes};
	struct conf *c;

	if (!get_name(&im)) {
		err_set(e, "not a configuration of this program's version");
		return NULL;
	}
	c = conf_empty();
	c->embedded = get_number(&im, 1) == 1;
	c->n = get_count(&im);
	c->sections = xcalloc(c->n, sizeof(*c->sections));
	for (size_t i = 0; i < c->n; i++)
		get_section(&im, &c->sections[i]);
	c->files = im.files.files;
	c->nfiles = im.files.nfiles;
	if (im.bad || !slice_is(im.rest, "E")) {
		err_set(e, "the configuration's image is damaged");
		conf_free(&c);
	}
	return c;
}

struct conf *
conf_from_fd(int fd, struct err *e)
{
	struct conf *c;
	struct stat st;
	size_t len;
	void *at;

	if (fstat(fd, &st) < 0 || st.st_size <= 0 ||
	    st.st_size > (off_t)IMAGE_MAX) {
		err_set(e, "no configuration on descriptor %d", fd);
		return NULL;
	}
	len = (size_t)st.st_size;
	at = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		err_set(e, "mmap: %s", strerror(errno));
		return NULL;
	}
	c = get_conf((struct slice){at, len}, e);
	munmap(at, len);
	return c;
}
