/*
 * armoury_watch: notices a changed signature database, and that it has come to
 * rest: a state that two looks in a row have seen is no half-copied one.  It
 * does not open the files; the next generation loads them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "scan/armoury.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t
mix(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	while (len-- > 0)
		hash = (hash ^ *at++) * FNV_PRIME;
	return hash;
}

static uint64_t
fingerprint_file(const char *name, const struct stat *st)
{
	uint64_t hash = mix(FNV_START, name, strlen(name));

	hash = mix(hash, &st->st_size, sizeof(st->st_size));
	hash = mix(hash, &st->st_ino, sizeof(st->st_ino));
	hash = mix(hash, &st->st_mtim, sizeof(st->st_mtim));
	return hash;
}

static bool
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* What updaters keep beside it and change more often than signatures:
 * freshclam.dat, mirrors.dat, downloads under way. */
static bool
is_aside(const char *name)
{
	return name[0] == '.' || ends_with(name, ".dat") ||
	    ends_with(name, ".tmp") || ends_with(name, ".part") ||
	    ends_with(name, "~");
}

/* A sum, so that the order of names does not count.  0: nothing there. */
static uint64_t
fingerprint_dir(DIR *d)
{
	struct dirent *entry;
	struct stat st;
	uint64_t sum = 0;

	/* cppcheck-suppress readdirCalled ; one thread */
	while ((entry = readdir(d)) != NULL) {
		if (is_aside(entry->d_name) ||
		    fstatat(dirfd(d), entry->d_name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		sum += fingerprint_file(entry->d_name, &st);
	}
	return sum;
}

static uint64_t
fingerprint(const char *path)
{
	struct stat st;
	uint64_t sum;
	DIR *d = opendir(path);

	if (d == NULL)
		return stat(path, &st) < 0 ? 0 : fingerprint_file(path, &st);
	sum = fingerprint_dir(d);
	closedir(d);
	return sum;
}

void
watch_open(struct watches *w, const struct conf *conf)
{
	const struct conf_section *s = NULL;
	const size_t most = sizeof(w->list) / sizeof(*w->list);

	w->n = 0;
	while ((s = conf_next(conf, "engine", s)) != NULL && w->n < most) {
		struct watched *one = &w->list[w->n];

		one->every_ms = conf_int(conf, s, OPT_ENGINE_WATCH);
		if (one->every_ms == 0 ||
		    !conf_int(conf, s, OPT_ENGINE_ENABLED))
			continue;
		one->path = conf_str(conf, s, OPT_ENGINE_DATABASE);
		one->known = one->seen = fingerprint(one->path);
		one->next_ms = clock_ms() + one->every_ms;
		w->n++;
	}
}

static bool
look(struct watched *one)
{
	uint64_t now = fingerprint(one->path);
	bool settled = now == one->seen;

	one->seen = now;
	if (now == one->known || !settled)
		return false;
	one->known = now;
	return true;
}

bool
watch_look(struct watches *w, int64_t now_ms)
{
	bool changed = false;

	for (size_t i = 0; i < w->n; i++) {
		struct watched *one = &w->list[i];

		if (one->next_ms > now_ms)
			continue;
		one->next_ms = now_ms + one->every_ms;
		if (look(one))
			changed = true;
	}
	return changed;
}

int64_t
watch_next_ms(const struct watches *w)
{
	int64_t next = -1;

	for (size_t i = 0; i < w->n; i++) {
		if (next < 0 || w->list[i].next_ms < next)
			next = w->list[i].next_ms;
	}
	return next;
}
