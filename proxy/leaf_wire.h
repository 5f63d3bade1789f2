#ifndef PROXY_LEAF_WIRE_H
#define PROXY_LEAF_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "proxy/base/buf.h"
#include "proxy/base/slice.h"
#include "proxy/leaf_name.h"

/*
 * leaf_wire: what a net worker asks of the signer and what it hears, one
 * message each over a SOCK_SEQPACKET pair.  Neither trusts the other's bytes.
 * Pure.
 */
#define LEAF_PACKET_MAX 65536
#define LEAF_CHAIN_MAX 8      /* certificates between a leaf and its root */
#define LEAF_CHAIN_SIZE 32768 /* bytes of them together */

struct leaf_request {
	uint32_t number; /* the reply has the same one */
	struct leaf_names names;
};

enum leaf_status { LEAF_MADE, LEAF_FAILED, LEAF_STATUSES };

#define LEAF_SECRET 32 /* bytes of a P-256 key: its number, big-endian */

/* Certificates are in DER; slices lie in the message. */
struct leaf_reply {
	uint32_t number;
	enum leaf_status status; /* LEAF_FAILED: nothing else is there */
	uint32_t good_s; /* so long it may be used for new connections */
	struct slice cert, secret; /* its key: LEAF_SECRET bytes */
	unsigned chain_n;
	struct slice chain[LEAF_CHAIN_MAX];
};

/* Appends.  0, or -1 with errno EFBIG: beyond b's limit. */
int leaf_put_request(struct buf *b, const struct leaf_request *q);
int leaf_put_reply(struct buf *b, const struct leaf_reply *r);

/* 0, or -1: it is not one, to its last byte.  A name that is not in its one
 * form, none at all and one twice are refused. */
int leaf_get_request(struct slice message, struct leaf_request *q_r);
int leaf_get_reply(struct slice message, struct leaf_reply *r_r);

/* Bytes of a reply of LEAF_MADE, for another request at another time. */
void leaf_readdress(char *message, uint32_t number, uint32_t good_s);

#endif
