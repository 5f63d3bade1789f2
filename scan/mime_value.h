#ifndef SCAN_MIME_VALUE_H
#define SCAN_MIME_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/slice.h"
#include "scan/mime.h"

/*
 * mime_value: the values of Content-Type, Content-Transfer-Encoding and
 * Content-Disposition (RFC 2045, 2183, 2231), as written and as they could be
 * read.  Pure: values come with their folding, as they stand in the header.
 */
enum type_kind {
	TYPE_LEAF,
	TYPE_MULTIPART,
	TYPE_MESSAGE, /* a mail in the mail */
	TYPE_PARTIAL  /* a piece of one (RFC 2046 5.2.2) */
};

struct type_value {
	char word[MIME_TYPE_MAX + 1]; /* "text/plain", lower case */
	enum type_kind kind;
	bool odd;          /* readers may differ on the type or its boundary */
	bool engine_knows; /* a multipart its parser goes into */
	struct slice boundary; /* the one of the RFC reading */
	bool has_boundary;
};

void type_read(struct slice value, struct type_value *t_r);

/*
 * Every boundary that a reader could see in an odd value, without those that
 * are the same.
 */
#define BOUNDARIES 40
#define BOUNDARY_MAX 200 /* bytes; of a longer one this many count */

struct boundaries {
	struct {
		size_t len;
		char text[BOUNDARY_MAX];
	} list[BOUNDARIES];
	unsigned n;
	bool full;
};

void boundaries_read(struct slice value, struct boundaries *b_r);

struct cte_value {
	enum mime_codec codec; /* the reading of the RFC */
	bool odd;              /* not exactly one of the known words */
	unsigned others;       /* bits: 1 << MIME_BASE64 ...: could be, too */
};

void cte_read(struct slice value, struct cte_value *c_r);

/*
 * The value of a parameter such as "filename", RFC 2231 and RFC 2047 taken
 * off where easily done.  Returns false when there is none.
 */
bool value_param(struct slice value, const char *param, char *to, size_t size);

/* Decodes the encoded words (RFC 2047) of s; the charset is not looked at. */
size_t words_decode(struct slice s, char *to, size_t size);

#endif
