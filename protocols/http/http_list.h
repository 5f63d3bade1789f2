#ifndef HTTP_LIST_H
#define HTTP_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "protocols/http/http_head.h"
#include "proxy/base/slice.h"

/*
 * http_list: lists, quoted strings and parameters of field values (RFC 9110
 * 5.6).  Pure.
 */

/* The elements of all lines of one field, in order. */
struct http_list {
	const struct http_head *head; /* NULL: only rest */
	enum http_field_id id;
	unsigned next; /* field to look at */
	struct slice rest;
};

void http_list_init(
    struct http_list *l, const struct http_head *h, enum http_field_id id);
void http_list_of(struct http_list *l, struct slice text);

/*
 * The next element, blanks off; empty ones are passed over, a comma in a
 * quoted string is no end.  1, 0 at the end, -1: a quote is not closed.
 */
int http_list_next(struct http_list *l, struct slice *element_r);

/* Is word one of the elements (case does not count)? */
bool http_list_has(
    const struct http_head *h, enum http_field_id id, const char *word);

/* What stands before the first ";", blanks off. */
struct slice http_before_params(struct slice element);

/*
 * Takes the next parameter off *rest, which begins behind what
 * http_before_params() gave: "; name=value" or "; name" (value {NULL, 0}).
 * The value keeps its quotes.  1, 0 at the end, -1: it is broken.
 */
int http_param_next(
    struct slice *rest, struct slice *name_r, struct slice *value_r);

/*
 * The parameter of that name, its quotes and escapes off, in to[size], with a
 * NUL.  1, 0: not there, -1: broken, there twice, or it does not fit.
 */
int http_param(struct slice value, const char *name, char *to, size_t size);

/* Quotes and escapes off a token or quoted string.  Its length, or -1: it is
 * neither, or does not fit with its NUL. */
int http_unquote(struct slice text, char *to, size_t size);

/* An unsigned decimal number, digits only, at most 2^63-1.  0 or -1. */
int http_number(struct slice text, uint64_t *n_r);

#endif
