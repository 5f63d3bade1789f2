#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

/*
 * bench: what the benchmark programs share: a corpus in memory, arguments,
 * percentiles.  A header alone, because each of them is one file.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/mem.h"

#define BENCH_FILES_MAX 4096

/* A header that makes every mail another one, so that no cache knows it. */
#define SERIAL_FMT "X-Bench-Serial: %016" PRIx64 "\r\n"
#define SERIAL_LEN 34

struct mail {
	char *name;
	char *bytes;
	size_t len;
	bool infected; /* the file's name begins with "infected" */
};

struct corpus {
	struct mail mail[BENCH_FILES_MAX];
	size_t n;
};

_Noreturn static inline void
die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(2);
}

static inline void
mail_read(struct mail *m, const char *path)
{
	struct stat st;
	size_t done = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path, strerror(errno));
	m->len = (size_t)st.st_size;
	m->bytes = xcalloc(1, m->len + 1);
	while (done < m->len) {
		ssize_t n = read(fd, m->bytes + done, m->len - done);

		if (n <= 0)
			die(path, "cannot be read");
		done += (size_t)n;
	}
	close(fd);
}

static inline int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* All files of a folder, in the order of their names. */
static inline void
corpus_read(struct corpus *c, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, by_name);

	if (n < 0)
		die(dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char *path = xasprintf("%s/%s", dir, name);

		if (name[0] != '.' && c->n < BENCH_FILES_MAX) {
			c->mail[c->n].infected =
			    strncmp(name, "infected", 8) == 0;
			c->mail[c->n].name = xstrdup(name);
			mail_read(&c->mail[c->n++], path);
		}
		free(path);
		free(list[i]);
	}
	free(list);
	if (c->n == 0)
		die(dir, "no mails in it");
}

/* NULL: no such file. */
static inline const struct mail *
corpus_find(const struct corpus *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strlen(c->mail[i].name) == len &&
		    memcmp(c->mail[i].name, name, len) == 0)
			return &c->mail[i];
	}
	return NULL;
}

/* The value behind --name; what is not given is otherwise. */
static inline const char *
argument(int argc, char **argv, const char *name, const char *otherwise)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	}
	if (otherwise == NULL)
		die(name, "is needed");
	return otherwise;
}

static inline long
number(int argc, char **argv, const char *name, const char *otherwise)
{
	return strtol(argument(argc, argv, name, otherwise), NULL, 10);
}

/* Microseconds, as many as there is room for. */
struct times {
	uint32_t *us;
	size_t n, cap;
};

static inline void
times_add(struct times *t, int64_t us)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 65536 : t->cap * 2;
		t->us = xrealloc(t->us, t->cap, sizeof(*t->us));
	}
	t->us[t->n++] = us < 0 ? 0 : (uint32_t)us;
}

static inline int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Of sorted ones, in milliseconds. */
static inline double
times_at(const struct times *t, double part)
{
	if (t->n == 0)
		return 0;
	return t->us[(size_t)(part * (double)(t->n - 1))] / 1000.0;
}

static inline void
times_sort(struct times *t)
{
	if (t->n > 0)
		qsort(t->us, t->n, sizeof(*t->us), by_size);
}

#endif
