/*
 * ca_tool: makes a CA in two files, shows it, hands out its certificate.
 */
#include "proxy/ca_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/file.h"
#include "proxy/base/mem.h"
#include "proxy/ca.h"
#include "proxy/child.h"

#define PEM_MAX 65536
#define NAME_MAX_CN 64 /* RFC 5280 A.1, ub-common-name */

struct wish {
	const char *config;     /* NULL: where it was installed */
	const char *cert, *key; /* NULL: as the configuration says */
	const char *name;
	bool json, der;
	struct conf *conf;
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"cert", required_argument, NULL, 'C'},
    {"key", required_argument, NULL, 'K'},
    {"name", required_argument, NULL, 'n'},
    {"json", no_argument, NULL, 'j'},
    {"der", no_argument, NULL, 'd'},
    {NULL, 0, NULL, 0},
};

int
ca_usage(bool asked)
{
	fputs(
	    "usage: sallyport ca create [--name TEXT] [--cert FILE --key FILE] "
	    "[--config FILE]\n"
	    "       sallyport ca show [--json] [--cert FILE] [--config FILE]\n"
	    "       sallyport ca export [--der] [--cert FILE] [--config "
	    "FILE]\n",
	    asked ? stdout : stderr);
	return asked ? EX_OK : EX_USAGE;
}

static void
take_option(struct wish *w, int option)
{
	switch (option) {
	case 'c':
		w->config = optarg;
		break;
	case 'C':
		w->cert = optarg;
		break;
	case 'K':
		w->key = optarg;
		break;
	case 'n':
		w->name = optarg;
		break;
	case 'j':
		w->json = true;
		break;
	default:
		w->der = true;
	}
}

/* Options of one command, by their letters; then the files' names.  0, or the
 * exit status. */
static int
take_wish(struct wish *w, int argc, char **argv, const char *letters)
{
	int option;

	memset(w, 0, sizeof(*w));
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?' || strchr(letters, option) == NULL)
			return ca_usage(false);
		take_option(w, option);
	}
	if (optind < argc)
		return ca_usage(false);
	if (w->cert != NULL && (w->key != NULL || strchr(letters, 'K') == NULL))
		return 0;
	w->conf = conf_load(w->config, stderr);
	if (w->conf == NULL)
		return EX_CONFIG;
	if (w->cert == NULL)
		w->cert =
		    conf_str(w->conf, NULL, OPT_TLS_INSPECTION_CA_CERT_FILE);
	if (w->key == NULL)
		w->key =
		    conf_str(w->conf, NULL, OPT_TLS_INSPECTION_CA_KEY_FILE);
	return 0;
}

static int
fail(const char *path, const char *what)
{
	fprintf(stderr, "sallyport ca: %s: %s\n", path, what);
	return EX_CANTCREAT;
}

/* ---- create ---- */

/* Makes the folder a file is to lie in, and those above, for its owner. */
static int
make_folder(const char *path)
{
	static const struct who nobody;
	char folder[PATH_MAX], *slash;
	struct stat st;
	struct err e;

	if (copy_text(folder, sizeof(folder), path) >= sizeof(folder))
		return fail(path, strerror(ENAMETOOLONG));
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	if (stat(folder, &st) == 0)
		return 0;
	return who_make_dir(&nobody, folder, 0755, &e) < 0 ? fail(path, e.text)
							   : 0;
}

static int
put_all(int fd, const struct buf *b)
{
	size_t done = 0;

	while (done < b->len) {
		ssize_t n = write(fd, buf_at(b) + done, b->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

/* What is there stays as it is: a CA that is lost is a day's work for all who
 * trust it. */
static int
write_new(const char *path, const struct buf *b, mode_t mode)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return errno == EEXIST
		    ? fail(path, "is there already, and stays as it is")
		    : fail(path, strerror(errno));
	rc = put_all(fd, b) == 0 && fchmod(fd, mode) == 0
	    ? 0
	    : fail(path, strerror(errno));
	if (close(fd) < 0 && rc == 0)
		rc = fail(path, strerror(errno));
	if (rc != 0)
		(void)unlink(path);
	return rc;
}

static int
write_both(const struct wish *w, const struct buf *cert, const struct buf *key)
{
	int rc = make_folder(w->key);

	if (rc == 0)
		rc = make_folder(w->cert);
	if (rc == 0)
		rc = write_new(w->key, key, 0600);
	if (rc != 0)
		return rc;
	rc = write_new(w->cert, cert, 0644);
	if (rc != 0)
		(void)unlink(w->key);
	return rc;
}

/* "Sallyport CA of gw.example.org" */
static void
own_name(char *to, size_t size)
{
	char host[HOST_NAME_MAX + 1] = "";
	size_t len = copy_text(to, size, "Sallyport CA of ");

	if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
		copy_text(host, sizeof(host), "this gateway");
	copy_text(to + len, size - len, host);
}

static int
show_new(const struct buf *pem)
{
	struct err e;
	struct ca *ca = ca_open((struct slice){buf_at(pem), pem->len}, &e);

	if (ca == NULL)
		return fail("the new CA", e.text);
	ca_print(ca, stdout);
	ca_free(&ca);
	return EX_OK;
}

static int
make_and_write(const struct wish *w)
{
	char name[NAME_MAX_CN + 1];
	struct buf cert, key;
	struct err e;
	int rc;

	own_name(name, sizeof(name));
	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	if (ca_make(w->name != NULL ? w->name : name, (int64_t)time(NULL),
		&cert, &key, &e) < 0)
		rc = fail(w->name != NULL ? w->name : name, e.text);
	else
		rc = write_both(w, &cert, &key);
	if (key.len > 0)
		explicit_bzero(buf_at(&key), key.len);
	if (rc == 0)
		rc = show_new(&cert);
	buf_free(&cert);
	buf_free(&key);
	return rc;
}

int
ca_create(int argc, char **argv)
{
	struct wish w;
	int rc = take_wish(&w, argc, argv, "cCKn");

	if (rc == 0)
		rc = make_and_write(&w);
	conf_free(&w.conf);
	return rc;
}

/* ---- show, export ---- */

/* NULL: it was said. */
static struct ca *
read_cert(const struct wish *w)
{
	struct ca *ca = NULL;
	struct buf pem;
	struct err e;

	buf_init(&pem, FILE_MAX);
	if (file_read(w->cert, &pem, &e) == 0)
		ca = ca_open((struct slice){buf_at(&pem), pem.len}, &e);
	buf_free(&pem);
	if (ca == NULL)
		(void)fail(w->cert, e.text);
	return ca;
}

int
ca_show(int argc, char **argv)
{
	struct wish w;
	int rc = take_wish(&w, argc, argv, "cCj");
	struct ca *ca = rc == 0 ? read_cert(&w) : NULL;

	if (ca != NULL)
		(w.json ? ca_print_json : ca_print)(ca, stdout);
	else if (rc == 0)
		rc = EX_NOINPUT;
	ca_free(&ca);
	conf_free(&w.conf);
	return rc;
}

int
ca_export_it(int argc, char **argv)
{
	struct wish w;
	int rc = take_wish(&w, argc, argv, "cCd");
	struct ca *ca = rc == 0 ? read_cert(&w) : NULL;

	if (rc == 0 && ca == NULL)
		rc = EX_NOINPUT;
	else if (rc == 0 &&
	    (ca_export(ca, w.der, stdout) < 0 || fflush(stdout)))
		rc = EX_IOERR;
	ca_free(&ca);
	conf_free(&w.conf);
	return rc;
}
