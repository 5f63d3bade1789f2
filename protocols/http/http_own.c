/*
 * http_own: what a [listener] with protocol http says, read once for each net
 * worker and configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "protocols/http/http.h"
#include "protocols/http/http2_links.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/fetch.h"
#include "proxy/pool.h"

/* Connections to one origin that wait for their next request, and how long:
 * less than what usual servers keep them (nginx 75 s, Apache 5 s). */
#define POOL_EACH 512
#define POOL_IDLE_MS 15000

static int64_t
number(const struct place *p, enum opt opt)
{
	return conf_int(p->conf, p->listener, opt);
}

/* "file:line: key: what is wrong" */
static int
wrong(const struct place *p, enum opt opt, const char *why, struct err *e)
{
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, p->listener, opt),
	    schema_opt(opt)->key, why);
}

/* 1 to 65535, or 0. */
static uint16_t
port_of(const char *text)
{
	char *end;
	unsigned long n;

	if (*text < '1' || *text > '9')
		return 0;
	n = strtoul(text, &end, 10);
	return *end == '\0' && n <= 65535 ? (uint16_t)n : 0;
}

static int
read_ports(const struct place *p, struct http_own *o, struct err *e)
{
	enum opt opt = OPT_HTTP_CONNECT_PORTS;
	const char *const *list;
	size_t n = conf_list(p->conf, p->listener, opt, &list);

	o->connect_ports = xcalloc(n + 1, sizeof(*o->connect_ports));
	for (size_t i = 0; i < n; i++) {
		o->connect_ports[i] = port_of(list[i]);
		if (o->connect_ports[i] == 0)
			return wrong(p, opt, "not a port", e);
	}
	o->connect_ports_n = n;
	return 0;
}

bool
http_may_connect(const struct http_own *o, uint16_t port)
{
	for (size_t i = 0; i < o->connect_ports_n; i++) {
		if (o->connect_ports[i] == port)
			return true;
	}
	return false;
}

/* The whole file, at most HTTP_TEMPLATE_MAX; NULL with errno. */
static char *
read_file(const char *path, size_t *len_r)
{
	char *text = xcalloc(HTTP_TEMPLATE_MAX + 1, 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	*len_r = 0;
	while (fd >= 0 && *len_r <= HTTP_TEMPLATE_MAX &&
	    (n = read(fd, text + *len_r, HTTP_TEMPLATE_MAX + 1 - *len_r)) > 0)
		*len_r += (size_t)n;
	if (n == 0 && *len_r > HTTP_TEMPLATE_MAX)
		errno = EFBIG;
	if (fd >= 0)
		(void)close(fd);
	if (n == 0 && *len_r <= HTTP_TEMPLATE_MAX)
		return text;
	free(text);
	return NULL;
}

static int
read_page(const struct place *p, struct http_own *o, struct err *e)
{
	enum opt opt = OPT_HTTP_BLOCK_PAGE;
	const char *path = conf_str(p->conf, p->listener, opt);
	struct err why;

	if (*path == '\0')
		return 0;
	o->page_text = read_file(path, &o->page.len);
	if (o->page_text == NULL)
		return wrong(p, opt, strerror(errno), e);
	o->page.at = o->page_text;
	if (http_page_check(o->page, &why) < 0)
		return wrong(p, opt, why.text, e);
	return 0;
}

static void
read_options(const struct place *p, struct http_own *o)
{
	o->request_timeout = number(p, OPT_HTTP_REQUEST_TIMEOUT);
	o->connect_timeout = number(p, OPT_HTTP_CONNECT_TIMEOUT);
	o->idle_timeout = number(p, OPT_HTTP_IDLE_TIMEOUT);
	o->scan_deadline = number(p, OPT_HTTP_SCAN_DEADLINE);
	o->trickle_after = number(p, OPT_HTTP_TRICKLE_AFTER);
	o->trickle_rate = (size_t)number(p, OPT_HTTP_TRICKLE_RATE);
	o->pipeline = (unsigned)number(p, OPT_HTTP_PIPELINE);
	o->max_header = (size_t)number(p, OPT_HTTP_MAX_HEADER);
	o->max_request_body = (uint64_t)number(p, OPT_HTTP_MAX_REQUEST_BODY);
	o->max_response_body = (uint64_t)number(p, OPT_HTTP_MAX_RESPONSE_BODY);
	o->hold = (uint64_t)number(p, OPT_HTTP_HOLD);
	o->tail = (uint64_t)number(p, OPT_HTTP_TAIL);
	o->delivery = (enum http_delivery)number(p, OPT_HTTP_DELIVERY);
	o->websocket = number(p, OPT_HTTP_WEBSOCKET) == 0;
	o->event_stream = number(p, OPT_HTTP_EVENT_STREAM) == 0;
	o->media_stream = number(p, OPT_HTTP_MEDIA_STREAM) == 1;
	o->block_quic = number(p, OPT_HTTP_BLOCK_QUIC) != 0;
	o->ranges = (enum http_ranges_are)number(p, OPT_HTTP_RANGE_REQUESTS);
	o->contact = conf_str(p->conf, p->listener, OPT_HTTP_CONTACT);
	if (strcmp(o->contact, "none") == 0)
		o->contact = "";
	o->onboarding_host =
	    conf_str(p->conf, p->listener, OPT_HTTP_ONBOARDING_HOST);
}

/* What clients are to trust.  That it is right is the signer's to say. */
static void
read_ca(const struct place *p, struct http_own *o)
{
	enum opt opt = OPT_TLS_INSPECTION_CA_CERT_FILE;
	struct err why;

	if (http_ca_read(&o->ca, conf_str(p->conf, NULL, opt), &why) < 0 &&
	    errno != ENOENT)
		log_warn(0, "http ca_cert_file=%s is not offered: %s",
		    conf_str(p->conf, NULL, opt), why.text);
}

/* What only a net worker needs. */
static void
open_rooms(const struct place *p, struct http_own *o)
{
	bool said =
	    o->where.mode == MODE_REDIRECT || o->where.mode == MODE_TPROXY;

	read_ca(p, o);
	/* where Host is a mere word, one client could have any URL refused */
	o->urls =
	    http_urls_open(said ? 0 : number(p, OPT_HTTP_INFECTED_URL_BLOCK));
	if (o->ranges == RANGES_FULL && number(p, OPT_HTTP_RANGE_KEEP) > 0)
		o->keep = http_keep_open(worker_loop(p->worker),
		    number(p, OPT_HTTP_RANGE_KEEP),
		    (uint64_t)number(p, OPT_HTTP_RANGE_KEEP_SIZE),
		    http_kept_wake);
	o->fetcher = fetcher_open(worker_loop(p->worker));
	if (o->http2)
		o->links = http2_links_open(
		    worker_loop(p->worker), o->max_header, POOL_IDLE_MS);
	o->pool = pool_open(POOL_EACH, POOL_IDLE_MS, NULL);
	/* or many small origins would take the descriptors of clients */
	pool_cap(o->pool, (size_t)number(p, OPT_LISTENER_MAX_SESSIONS));
	o->origin = (struct http_origin_conf){
	    .dialer = worker_dialer(p->worker),
	    .pool = o->pool,
	    .doors =
		http_where_is_fixed(&o->where) ? &o->where.fixed : &o->doors,
	    .parent = o->where.parent.host.is == HTTP_HOST_NONE
		? NULL
		: &o->where.parent,
	    .tls = o->origin_tls,
	    .links = o->links,
	    .connect_timeout = o->connect_timeout,
	    .idle_timeout = o->idle_timeout,
	    .max_header = o->max_header,
	    .counted = p->counted,
	};
}

int
http_prepare(struct place *place, void **own_r, struct err *e)
{
	struct http_own *o = xcalloc(1, sizeof(*o));

	*own_r = NULL;
	o->magic = HTTP_OWN_MAGIC;
	read_options(place, o);
	if (read_ports(place, o, e) < 0 || read_page(place, o, e) < 0 ||
	    deny_read(&o->doors, place->conf, place->listener,
		OPT_HTTP_DENY_DESTINATIONS, e) < 0 ||
	    http_where_read(&o->where, place, e) < 0 ||
	    http_auth_read(&o->auth, place, e) < 0 ||
	    http_inspect_prepare(place, o, e) < 0) {
		http_forget(o);
		return -1;
	}
	if (place->worker == NULL) {
		http_forget(o);
		return 0;
	}
	open_rooms(place, o);
	*own_r = o;
	return 0;
}

void
http_forget(void *own)
{
	struct http_own *o = own;

	if (o == NULL)
		return;
	IS(o, HTTP_OWN_MAGIC);
	http_inspect_forget(o);
	pool_free(&o->pool);
	http2_links_free(&o->links);
	fetcher_free(&o->fetcher);
	http_urls_free(&o->urls);
	http_keep_free(&o->keep);
	deny_free(&o->doors);
	http_where_free(&o->where);
	http_auth_free(&o->auth);
	http_ca_free(&o->ca);
	free(o->connect_ports);
	free(o->page_text);
	o->magic = 0;
	free(o);
}
