/*
 * stats_read: maps the counters' file and adds up its parts.  It belongs to
 * another process, so nothing in it is believed before it was looked at; the
 * lock on it says whether that process lives.
 */
#include "proxy/stats_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/base/mem.h"
#include "proxy/stats.h"
#include "proxy/stats_file.h"

#define PREFIX "sallyport_"
#define SAID_TRIES 100

struct stats_view {
	struct stats_head head; /* as it was when we looked */
	char state[STATS_SAID], signatures[STATS_SAID];
	const unsigned char *map;
	size_t size;
};

/* ---- looking ---- */

static bool
ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool
family_is_sound(const struct stats_head *h, const struct stats_family *f)
{
	uint64_t n;

	if (!ends(f->name, STATS_NAME) || !ends(f->group, STATS_WORD) ||
	    !ends(f->text, STATS_TEXT) || f->set >= h->sets)
		return false;
	if (f->wide != 1 && f->wide != h->set[h->protocols].n)
		return false;
	n = f->first + (uint64_t)h->set[f->set].n * f->wide;
	return n * sizeof(uint64_t) <= h->part_size;
}

static bool
is_sound(const struct stats_view *v)
{
	const struct stats_head *h = &v->head;

	if (h->magic != STATS_MAGIC || h->size != sizeof(*h) ||
	    h->part_size % sizeof(uint64_t) != 0 ||
	    h->size + (uint64_t)h->parts * h->part_size > v->size ||
	    h->families > STATS_FAMILIES_MAX || h->sets > STATS_SETS_MAX ||
	    h->words > STATS_WORDS_MAX || h->protocols >= h->sets ||
	    !ends(h->version, STATS_WORD))
		return false;
	for (unsigned i = 0; i < h->words; i++) {
		if (!ends(h->word[i], STATS_WORD))
			return false;
	}
	for (unsigned i = 0; i < h->sets; i++) {
		if (!ends(h->set[i].key, STATS_WORD) ||
		    (uint64_t)h->set[i].first + h->set[i].n > h->words)
			return false;
	}
	for (unsigned i = 0; i < h->families; i++) {
		if (!family_is_sound(h, &h->family[i]))
			return false;
	}
	return true;
}

/* A text that its owner may be writing. */
static void
hear(const struct stats_said *said, char to[STATS_SAID])
{
	for (unsigned try = 0; try < SAID_TRIES; try++) {
		uint64_t count = atomic_load(&said->count);

		for (size_t i = 0; i < STATS_SAID; i++)
			to[i] = atomic_load(&said->text[i]);
		to[STATS_SAID - 1] = '\0';
		if (count % 2 == 0 && atomic_load(&said->count) == count)
			return;
	}
}

/* Does whoever made it live? */
static bool
is_locked(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int
map(struct stats_view *v, int fd)
{
	const struct stats_head *h;
	struct stat st;
	void *at;

	if (fstat(fd, &st) < 0)
		return -1;
	errno = EBADMSG;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(v->head))
		return -1;
	v->size = (size_t)st.st_size;
	at = mmap(NULL, v->size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -1;
	v->map = at;
	h = at;
	memcpy(&v->head, h, sizeof(v->head));
	hear(&h->state, v->state);
	hear(&h->signatures, v->signatures);
	errno = EBADMSG;
	return is_sound(v) ? 0 : -1;
}

/* NULL: why is in errno. */
static struct stats_view *
look(const char *path, bool *alive_r)
{
	struct stats_view *v;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error;

	if (fd < 0)
		return NULL;
	v = xcalloc(1, sizeof(*v));
	*alive_r = is_locked(fd);
	if (map(v, fd) < 0)
		stats_look_away(&v);
	error = errno;
	(void)close(fd);
	errno = error;
	return v;
}

struct stats_view *
stats_look(const char *dir, enum stats_no *why_r, struct err *e)
{
	char path[PATH_MAX];
	bool alive = false;
	struct stats_view *v = NULL;
	int n = snprintf(path, sizeof(path), "%s/" STATS_FILE, dir);

	errno = ENAMETOOLONG;
	if (n > 0 && (size_t)n < sizeof(path))
		v = look(path, &alive);
	if (v != NULL && alive)
		return v;
	if (v != NULL) {
		*why_r = STATS_NOBODY;
		(void)err_set(e,
		    "no sallyportd runs: %.150s is what pid %d left", path,
		    (int)v->head.pid);
		stats_look_away(&v);
		return NULL;
	}
	*why_r = STATS_NOT_OURS;
	if (errno == ENOENT || errno == ENOTDIR)
		*why_r = STATS_NOBODY;
	if (errno == EACCES || errno == EPERM)
		*why_r = STATS_NOT_ALLOWED;
	if (*why_r == STATS_NOBODY)
		(void)err_set(
		    e, "no sallyportd runs: there is no %.150s", path);
	else if (errno == EBADMSG)
		(void)err_set(
		    e, "%.100s: not counters that this version can read", path);
	else
		(void)err_set(e, "%.150s: %s", path, strerror(errno));
	return NULL;
}

void
stats_look_away(struct stats_view **vp)
{
	struct stats_view *v = *vp;

	*vp = NULL;
	if (v == NULL)
		return;
	if (v->map != NULL)
		(void)munmap((void *)(uintptr_t)v->map, v->size);
	free(v);
}

/* ---- numbers ---- */

static uint64_t
value(const struct stats_view *v, uint32_t series)
{
	const unsigned char *part = v->map + v->head.size;
	uint64_t n = 0;

	for (uint32_t i = 0; i < v->head.parts; i++) {
		const void *at = part + (size_t)i * v->head.part_size;

		n += atomic_load_explicit((const _Atomic uint64_t *)at + series,
		    memory_order_relaxed);
	}
	return n;
}

/* One series. */
struct one {
	const struct stats_family *family;
	const char *word;     /* of its label; "": it has none */
	const char *protocol; /* "": none */
	uint64_t value;
};

static const char *
word_of(const struct stats_head *h, uint32_t set, uint32_t i)
{
	return h->word[h->set[set].first + i];
}

/* The i-th of a family.  False: there is no such protocol. */
static bool
series(const struct stats_view *v, const struct stats_family *f, uint32_t i,
    struct one *o_r)
{
	const struct stats_head *h = &v->head;

	*o_r = (struct one){.family = f,
	    .word = word_of(h, f->set, i / f->wide),
	    .protocol = "",
	    .value = value(v, f->first + i)};
	if (f->wide == 1)
		return true;
	o_r->protocol = word_of(h, h->protocols, i % f->wide);
	return o_r->protocol[0] != '\0';
}

static uint32_t
series_n(const struct stats_view *v, const struct stats_family *f)
{
	return v->head.set[f->set].n * f->wide;
}

static double
uptime(const struct stats_view *v)
{
	return (double)(clock_ms() - v->head.started_ms) / 1000;
}

/* ---- printing ---- */

/* What is in the file may be anything: no byte of it rules the terminal. */
static void
put_quoted(FILE *out, const char *text)
{
	struct buf b;

	buf_init(&b, (size_t)6 * STATS_SAID);
	(void)escape_json(&b, slice_of(text), (size_t)6 * STATS_SAID);
	fprintf(out, "\"%.*s\"", (int)b.len, buf_at(&b));
	buf_free(&b);
}

static void
put_bare(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		fputc(*text < ' ' || *text > '~' ? '?' : *text, out);
}

static void
put_label(FILE *out, const char *key, const char *word, bool *any)
{
	if (word[0] == '\0')
		return;
	fputs(*any ? "," : "{", out);
	put_bare(out, key);
	fputc('=', out);
	put_quoted(out, word);
	*any = true;
}

/* `sallyport_limits_total{limit="max_sessions",protocol="smtp"} 3` */
static void
put_series(const struct stats_view *v, const struct one *o, FILE *out)
{
	const struct stats_head *h = &v->head;
	bool any = false;

	fputs(PREFIX, out);
	put_bare(out, o->family->name);
	put_label(out, h->set[o->family->set].key, o->word, &any);
	put_label(out, h->set[h->protocols].key, o->protocol, &any);
	fprintf(out, "%s %" PRIu64 "\n", any ? "}" : "", o->value);
}

static bool
is_plain(const struct stats_view *v, const struct stats_family *f)
{
	return series_n(v, f) == 1;
}

static void
print_text(const struct stats_view *v, bool zeros, FILE *out)
{
	const char *group = "";
	struct one o;

	for (uint32_t i = 0; i < v->head.families; i++) {
		const struct stats_family *f = &v->head.family[i];

		for (uint32_t j = 0; j < series_n(v, f); j++) {
			if (!series(v, f, j, &o) || (o.value == 0 && !zeros))
				continue;
			if (strcmp(f->group, group) != 0) {
				fputs("\n# ", out);
				put_bare(out, f->group);
				fputc('\n', out);
				group = f->group;
			}
			put_series(v, &o, out);
		}
	}
}

static void
text_head(const struct stats_view *v, FILE *out)
{
	char when[CLOCK_TEXT];

	clock_iso(v->head.started_wall_ms, when);
	fputs("version ", out);
	put_bare(out, v->head.version);
	fputs("\nstate ", out);
	put_bare(out, v->state);
	fprintf(out, "\npid %d\nstarted %s\nuptime_seconds %.0f\n",
	    (int)v->head.pid, when, uptime(v));
	fprintf(out, "workers %u\nsignatures ", v->head.parts - 1);
	put_bare(out, v->signatures[0] == '\0' ? "none" : v->signatures);
	fputc('\n', out);
}

/* Text format 0.0.4.  A counter with labels has the series that counted. */
static void
print_prometheus(const struct stats_view *v, bool zeros, FILE *out)
{
	struct one o;

	fputs("# HELP " PREFIX "info What runs.\n# TYPE " PREFIX
	      "info gauge\n" PREFIX "info{version=",
	    out);
	put_quoted(out, v->head.version);
	fputs(",signatures=", out);
	put_quoted(out, v->signatures);
	fprintf(out,
	    "} 1\n# HELP " PREFIX "start_time_seconds When it was started.\n"
	    "# TYPE " PREFIX "start_time_seconds gauge\n" PREFIX
	    "start_time_seconds %.3f\n",
	    (double)v->head.started_wall_ms / 1000);
	for (uint32_t i = 0; i < v->head.families; i++) {
		const struct stats_family *f = &v->head.family[i];

		fputs("# HELP " PREFIX, out);
		put_bare(out, f->name);
		fputc(' ', out);
		put_bare(out, f->text);
		fputs("\n# TYPE " PREFIX, out);
		put_bare(out, f->name);
		fputs(f->kind == STATS_GAUGE ? " gauge\n" : " counter\n", out);
		for (uint32_t j = 0; j < series_n(v, f); j++) {
			if (series(v, f, j, &o) &&
			    (o.value > 0 || zeros || is_plain(v, f)))
				put_series(v, &o, out);
		}
	}
}

/* ---- JSON ---- */

static void
json_key(FILE *out, const char *key, bool *any)
{
	if (*any)
		fputc(',', out);
	*any = true;
	put_quoted(out, key);
	fputc(':', out);
}

static void
json_text(FILE *out, const char *key, const char *text, bool *any)
{
	json_key(out, key, any);
	put_quoted(out, text);
}

/* The protocols of one word: {"smtp":1,"http":2}.  False: nothing was there,
 * and nothing was written but the key, if there is one. */
static bool
json_row(const struct stats_view *v, const struct stats_family *f, uint32_t row,
    bool zeros, const char *key, bool *outer, FILE *out)
{
	bool any = false;
	struct one o;

	for (uint32_t i = 0; i < f->wide; i++) {
		if (!series(v, f, row * f->wide + i, &o) ||
		    (o.value == 0 && !zeros))
			continue;
		if (!any && key != NULL)
			json_key(out, key, outer);
		if (f->wide > 1) {
			if (!any)
				fputc('{', out);
			json_key(out, o.protocol, &any);
		}
		fprintf(out, "%" PRIu64, o.value);
		any = true;
	}
	if (any && f->wide > 1)
		fputc('}', out);
	return any;
}

static void
json_family(const struct stats_view *v, const struct stats_family *f,
    bool zeros, bool *outer, FILE *out)
{
	uint32_t words = v->head.set[f->set].n;
	bool any = false;

	if (words == 1) {
		(void)json_row(v, f, 0, zeros, f->name, outer, out);
		return;
	}
	json_key(out, f->name, outer);
	fputc('{', out);
	for (uint32_t i = 0; i < words; i++)
		(void)json_row(
		    v, f, i, zeros, word_of(&v->head, f->set, i), &any, out);
	fputc('}', out);
}

static void
print_json(const struct stats_view *v, bool zeros, FILE *out)
{
	char when[CLOCK_TEXT];
	bool any = false;

	clock_iso(v->head.started_wall_ms, when);
	fputc('{', out);
	json_text(out, "version", v->head.version, &any);
	json_text(out, "state", v->state, &any);
	fprintf(out, ",\"pid\":%d", (int)v->head.pid);
	json_text(out, "started", when, &any);
	fprintf(out, ",\"uptime_seconds\":%.0f,\"workers\":%u", uptime(v),
	    v->head.parts - 1);
	json_text(out, "signatures", v->signatures, &any);
	fputs(",\"counters\":{", out);
	any = false;
	for (uint32_t i = 0; i < v->head.families; i++)
		json_family(v, &v->head.family[i], zeros, &any, out);
	fputs("}}\n", out);
}

void
stats_print(
    const struct stats_view *v, enum stats_form form, bool zeros, FILE *out)
{
	if (form == STATS_AS_JSON) {
		print_json(v, zeros, out);
		return;
	}
	if (form == STATS_AS_PROMETHEUS) {
		print_prometheus(v, zeros, out);
		return;
	}
	text_head(v, out);
	print_text(v, zeros, out);
}
