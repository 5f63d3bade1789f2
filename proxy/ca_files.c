/*
 * ca_files: reads the CA and its key, and looks whose they are.
 */
#include "proxy/ca_files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/file.h"

#define GROUPS_MAX 256

/* "file:line: ca_key_file: /path: what is wrong" */
static int
wrong(const struct conf *c, enum opt opt, const char *what, FILE *out)
{
	fprintf(out, "%s: %s: %s: %s\n", conf_origin(c, NULL, opt),
	    schema_opt(opt)->key, conf_str(c, NULL, opt), what);
	return -1;
}

/* What is printed next is no error. */
static FILE *
warning(FILE *out)
{
	fputs("warning: ", out);
	return out;
}

/* ---- whose is it ---- */

static bool
in_groups(const struct who *who, gid_t gid)
{
	gid_t list[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (getgrouplist(who->name, who->gid, list, &n) < 0)
		return true; /* in more than anybody looks through */
	for (int i = 0; i < n; i++) {
		if (list[i] == gid)
			return true;
	}
	return false;
}

/* What is wrong with a key of that owner and mode; NULL: nothing. */
static const char *
look_at_owner(const struct who *who, const struct stat *st)
{
	if ((st->st_mode & 0007) != 0)
		return "everybody can get at it: chmod 600";
	if (!who->change)
		return (st->st_mode & 0070) != 0
		    ? "its group can get at it: chmod 600"
		    : NULL;
	if (st->st_uid == who->uid)
		return "it belongs to [gateway] user, whom net workers run as: "
		       "chown root";
	if ((st->st_mode & 0070) != 0 && in_groups(who, st->st_gid))
		return "its group has [gateway] user, whom net workers run "
		       "as: chmod 600";
	return NULL;
}

static int
check_owner(const struct conf *c, const struct who *who, FILE *out)
{
	const char *what;
	struct stat st;

	if (stat(conf_str(c, NULL, OPT_TLS_INSPECTION_CA_KEY_FILE), &st) < 0)
		return wrong(
		    c, OPT_TLS_INSPECTION_CA_KEY_FILE, strerror(errno), out);
	what = look_at_owner(who, &st);
	return what == NULL
	    ? 0
	    : wrong(c, OPT_TLS_INSPECTION_CA_KEY_FILE, what, out);
}

/* ---- reading ---- */

static int
read_one(const struct conf *c, enum opt opt, struct buf *b, FILE *out)
{
	struct err e;

	if (file_read(conf_str(c, NULL, opt), b, &e) == 0)
		return 0;
	if (errno == ENOENT && opt == OPT_TLS_INSPECTION_CA_CERT_FILE)
		(void)err_set(&e, "there is none: sallyport ca create");
	return wrong(c, opt, e.text, out);
}

static void
forget(struct ca_files *f)
{
	if (f->key.len > 0)
		explicit_bzero(buf_at(&f->key), f->key.len);
	buf_free(&f->key);
	buf_free(&f->cert);
}

int
ca_files_read(const struct conf *c, const struct who *who, struct ca_files *f_r,
    FILE *out)
{
	int rc;

	buf_init(&f_r->cert, FILE_MAX);
	buf_init(&f_r->key, FILE_MAX);
	rc = read_one(c, OPT_TLS_INSPECTION_CA_CERT_FILE, &f_r->cert, out);
	if (check_owner(c, who, out) < 0 ||
	    read_one(c, OPT_TLS_INSPECTION_CA_KEY_FILE, &f_r->key, out) < 0)
		rc = -1;
	if (rc < 0)
		forget(f_r);
	else if (!who->change)
		(void)wrong(c, OPT_TLS_INSPECTION_CA_KEY_FILE,
		    "net workers run as the same user and could read it; they "
		    "cannot where root starts sallyportd",
		    warning(out));
	return rc;
}

static void
warn(const struct conf *c, const struct ca *ca, FILE *out)
{
	char words[CA_WORDS];

	if (!ca_is_odd(ca, (int64_t)time(NULL), words))
		return;
	(void)wrong(c, OPT_TLS_INSPECTION_CA_CERT_FILE, words, warning(out));
}

struct ca *
ca_files_open(const struct conf *c, struct ca_files *f, FILE *out)
{
	enum opt opt = OPT_TLS_INSPECTION_CA_CERT_FILE;
	struct err e;
	struct ca *ca =
	    ca_open((struct slice){buf_at(&f->cert), f->cert.len}, &e);

	if (ca != NULL) {
		opt = OPT_TLS_INSPECTION_CA_KEY_FILE;
		if (ca_take_key(ca, (struct slice){buf_at(&f->key), f->key.len},
			&e) < 0)
			ca_free(&ca);
	}
	forget(f);
	if (ca == NULL)
		(void)wrong(c, opt, e.text, out);
	else
		warn(c, ca, out);
	return ca;
}
