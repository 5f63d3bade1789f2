/*
 * http_auth: asks for user and password (RFC 9110 11.7), and lets nobody make
 * us compute hashes without end.  What a client says goes no further than this
 * (Proxy-Authorization ends at this hop).
 */
#include "protocols/http/http_auth.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "protocols/http/http.h"
#include "protocols/http/http_basic.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/passwords.h"
#include "proxy/rates.h"
#include "proxy/tls.h"

/* New passwords that one client may try in a minute in each net worker. */
#define TRIES_A_MINUTE 20
#define TRIES_SLOTS 1024

struct http_auth {
	struct passwords *passwords;
	struct rates *tries;
};

static int
wrong(const struct place *p, enum opt opt, const char *why, struct err *e)
{
	return err_set(e, "%s: %s: %s", conf_origin(p->conf, p->listener, opt),
	    schema_opt(opt)->key, why);
}

static int
read_file(struct http_auth *a, const struct place *p, struct err *e)
{
	enum opt opt = OPT_HTTP_AUTH_FILE;
	const char *path = conf_str(p->conf, p->listener, opt);
	struct slice text;
	struct stat st;

	if (p->worker == NULL && stat(path, &st) == 0 &&
	    (st.st_mode & S_IWOTH) != 0)
		return wrong(p, opt, "others can write the file", e);
	text = tls_files_get(p->tls_kit->files, path);
	if (text.at == NULL)
		return wrong(p, opt, "cannot be read", e);
	a->passwords = passwords_open(
	    path, text, p->worker == NULL ? NULL : worker_loop(p->worker), e);
	return a->passwords == NULL ? -1 : 0;
}

int
http_auth_read(struct http_auth **a_r, const struct place *p, struct err *e)
{
	struct http_auth *a;

	*a_r = NULL;
	if (conf_int(p->conf, p->listener, OPT_HTTP_AUTH) == 0)
		return 0;
	if (conf_int(p->conf, p->listener, OPT_HTTP_MODE) != MODE_FORWARD)
		return wrong(p, OPT_HTTP_AUTH,
		    "only with mode = forward: clients must know of the proxy",
		    e);
	if (!conf_given(p->conf, p->listener, OPT_HTTP_AUTH_FILE))
		return wrong(p, OPT_HTTP_AUTH, "there is no auth_file", e);
	if (p->tls_kit == NULL)
		return 0; /* what cannot be read has been said */
	a = *a_r = xcalloc(1, sizeof(*a));
	a->tries = rates_open(1, TRIES_SLOTS);
	if (a->tries == NULL || read_file(a, p, e) < 0) {
		http_auth_free(a_r);
		return -1;
	}
	return 0;
}

void
http_auth_free(struct http_auth **ap)
{
	struct http_auth *a = *ap;

	*ap = NULL;
	if (a == NULL)
		return;
	passwords_free(&a->passwords);
	rates_free(&a->tries);
	free(a);
}

/* ---- a request ---- */

static void
ask(struct http_req *q, const char *reason)
{
	http_page(q, HTTP_CAUSE_AUTH, "refused", reason);
}

/* FNV-1a over the client's host. */
static uint64_t
client_key(const struct http_req *q)
{
	unsigned char host[16];
	uint64_t n = UINT64_C(0xcbf29ce484222325);

	addr_key(io_peer(q->s->client), host);
	for (unsigned i = 0; i < sizeof(host); i++)
		n = (n ^ host[i]) * UINT64_C(0x100000001b3);
	return n == 0 ? 1 : n;
}

static bool
take(struct http_req *q, enum password_is is, const char *user)
{
	char host[ADDR_TEXT];

	if (is == PASSWORD_GOOD) {
		(void)facts_set(&q->x->facts, FIELD_USER, user);
		return true;
	}
	if (is == PASSWORD_BUSY) {
		http_page(q, HTTP_CAUSE_BUSY, "deferred", "auth_queue");
		return false;
	}
	log_warn(q->s->id, "http auth failed user=%s client=%s",
	    log_quote(user), addr_host(io_peer(q->s->client), host));
	ask(q, "auth_failed");
	return false;
}

static void
computed(void *arg, enum password_is is)
{
	struct http_req *q = arg;
	struct session *s = q->s;
	char *user = q->asked_as;

	IS(q, HTTP_REQ_MAGIC);
	q->asking = NULL;
	q->asked_as = NULL;
	if (take(q, is, user))
		http_request_admitted(q);
	free(user);
	http_go_on(s);
}

static bool
verify(struct http_req *q, const struct http_basic *b)
{
	struct http_auth *a = q->own->auth;
	enum password_is is =
	    passwords_known(a->passwords, b->user, b->password);

	if (is == PASSWORD_WAIT) {
		if (!rates_take(a->tries, 1, client_key(q), TRIES_A_MINUTE,
			clock_ms())) {
			log_warn(q->s->id, "http auth limit=auth_tries");
			ask(q, "auth_tries");
			return false;
		}
		is = passwords_ask(a->passwords, b->user, b->password, computed,
		    q, &q->asking);
	}
	if (is != PASSWORD_WAIT)
		return take(q, is, b->user);
	q->asked_as = xstrdup(b->user);
	http_enter(q->s, HTTP_IN_AUTH);
	return false;
}

bool
http_auth(struct http_req *q)
{
	struct slice value =
	    http_value(&q->head.head, HTTP_FIELD_PROXY_AUTHORIZATION);
	struct http_basic b;
	bool goes_on;

	/* what comes inside a tunnel does not say it again */
	if (q->own->auth == NULL || http_inside(q->s) != NULL)
		return true;
	if (value.at == NULL || http_basic_read(value, &b) < 0) {
		ask(q, "auth_required");
		return false;
	}
	goes_on = verify(q, &b);
	explicit_bzero(&b, sizeof(b));
	return goes_on;
}
