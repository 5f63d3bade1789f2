/*
 * tls_session: sessions that servers gave us, for the next connection to the
 * same one.  A short list, the newest first and those that were used already
 * last; who takes one takes it out.
 */
#include <string.h>

#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "proxy/tls_own.h"

#define SESSIONS_MAGIC 0x71500003u

struct kept {
	SSL_SESSION *session;
	int64_t since_ms;
	char *peer;
};

struct tls_sessions {
	uint32_t magic;
	unsigned n;
	struct kept list[TLS_SESSIONS_MAX + 1];
};

struct tls_sessions *
tls_sessions_open(void)
{
	struct tls_sessions *ss = xcalloc(1, sizeof(*ss));

	ss->magic = SESSIONS_MAGIC;
	return ss;
}

/* Out of the list; the session is the caller's. */
static SSL_SESSION *
take_out(struct tls_sessions *ss, unsigned i)
{
	SSL_SESSION *session = ss->list[i].session;

	free(ss->list[i].peer);
	ss->n--;
	memmove(
	    &ss->list[i], &ss->list[i + 1], (ss->n - i) * sizeof(ss->list[0]));
	return session;
}

static void
drop(struct tls_sessions *ss, unsigned i)
{
	SSL_SESSION_free(take_out(ss, i));
}

/* All but the first `most` of that peer go. */
static void
limit(struct tls_sessions *ss, const char *peer, unsigned most)
{
	for (unsigned i = 0; i < ss->n;) {
		if (strcmp(ss->list[i].peer, peer) != 0) {
			i++;
		} else if (most > 0) {
			most--;
			i++;
		} else {
			drop(ss, i);
		}
	}
}

static void
put_at(struct tls_sessions *ss, unsigned i, const char *peer,
    SSL_SESSION *session, int64_t since_ms)
{
	IS(ss, SESSIONS_MAGIC);
	memmove(
	    &ss->list[i + 1], &ss->list[i], (ss->n - i) * sizeof(ss->list[0]));
	ss->list[i] = (struct kept){session, since_ms, xstrdup(peer)};
	ss->n++;
	limit(ss, peer, TLS_SESSIONS_OF_ONE);
	if (ss->n > TLS_SESSIONS_MAX)
		drop(ss, ss->n - 1);
}

void
tls_sessions_put(struct tls_sessions *ss, const char *peer,
    SSL_SESSION *session, int64_t since_ms)
{
	put_at(ss, 0, peer, session, since_ms);
}

void
tls_sessions_put_back(struct tls_sessions *ss, const char *peer,
    SSL_SESSION *session, int64_t since_ms)
{
	put_at(ss, ss->n, peer, session, since_ms);
}

SSL_SESSION *
tls_sessions_take(struct tls_sessions *ss, const char *peer, int64_t now_ms,
    int64_t *since_ms_r)
{
	IS(ss, SESSIONS_MAGIC);
	for (unsigned i = 0; i < ss->n;) {
		const struct kept *k = &ss->list[i];

		if (strcmp(k->peer, peer) != 0) {
			i++;
			continue;
		}
		/* OpenSSL has taken back those whose connection broke. */
		if (now_ms - k->since_ms >= TLS_SESSION_LIFE_MS ||
		    !SSL_SESSION_is_resumable(k->session)) {
			drop(ss, i);
			continue;
		}
		*since_ms_r = k->since_ms;
		return take_out(ss, i);
	}
	return NULL;
}

void
tls_sessions_forget(struct tls_sessions *ss, const char *peer)
{
	IS(ss, SESSIONS_MAGIC);
	limit(ss, peer, 0);
}

void
tls_sessions_free(struct tls_sessions **sp)
{
	struct tls_sessions *ss = *sp;

	*sp = NULL;
	if (ss == NULL)
		return;
	IS(ss, SESSIONS_MAGIC);
	while (ss->n > 0)
		drop(ss, ss->n - 1);
	ss->magic = 0;
	free(ss);
}
