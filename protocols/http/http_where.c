/*
 * http_where: modes.  What Host says is a name for the log and the policy; no
 * connection is made by it but where clients know that they ask a proxy.
 */
#include "protocols/http/http_where.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "protocols/http/http.h"
#include "protocols/http/http_basic.h"
#include "proxy/base/mem.h"
#include "proxy/io_original.h"
#include "proxy/tls.h"

#define SCHEME "http://"
#define SECRET_MAX 1024

/* ---- what the configuration says ---- */

static int
wrong(const struct place *p, enum opt opt, const char *why, struct err *e)
{
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, p->listener, opt),
	    schema_opt(opt)->key, why);
}

static const char *
text_of(const struct place *p, enum opt opt)
{
	const char *text = conf_str(p->conf, p->listener, opt);

	return strcmp(text, "none") == 0 ? "" : text;
}

/* host:port, both of them. */
static int
read_host(struct slice text, struct http_host *h_r)
{
	return http_host(text, h_r) == HTTP_BAD_NONE && h_r->port != 0 ? 0 : -1;
}

static int
read_origin(struct http_where *w, const struct place *p, struct err *e)
{
	enum opt opt = OPT_HTTP_ORIGIN;
	const char *text = text_of(p, opt);

	if (*text == '\0' && w->mode != MODE_REVERSE)
		return 0;
	if (w->mode != MODE_REVERSE)
		return wrong(p, opt, "only with mode = reverse", e);
	if (*text == '\0')
		return wrong(p, OPT_HTTP_MODE, "reverse needs an origin", e);
	return read_host(slice_of(text), &w->origin) == 0
	    ? 0
	    : wrong(p, opt, "want host:port", e);
}

/* The first line of the file. */
static int
read_secret(const struct place *p, char to[SECRET_MAX], struct err *e)
{
	enum opt opt = OPT_HTTP_PARENT_PROXY_PASSWORD_FILE;
	const char *path = text_of(p, opt);
	struct slice file;
	struct stat st;

	to[0] = '\0';
	if (p->tls_kit == NULL)
		return 0;
	if (p->worker == NULL && stat(path, &st) == 0 &&
	    (st.st_mode & S_IRWXO) != 0)
		return wrong(p, opt, "others can read or write the file", e);
	file = tls_files_get(p->tls_kit->files, path);
	if (file.at == NULL)
		return wrong(p, opt, "cannot be read", e);
	for (size_t i = 0; i < file.len; i++) {
		if (file.at[i] == '\n' || file.at[i] == '\r')
			file.len = i;
	}
	if (file.len == 0 || !slice_copy(file, to, SECRET_MAX))
		return wrong(p, opt, "no password on its first line", e);
	return 0;
}

/* Proxy-Authorization, ready to be sent. */
static int
read_login(struct http_where *w, const struct place *p, struct slice user,
    struct err *e)
{
	char secret[SECRET_MAX], name[HTTP_USER_MAX + 1];
	struct buf b;
	int rc = read_secret(p, secret, e);

	if (rc < 0)
		return -1;
	if (!slice_copy(user, name, sizeof(name)) || name[0] == '\0' ||
	    strchr(name, ':') != NULL)
		return wrong(p, OPT_HTTP_PARENT_PROXY,
		    "the user's name cannot be sent", e);
	buf_init(&b, 4096);
	if (buf_puts(&b, "Proxy-Authorization: ") == 0 &&
	    http_basic_put(&b, name, secret) == 0 && buf_puts(&b, "\r\n") == 0)
		w->parent.authorization = xstrdup(buf_text(&b));
	if (b.len > 0)
		explicit_bzero(buf_at(&b), b.len);
	explicit_bzero(secret, sizeof(secret));
	buf_free(&b);
	return 0;
}

/* "http://user@host:port" */
static int
read_parent(struct http_where *w, const struct place *p, struct err *e)
{
	enum opt opt = OPT_HTTP_PARENT_PROXY;
	const char *text = text_of(p, opt), *at;
	bool secret = *text_of(p, OPT_HTTP_PARENT_PROXY_PASSWORD_FILE) != '\0';
	struct slice user;

	if (*text == '\0')
		return secret ? wrong(p, OPT_HTTP_PARENT_PROXY_PASSWORD_FILE,
				    "there is no parent_proxy", e)
			      : 0;
	if (w->mode != MODE_FORWARD)
		return wrong(p, opt, "only with mode = forward", e);
	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return wrong(p, opt, "want http://[user@]host:port", e);
	text += strlen(SCHEME);
	at = strrchr(text, '@');
	user.at = text;
	user.len = at == NULL ? 0 : (size_t)(at - text);
	if (read_host(slice_of(at == NULL ? text : at + 1), &w->parent.host) <
	    0)
		return wrong(p, opt, "want http://[user@]host:port", e);
	if ((at != NULL) != secret)
		return wrong(p, opt,
		    "a user and parent_proxy_password_file go together", e);
	return at == NULL ? 0 : read_login(w, p, user, e);
}

int
http_where_read(struct http_where *w, const struct place *p, struct err *e)
{
	w->mode = (enum http_mode)conf_int(p->conf, p->listener, OPT_HTTP_MODE);
	deny_read_own(&w->fixed, p->conf);
	if (read_origin(w, p, e) < 0)
		return -1;
	return read_parent(w, p, e);
}

void
http_where_free(struct http_where *w)
{
	if (w->parent.authorization != NULL)
		explicit_bzero(
		    w->parent.authorization, strlen(w->parent.authorization));
	free(w->parent.authorization);
	deny_free(&w->fixed);
}

bool
http_where_is_fixed(const struct http_where *w)
{
	return w->mode == MODE_REVERSE || w->parent.host.is != HTTP_HOST_NONE;
}

/* ---- a request ---- */

static void
host_of(const struct addr *a, struct http_host *h_r)
{
	char text[ADDR_TEXT];

	*h_r = (struct http_host){.is = HTTP_HOST_V4, .port = addr_port(a)};
	if (a->ss.ss_family == AF_INET6)
		h_r->is = HTTP_HOST_V6;
	copy_text(h_r->name, sizeof(h_r->name), addr_host(a, text));
}

void
http_where_find(struct http_req *q)
{
	const struct http_where *w = &q->own->where;
	const struct http_target *t = &q->head.target;
	struct addr a;

	q->scheme =
	    t->scheme == HTTP_SCHEME_NONE ? HTTP_SCHEME_HTTP : t->scheme;
	/* the URL's host, or Host where it has none */
	q->host = t->host.is != HTTP_HOST_NONE ? t->host : q->head.host;
	http_inside_name(q);
	if (w->mode == MODE_REVERSE) {
		q->to = w->origin;
	} else if (w->mode != MODE_FORWARD) {
		io_original(q->s->client, &a);
		host_of(&a, &q->to);
	}
	if (q->host.is == HTTP_HOST_NONE)
		q->host = q->to;
	if (q->host.port == 0)
		q->host.port = http_scheme_port(q->scheme);
	if (w->mode == MODE_FORWARD)
		q->to = q->host;
}

/* A number that a parent would be asked for: nobody looks at it behind us.
 * From where it would be reached is not known, so not whether it is this
 * machine: only addresses that listeners name count as ours. */
static bool
is_denied_number(const struct http_req *q)
{
	struct addr a, nowhere;

	return q->own->where.parent.host.is != HTTP_HOST_NONE &&
	    addr_number(q->to.name, q->to.port, &a) == 0 &&
	    addr_number("0.0.0.0", 0, &nowhere) == 0 &&
	    !deny_may_use(&q->own->doors, &a, &nowhere);
}

const char *
http_where_refuses(const struct http_req *q, enum http_cause *cause_r)
{
	const struct http_where *w = &q->own->where;

	*cause_r = HTTP_CAUSE_METHOD;
	if (w->mode != MODE_FORWARD && q->head.method == HTTP_CONNECT)
		return "CONNECT";
	if (q->scheme == HTTP_SCHEME_FTP && w->mode != MODE_FORWARD)
		return "ftp";
	*cause_r = HTTP_CAUSE_DENIED;
	if (is_denied_number(q))
		return "deny_destinations";
	return NULL;
}
