/*
 * http_ftp: a file becomes an answer with its size, a directory a page. Nothing
 * is known of the file but its name, so that is what its type is told from.
 */
#include "protocols/http/http_ftp.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/http/http.h"
#include "protocols/http/http_basic.h"
#include "protocols/http/http_listing.h"
#include "protocols/http/http_origin_own.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/fetch.h"

#define URL_MAX (64 * 1024)
#define LISTING_MAX (1024 * 1024)
#define PAGE_MAX (8 * LISTING_MAX)
#define FTP_PORT 21

struct http_ftp {
	struct http_req *q;
	struct http_origin *o;
	struct fetch *fetch;
	char *path;
	bool list, begun;
	struct buf listing;
};

/* ---- the answer ---- */

static const struct {
	const char *end, *type;
} types[] = {
    {".txt", "text/plain"},
    {".html", "text/html"},
    {".htm", "text/html"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".gif", "image/gif"},
    {".pdf", "application/pdf"},
};

static const char *
type_of_path(const struct http_ftp *f)
{
	size_t len = strlen(f->path);

	if (f->list)
		return "text/html; charset=utf-8";
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i].end);

		if (len > n && strcasecmp(f->path + len - n, types[i].end) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

/* Written as a server would, and read as one is.  False: o may be gone. */
static bool
tell_head(struct http_ftp *f, int64_t size)
{
	struct http_origin *o = f->o;

	f->begun = true;
	(void)buf_printf(&o->bytes,
	    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
	    "X-Content-Type-Options: nosniff\r\n",
	    type_of_path(f));
	if (size >= 0)
		(void)buf_printf(
		    &o->bytes, "Content-Length: %jd\r\n", (intmax_t)size);
	(void)buf_puts(&o->bytes, "\r\n");
	http_response_head_init(&o->head, o->asked);
	MUST(http_response_head(&o->head,
		 (struct slice){buf_at(&o->bytes), o->bytes.len},
		 o->conf->max_header) == HTTP_HEAD_DONE);
	o->is = ORIGIN_BODY;
	copy_text(o->address, sizeof(o->address), fetch_address(f->fetch));
	copy_text(f->q->hop_address, sizeof(f->q->hop_address), o->address);
	return http_origin_tell(o, HTTP_ORIGIN_HEAD) && o->is == ORIGIN_BODY;
}

static void
take_data(struct http_ftp *f, struct slice data)
{
	struct http_origin *o = f->o;

	if (f->list) {
		if (buf_put(&f->listing, data.at, data.len) < 0)
			(void)http_origin_lost(
			    o, HTTP_CAUSE_LIMIT, "ftp listing over 1M");
		return;
	}
	/* asked for a head libcurl writes fields of its own making */
	if (o->asked == HTTP_HEAD ||
	    (!f->begun && !tell_head(f, fetch_size(f->fetch))))
		return;
	o->data = data;
	(void)http_origin_tell(o, HTTP_ORIGIN_DATA);
}

/* False: o may be gone. */
static bool
tell_listing(struct http_ftp *f)
{
	struct http_origin *o = f->o;
	struct buf page;
	bool there;

	buf_init(&page, PAGE_MAX);
	if (http_listing_put(&page, slice_of(f->path),
		(struct slice){buf_at(&f->listing), f->listing.len}) < 0) {
		buf_free(&page);
		return http_origin_lost(o, HTTP_CAUSE_LIMIT, "ftp listing");
	}
	there = tell_head(f, (int64_t)page.len);
	if (there && o->asked != HTTP_HEAD) {
		o->data = (struct slice){buf_at(&page), page.len};
		there = http_origin_tell(o, HTTP_ORIGIN_DATA) &&
		    o->is == ORIGIN_BODY;
	}
	buf_free(&page);
	return there;
}

/* An empty file has told nothing yet. */
static void
take_end(struct http_ftp *f)
{
	struct http_origin *o = f->o;
	int64_t size = o->asked == HTTP_HEAD ? fetch_size(f->fetch) : 0;

	if (f->list ? !tell_listing(f) : !f->begun && !tell_head(f, size))
		return;
	o->is = ORIGIN_DONE;
	(void)http_origin_tell(o, HTTP_ORIGIN_END);
}

static void
take_loss(struct http_ftp *f)
{
	static const enum http_cause causes[] = {
	    [FETCH_BROKEN] = HTTP_CAUSE_BROKEN,
	    [FETCH_DENIED] = HTTP_CAUSE_DENIED,
	    [FETCH_NO_NAME] = HTTP_CAUSE_DNS,
	    [FETCH_REFUSED] = HTTP_CAUSE_REFUSED,
	    [FETCH_LATE] = HTTP_CAUSE_TIMEOUT,
	    [FETCH_NO_LOGIN] = HTTP_CAUSE_REFUSED,
	    [FETCH_NO_FILE] = HTTP_CAUSE_NOT_FOUND,
	};
	enum fetch_error is = fetch_error(f->fetch);
	char why[160];

	(void)snprintf(why, sizeof(why), "ftp: %s", fetch_why(f->fetch));
	(void)http_origin_lost(
	    f->o, causes[is], is == FETCH_DENIED ? "deny_destinations" : why);
}

static void
fetched(void *arg, enum fetch_event what, struct slice data)
{
	struct http_ftp *f = arg;

	IS(f->o, HTTP_ORIGIN_MAGIC);
	if (f->o->is == ORIGIN_LOST)
		return;
	if (what == FETCH_DATA)
		take_data(f, data);
	else if (what == FETCH_END)
		take_end(f);
	else
		take_loss(f);
}

/* ---- asking ---- */

const char *
http_ftp_refuses(const struct http_req *q)
{
	if (q->head.method != HTTP_GET && q->head.method != HTTP_HEAD)
		return "ftp";
	if (q->to.port != FTP_PORT && q->to.port < 1024)
		return "ftp_port";
	return NULL;
}

/* Without its escapes; controls, which would be lines of their own, end it. */
static void
decode(struct slice s, char *to, size_t size)
{
	size_t n = 0;

	while (s.len > 0 && n + 1 < size) {
		int byte = slice_escape(s);
		unsigned char c = (unsigned char)(byte < 0 ? s.at[0] : byte);

		s = slice_skip(s, byte < 0 ? 1 : 3);
		if (c < ' ' || c == 0x7f)
			break;
		to[n++] = (char)c;
	}
	to[n] = '\0';
}

/* "user" or "user:password" of the URL. */
static void
read_login(const struct http_req *q, struct http_basic *b_r)
{
	struct slice text = http_at(&q->head.head, q->head.text);
	struct http_span at = q->head.target.user;
	struct slice user = {text.at + at.at, at.len}, password = {NULL, 0};
	const char *colon =
	    user.len == 0 ? NULL : memchr(user.at, ':', user.len);

	if (colon != NULL) {
		password = slice_skip(user, (size_t)(colon - user.at) + 1);
		user.len = (size_t)(colon - user.at);
	}
	decode(user, b_r->user, sizeof(b_r->user));
	decode(password, b_r->password, sizeof(b_r->password));
}

static bool
may_connect(const void *arg, const struct addr *peer, const struct addr *local)
{
	return deny_may_use(arg, peer, local);
}

static void
start(struct http_ftp *f, struct http_req *q, const char *url)
{
	struct http_basic login;
	struct fetch_ask ask = {.url = url,
	    .bare = q->head.method == HTTP_HEAD && !f->list,
	    .connect_timeout = q->own->connect_timeout,
	    .idle_timeout = q->own->idle_timeout,
	    .allowed = may_connect,
	    .allowed_arg = &q->own->doors};

	read_login(q, &login);
	if (login.user[0] != '\0') {
		ask.user = login.user;
		ask.password = login.password;
	}
	f->fetch = fetch_start(q->own->fetcher, &ask, fetched, f);
	explicit_bzero(&login, sizeof(login));
}

struct http_origin *
http_ftp_open(struct http_req *q, http_origin_told *told, void *arg)
{
	struct http_origin *o = xcalloc(1, sizeof(*o));
	struct http_ftp *f = xcalloc(1, sizeof(*f));
	struct slice text = http_at(&q->head.head, q->head.text);
	struct http_span path = q->head.target.path;
	struct buf url, canonical;

	o->magic = HTTP_ORIGIN_MAGIC;
	o->conf = &q->own->origin;
	o->asked = q->head.method;
	o->told = told;
	o->arg = arg;
	o->ftp = f;
	f->o = o;
	f->q = q;
	buf_init(&o->bytes, o->conf->max_header);
	buf_init(&f->listing, LISTING_MAX);
	buf_init(&url, URL_MAX);
	buf_init(&canonical, URL_MAX);
	(void)http_path_put(
	    &canonical, (struct slice){text.at + path.at, path.len});
	f->path = xstrdup(buf_text(&canonical));
	f->list = f->path[strlen(f->path) - 1] == '/';
	(void)buf_puts(&url, "ftp://");
	(void)http_host_put(&url, &q->to, 0);
	copy_text(o->key, sizeof(o->key), buf_text(&url) + strlen("ftp://"));
	(void)buf_puts(&url, f->path);
	start(f, q, buf_text(&url));
	buf_free(&url);
	buf_free(&canonical);
	return o;
}

void
http_ftp_free(struct http_ftp **fp)
{
	struct http_ftp *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	fetch_cancel(&f->fetch);
	buf_free(&f->listing);
	free(f->path);
	free(f);
}

void
http_ftp_pause(struct http_ftp *f, bool pause)
{
	fetch_pause(f->fetch, pause);
}
