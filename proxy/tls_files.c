/*
 * tls_files: a few files by their names, in one process or on their way to
 * another.  What is in them is tls.c's business.  Keys are wiped when they are
 * given back.
 */
#include "proxy/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"

#define TLS_FILES_MAGIC 0x71f17e51u
#define IMAGE_MAX (256 * 1024 * 1024)

struct tls_file {
	char *path;
	char *bytes;
	size_t len;
};

struct tls_files {
	uint32_t magic;
	struct tls_file *list;
	size_t n;
};

enum tls_mode
tls_mode(const struct conf *c, const struct conf_section *listener)
{
	if (conf_given(c, listener, OPT_LISTENER_TLS))
		return (enum tls_mode)conf_int(c, listener, OPT_LISTENER_TLS);
	return conf_given(c, listener, OPT_TLS_CERT_FILE) ? TLS_STARTTLS
							  : TLS_OFF;
}

enum opt
tls_key_option(const struct conf *c, const struct conf_section *listener)
{
	return conf_given(c, listener, OPT_TLS_KEY_FILE) ? OPT_TLS_KEY_FILE
							 : OPT_TLS_CERT_FILE;
}

static struct tls_files *
files_open(void)
{
	struct tls_files *f = xcalloc(1, sizeof(*f));

	f->magic = TLS_FILES_MAGIC;
	return f;
}

static void
add(struct tls_files *f, const char *path, const char *bytes, size_t len)
{
	struct tls_file *file;

	f->list = xrealloc(f->list, f->n + 1, sizeof(*f->list));
	file = &f->list[f->n++];
	file->path = xstrdup(path);
	file->bytes = xcalloc(len + 1, 1);
	file->len = len;
	memcpy(file->bytes, bytes, len);
}

/* 0, or -1 with words and errno. */
static int
read_file(struct tls_files *f, const char *path, struct err *e)
{
	struct buf b;

	if (tls_files_get(f, path).at != NULL)
		return 0;
	if (file_read(path, &b, e) < 0)
		return -1;
	if (b.len > 0) {
		add(f, path, buf_at(&b), b.len);
		explicit_bzero(buf_at(&b), b.len);
	} else
		add(f, path, "", 0);
	buf_free(&b);
	return 0;
}

static int
read_option(struct tls_files *f, const struct conf *c,
    const struct conf_section *s, enum opt opt, FILE *errors)
{
	struct err e;

	if (read_file(f, conf_str(c, s, opt), &e) == 0)
		return 0;
	fprintf(errors, "%s: %s: %s: %s\n", conf_origin(c, s, opt),
	    schema_opt(opt)->key, conf_str(c, s, opt), e.text);
	return -1;
}

/* A bundle that nobody asked for may be missing. */
static int
read_bundle(struct tls_files *f, const struct conf *c,
    const struct conf_section *s, FILE *errors)
{
	struct err e;

	if (conf_given(c, s, OPT_TLS_CA_BUNDLE))
		return read_option(f, c, s, OPT_TLS_CA_BUNDLE, errors);
	(void)read_file(f, conf_str(c, s, OPT_TLS_CA_BUNDLE), &e);
	return 0;
}

/* Secrets of the web: who may read keys may read them, too. */
static int
read_web(struct tls_files *f, const struct conf *c,
    const struct conf_section *s, FILE *errors)
{
	enum opt secret = OPT_HTTP_PARENT_PROXY_PASSWORD_FILE;
	int rc = 0;

	if (strcmp(conf_word(c, s, OPT_LISTENER_PROTOCOL), "http") != 0)
		return 0;
	if (conf_int(c, s, OPT_HTTP_AUTH) != 0 &&
	    conf_given(c, s, OPT_HTTP_AUTH_FILE))
		rc = read_option(f, c, s, OPT_HTTP_AUTH_FILE, errors);
	if (conf_given(c, s, secret) &&
	    read_option(f, c, s, secret, errors) < 0)
		rc = -1;
	return rc;
}

static int
read_listener(struct tls_files *f, const struct conf *c,
    const struct conf_section *s, FILE *errors)
{
	int rc = read_bundle(f, c, s, errors);

	if (read_web(f, c, s, errors) < 0)
		rc = -1;

	if (tls_mode(c, s) == TLS_OFF)
		return rc;
	if (!conf_given(c, s, OPT_TLS_CERT_FILE)) {
		fprintf(errors, "%s: tls: [listener %s] has no cert_file\n",
		    conf_origin(c, s, OPT_LISTENER_TLS), conf_name(s));
		return -1;
	}
	if (read_option(f, c, s, OPT_TLS_CERT_FILE, errors) < 0)
		rc = -1;
	if (conf_given(c, s, OPT_TLS_KEY_FILE) &&
	    read_option(f, c, s, OPT_TLS_KEY_FILE, errors) < 0)
		rc = -1;
	return rc;
}

struct tls_files *
tls_files_read(const struct conf *c, FILE *errors)
{
	struct tls_files *f = files_open();
	const struct conf_section *s = NULL;
	int rc = 0;

	while ((s = conf_next(c, "listener", s)) != NULL) {
		if (read_listener(f, c, s, errors) < 0)
			rc = -1;
	}
	if (rc < 0)
		tls_files_free(&f);
	return f;
}

void
tls_files_free(struct tls_files **fp)
{
	struct tls_files *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	IS(f, TLS_FILES_MAGIC);
	for (size_t i = 0; i < f->n; i++) {
		explicit_bzero(f->list[i].bytes, f->list[i].len);
		free(f->list[i].bytes);
		free(f->list[i].path);
	}
	free(f->list);
	f->magic = 0;
	free(f);
}

struct slice
tls_files_get(const struct tls_files *f, const char *path)
{
	IS(f, TLS_FILES_MAGIC);
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->list[i].path, path) == 0)
			return (struct slice){f->list[i].bytes, f->list[i].len};
	}
	return (struct slice){NULL, 0};
}

/* ---- to another process: name, length and bytes of each ---- */

static int
put(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
put_counted(int fd, const char *bytes, size_t len)
{
	uint64_t n = len;

	return put(fd, &n, sizeof(n)) < 0 ? -1 : put(fd, bytes, len);
}

static int
put_all(int fd, const struct tls_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct tls_file *file = &f->list[i];

		if (put_counted(fd, file->path, strlen(file->path)) < 0 ||
		    put_counted(fd, file->bytes, file->len) < 0)
			return -1;
	}
	return fcntl(fd, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

int
tls_files_to_fd(const struct tls_files *f, struct err *e)
{
	int fd = memfd_create("sallyport-tls", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	IS(f, TLS_FILES_MAGIC);
	if (fd >= 0 && put_all(fd, f) == 0)
		return fd;
	(void)err_set(e, "tls files: memfd: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
get_counted(struct slice *rest, struct slice *s_r)
{
	uint64_t n;

	if (rest->len < sizeof(n))
		return false;
	memcpy(&n, rest->at, sizeof(n));
	*rest = slice_skip(*rest, sizeof(n));
	if (n > rest->len)
		return false;
	*s_r = (struct slice){rest->at, (size_t)n};
	*rest = slice_skip(*rest, (size_t)n);
	return true;
}

static struct tls_files *
get_all(struct slice rest, struct err *e)
{
	struct tls_files *f = files_open();
	struct slice path, bytes;

	while (rest.len > 0) {
		char *name;

		if (!get_counted(&rest, &path) || !get_counted(&rest, &bytes)) {
			(void)err_set(e, "tls files: the image is damaged");
			tls_files_free(&f);
			return NULL;
		}
		name = xstrndup(path.at, path.len);
		add(f, name, bytes.at, bytes.len);
		free(name);
	}
	return f;
}

struct tls_files *
tls_files_from_fd(int fd, struct err *e)
{
	struct tls_files *f;
	struct stat st;
	void *at;

	if (fstat(fd, &st) < 0 || st.st_size > IMAGE_MAX) {
		(void)err_set(e, "tls files: not on descriptor %d", fd);
		return NULL;
	}
	if (st.st_size == 0)
		return files_open();
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		(void)err_set(e, "tls files: mmap: %s", strerror(errno));
		return NULL;
	}
	f = get_all((struct slice){at, (size_t)st.st_size}, e);
	munmap(at, (size_t)st.st_size);
	return f;
}
