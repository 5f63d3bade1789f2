#ifndef MILTER_PARSE_H
#define MILTER_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/slice.h"

/*
 * milter_parse: what stands in the data of a packet.  Pure.  All of them
 * return false for data that is not of that form.
 */

/* Takes a text that ends with a NUL off the front. */
bool milter_text(struct slice *data, struct slice *text_r);

struct milter_offer {
	uint32_t version, actions, steps;
};

bool milter_parse_offer(struct slice data, struct milter_offer *o_r);

#define MILTER_NAME_MAX 255

struct milter_client {
	char name[MILTER_NAME_MAX + 1]; /* "[192.0.2.1]" where none is known */
	/* "192.0.2.1", "2001:db8::1", "unix", or "unknown" */
	char address[ADDR_TEXT];
};

bool milter_parse_client(struct slice data, struct milter_client *c_r);

/* <a@b> without its brackets; blanks around it go as well. */
struct slice milter_address(struct slice text);

#endif
