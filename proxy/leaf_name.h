#ifndef PROXY_LEAF_NAME_H
#define PROXY_LEAF_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/slice.h"

/*
 * leaf_name: what a certificate may say whose it is: a host as it was asked
 * for, in its one form.  Pure.
 */
#define LEAF_NAME_MAX 253 /* RFC 1035 2.3.4, without the last dot */
#define LEAF_NAMES_MAX 4  /* of one certificate */

struct leaf_name {
	char text[LEAF_NAME_MAX + 1]; /* "example.org", "192.0.2.1", "::1" */
	unsigned char ip[16];         /* of an address */
	unsigned char ip_len;         /* 4 or 16; 0: it is a DNS name */
};

struct leaf_names {
	unsigned n;
	struct leaf_name list[LEAF_NAMES_MAX];
};

/*
 * Takes a host as it stands in a URL: a DNS name with IDNA as A-labels, an
 * IPv4 address, an IPv6 address with or without brackets.  Small letters and no
 * dot at the end come out.  False: it is none of them.  A wildcard is none: a
 * leaf is for what somebody wants to reach.
 */
bool leaf_name_read(struct slice host, struct leaf_name *name_r);

/* Adds it unless it is there.  False: not a name, or one too many. */
bool leaf_names_add(struct leaf_names *ns, struct slice host);

/* All of them in one text, for a table: "example.org\n192.0.2.1". */
#define LEAF_KEY_MAX (LEAF_NAMES_MAX * (LEAF_NAME_MAX + 1))
size_t leaf_names_key(const struct leaf_names *ns, char key_r[LEAF_KEY_MAX]);

#endif
