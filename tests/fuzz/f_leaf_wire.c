/*
 * f_leaf_wire: messages between net workers and the signer.  Whatever is taken
 * is the same, to its last byte, when it is put again; so a name has one form,
 * and every cut is refused.  And a host, which strangers choose.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proxy/base/check.h"
#include "proxy/leaf_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_be_name(const struct leaf_name *n)
{
	size_t len = strlen(n->text);
	struct leaf_name again;

	MUST(len > 0 && len <= LEAF_NAME_MAX);
	MUST(n->ip_len == 0 || n->ip_len == 4 || n->ip_len == 16);
	MUST(strpbrk(n->text, "*/ \n\r\"\\,=[]@") == NULL);
	MUST(leaf_name_read(slice_of(n->text), &again));
	MUST(strcmp(again.text, n->text) == 0 && again.ip_len == n->ip_len);
	MUST(memcmp(again.ip, n->ip, sizeof(n->ip)) == 0);
}

static void
must_be(const struct buf *b, struct slice message)
{
	MUST(b->len == message.len);
	MUST(memcmp(buf_at(b), message.at, b->len) == 0);
}

static void
cuts_are_refused(struct slice message)
{
	struct leaf_request q;
	struct leaf_reply r;

	for (size_t n = 0; n < message.len && n < 300; n++) {
		MUST(leaf_get_request((struct slice){message.at, n}, &q) < 0);
		MUST(leaf_get_reply((struct slice){message.at, n}, &r) < 0);
	}
}

static void
try_request(struct slice message)
{
	char key[LEAF_KEY_MAX];
	struct leaf_request q;
	struct buf b;

	if (leaf_get_request(message, &q) < 0)
		return;
	MUST(q.names.n >= 1 && q.names.n <= LEAF_NAMES_MAX);
	for (unsigned i = 0; i < q.names.n; i++)
		must_be_name(&q.names.list[i]);
	MUST(leaf_names_key(&q.names, key) < LEAF_KEY_MAX);
	buf_init(&b, LEAF_PACKET_MAX);
	MUST(leaf_put_request(&b, &q) == 0);
	must_be(&b, message);
	buf_free(&b);
	cuts_are_refused(message);
}

static void
try_reply(struct slice message)
{
	struct leaf_reply r;
	struct buf b;

	if (message.len > LEAF_PACKET_MAX || leaf_get_reply(message, &r) < 0)
		return;
	MUST(r.chain_n <= LEAF_CHAIN_MAX);
	buf_init(&b, LEAF_PACKET_MAX);
	MUST(leaf_put_reply(&b, &r) == 0);
	must_be(&b, message);
	if (r.status == LEAF_MADE) {
		leaf_readdress(buf_at(&b), r.number, r.good_s);
		must_be(&b, message);
	}
	buf_free(&b);
	cuts_are_refused(message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice message = {(const char *)data, size};
	struct leaf_name n;

	if (size == 0)
		return 0;
	try_request(message);
	try_reply(message);
	if (leaf_name_read(message, &n))
		must_be_name(&n);
	return 0;
}
