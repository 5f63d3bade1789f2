#ifndef PROXY_PASSWORDS_H
#define PROXY_PASSWORDS_H

#include "proxy/base/err.h"
#include "proxy/base/slice.h"

struct loop;

/*
 * passwords: users and the hashes of their passwords (bcrypt, scrypt,
 * yescrypt).  Such a hash takes a tenth of a second and more, so it is computed
 * in a thread of its own, one at a time, while the loop goes on; what came of
 * it is remembered for a while.
 */
struct passwords;

/*
 * text: lines "user:hash"; empty ones and those that begin with # do not
 * count.  path is for messages.  l NULL: only to look whether it is right.
 * NULL with `path:line: what`.
 */
struct passwords *passwords_open(
    const char *path, struct slice text, struct loop *l, struct err *e);

/* What is asked is forgotten with it. */
void passwords_free(struct passwords **pp);

enum password_is {
	PASSWORD_GOOD,
	PASSWORD_BAD,
	PASSWORD_BUSY, /* too many are asked for at one time */
	PASSWORD_WAIT  /* done is called, from the loop, with one of the others
			*/
};

struct password_ask;
typedef void password_done(void *arg, enum password_is is);

/* Is it user's?  *ask_r is set with PASSWORD_WAIT, until done is called. */
enum password_is passwords_ask(struct passwords *p, const char *user,
    const char *password, password_done *done, void *arg,
    struct password_ask **ask_r);

/* What is remembered of it: GOOD, BAD, or WAIT when that is nothing. */
enum password_is passwords_known(
    const struct passwords *p, const char *user, const char *password);

/* done is not called.  NULL is fine. */
void password_cancel(struct password_ask **ap);

#endif
