#ifndef SCAN_FACTS_H
#define SCAN_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/buf.h"

/*
 * facts: what a protocol knows about a content, as a list of (field, value).
 * Events, rules and templates share this one table.  All of it is hearsay.
 */
/* clang-format off */
/*      field		word in rules	ECS field (docs)	*/
#define FIELDS(X) \
	X(PROTOCOL,	"protocol",	"network.protocol") \
	X(LISTENER,	"listener",	"observer.ingress.interface.name") \
	X(DIRECTION,	"direction",	"network.direction") \
	X(FLOW,		"flow",		"sallyport.flow") \
	X(CLIENT,	"client",	"client.address") \
	X(CLIENT_NAME,	"client_name",	"client.domain") \
	X(TLS_VERSION,	"tls_version",	"tls.version") \
	X(TLS_CIPHER,	"tls_cipher",	"tls.cipher") \
	X(SNI,		"sni",		"tls.client.server_name") \
	X(TLS_NOTE,	"tls_note",	"sallyport.tls_note") \
	X(HELO,		"helo",		"sallyport.smtp.helo") \
	X(QUEUE_ID,	"queue_id",	"sallyport.smtp.queue_id") \
	X(SENDER,	"sender",	"email.from.address") \
	X(RECIPIENT,	"recipient",	"email.to.address") \
	X(USER,		"user",		"user.name") \
	X(HOST,		"host",		"url.domain") \
	X(URL,		"url",		"url.original") \
	X(METHOD,	"method",	"http.request.method") \
	X(HTTP_VERSION,	"http_version",	"http.version") \
	X(NAME,		"name",		"file.name") \
	X(TYPE,		"type",		"file.mime_type") \
	X(DETECTED,	"detected",	"sallyport.detected") \
	X(SUBJECT,	"subject",	"email.subject") \
	X(MESSAGE_ID,	"message_id",	"email.message_id")

enum field {
#define X(field, word, ecs) FIELD_##field,
	FIELDS(X)
#undef X
	FIELD_COUNT
};
/* clang-format on */

struct fact {
	enum field field;
	uint32_t at, len; /* in text; a NUL follows */
};

struct facts {
	struct fact *list;
	size_t n, cap;
	struct buf text;
};

/* limit: bytes of all values together. */
void facts_init(struct facts *f, size_t limit);
void facts_free(struct facts *f);
void facts_clear(struct facts *f); /* keeps the memory */

/*
 * Adds a value (a field may have several).  0, or -1 EFBIG past the limit.  A
 * NUL inside a value becomes 0xff.
 */
int facts_add(struct facts *f, enum field field, const char *value);
int facts_addn(
    struct facts *f, enum field field, const char *value, size_t len);

/* The same instead of all values it has. */
int facts_set(struct facts *f, enum field field, const char *value);

/* The nth value of a field, from 0; NULL: no more.  Valid until a change. */
const char *facts_get(const struct facts *f, enum field field, size_t nth);
size_t facts_count(const struct facts *f, enum field field);

/* The client as an address, however it was written; port 0 where none was.
 * -1: no such fact, or not an address. */
int facts_client(const struct facts *f, struct addr *a_r);

const char *field_word(enum field field);
const char *field_ecs(enum field field);

#endif
