/*
 * tree: walks a directory by descriptors (openat, O_NOFOLLOW), so that a name
 * that changes under it cannot lead it elsewhere.
 */
#include "proxy/base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/mem.h"

#define TREE_DEPTH_MAX 64 /* descriptors, one a level */

/* What is done with each entry; a directory's after what is in it.  Returns
 * false to stop. */
typedef bool tree_visit(
    void *arg, int dir, const char *name, const struct stat *st);

struct walk {
	tree_visit *visit;
	void *arg;
	int error; /* the first one */
	bool stopped;
};

static void walk_dir(struct walk *w, int fd, unsigned depth);

static void
note(struct walk *w, int error)
{
	/* ENOENT: its owner was faster. */
	if (w->error == 0 && error != ENOENT)
		w->error = error;
}

static void
walk_entry(struct walk *w, int dir, const char *name, unsigned depth)
{
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		note(w, errno);
		return;
	}
	if (S_ISDIR(st.st_mode) && depth >= TREE_DEPTH_MAX) {
		note(w, ELOOP);
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		fd = openat(
		    dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			walk_dir(w, fd, depth + 1);
		else
			note(w, errno);
	}
	if (!w->stopped && !w->visit(w->arg, dir, name, &st))
		w->stopped = true;
}

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Takes fd. */
static void
walk_dir(struct walk *w, int fd, unsigned depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;

	if (d == NULL) {
		note(w, errno);
		close(fd);
		return;
	}
	/* cppcheck-suppress readdirCalled ; one thread */
	while (!w->stopped && (entry = readdir(d)) != NULL) {
		if (!is_dot(entry->d_name))
			walk_entry(w, dirfd(d), entry->d_name, depth);
	}
	closedir(d);
}

static int
walk(struct walk *w, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, "%s: %s", path, strerror(errno));
	walk_dir(w, fd, 0);
	if (w->error != 0)
		return err_set(e, "below %s: %s", path, strerror(w->error));
	return 0;
}

static bool
remove_entry(void *arg, int dir, const char *name, const struct stat *st)
{
	struct walk *w = arg;

	if (unlinkat(dir, name, S_ISDIR(st->st_mode) ? AT_REMOVEDIR : 0) < 0)
		note(w, errno);
	return true;
}

int
tree_empty(const char *dir, struct err *e)
{
	struct walk w = {.visit = remove_entry, .arg = &w};

	return walk(&w, dir, e);
}

/* ---- one that stays open ------------------------------------------------- */

struct tree {
	DIR *dir;
	char *path;
};

struct tree *
tree_open(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct tree *t;

	if (d == NULL) {
		err_set(e, "%s: %s", dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	t = xcalloc(1, sizeof(*t));
	t->dir = d;
	t->path = xstrdup(dir);
	return t;
}

/* Nothing lies in it.  It is not when it cannot be read. */
static bool
is_empty(const struct tree *t)
{
	const struct dirent *entry;

	rewinddir(t->dir);
	do {
		errno = 0;
		/* cppcheck-suppress readdirCalled ; one thread */
		entry = readdir(t->dir);
	} while (entry != NULL && is_dot(entry->d_name));
	return entry == NULL && errno == 0;
}

int
tree_empty_again(struct tree *t, struct err *e)
{
	return is_empty(t) ? 0 : tree_empty(t->path, e);
}

void
tree_close(struct tree **tp)
{
	struct tree *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	closedir(t->dir);
	free(t->path);
	free(t);
}

/* ---- its size, and the directory itself --------------------------------- */

int
tree_remove(const char *dir, struct err *e)
{
	if (tree_empty(dir, e) < 0)
		return -1;
	if (rmdir(dir) < 0 && errno != ENOENT)
		return err_set(e, "rmdir %s: %s", dir, strerror(errno));
	return 0;
}

struct count {
	const struct tree_size *most;
	struct tree_size *size;
};

static bool
count_entry(void *arg, int dir, const char *name, const struct stat *st)
{
	struct count *c = arg;

	(void)dir;
	(void)name;
	c->size->bytes += (uint64_t)st->st_blocks * 512;
	c->size->files++;
	return (c->most->bytes == 0 || c->size->bytes <= c->most->bytes) &&
	    (c->most->files == 0 || c->size->files <= c->most->files);
}

int
tree_measure(const char *dir, const struct tree_size *most,
    struct tree_size *size_r, struct err *e)
{
	struct count c = {most, size_r};
	struct walk w = {.visit = count_entry, .arg = &c};

	*size_r = (struct tree_size){0, 0};
	return walk(&w, dir, e);
}
