#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * Why an operation failed, in words an operator can act on.  The caller owns
 * the struct (usually on its stack); the callee fills it and returns -1.
 */
struct err {
	char text[256];
};

/* Always returns -1.  e may be NULL: then nobody wants the words. */
int err_set(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
