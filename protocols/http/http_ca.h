#ifndef HTTP_CA_H
#define HTTP_CA_H

#include <stddef.h>

#include "proxy/base/err.h"
#include "proxy/base/slice.h"

/*
 * http_ca: the CA's certificate as those get it who are to trust it.
 */

#define HTTP_CA_FILE_MAX (64 * 1024)
#define HTTP_CA_PRINT_MAX 96

struct http_ca {
	struct slice pem;              /* that certificate and nothing else */
	struct slice der;              /* the same; ours */
	char print[HTTP_CA_PRINT_MAX]; /* SHA-256, "AB:CD:..." */
	char *text;                    /* the file; ours */
};

/*
 * The first certificate in text, which it keeps pointing into.  0, or -1 with
 * words: there is none, or it is not whole.  Pure.
 */
int http_ca_take(struct http_ca *ca, struct slice text, struct err *e);

/* The same of a file.  0, or -1 with words, and errno ENOENT: no such file. */
int http_ca_read(struct http_ca *ca, const char *path, struct err *e);

/* What is taken or read is given back; one that is all zero is fine. */
void http_ca_free(struct http_ca *ca);

#endif
