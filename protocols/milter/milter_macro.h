#ifndef MILTER_MACRO_H
#define MILTER_MACRO_H

#include "proxy/base/slice.h"

/*
 * milter_macro: what an MTA tells beside the steps, as far as we have a use
 * for it.  Each macro has one place of fixed size: nothing grows.
 */
/* clang-format off */
#define MACROS(X) \
	X(QUEUE_ID,	"i") \
	X(USER,		"auth_authen") \
	X(TLS_VERSION,	"tls_version") \
	X(TLS_CIPHER,	"cipher")

enum milter_macro_is {
#define X(id, name) MACRO_##id,
	MACROS(X)
#undef X
	MACRO_COUNT
};
/* clang-format on */

#define MILTER_MACRO_MAX 255

struct milter_macros {
	struct {
		char step; /* the command it came with; 0: it did not */
		char text[MILTER_MACRO_MAX + 1];
	} list[MACRO_COUNT];
};

/*
 * The data of a packet 'D': the letter of the step, then names and values.
 * What came with the same step before is forgotten.  False: not of that form.
 */
bool milter_macros_take(struct milter_macros *m, struct slice data);

/* NULL: it was not told. */
const char *milter_macro(
    const struct milter_macros *m, enum milter_macro_is which);

/* Forgets what came with the steps of a mail; all: what came before, too. */
void milter_macros_forget(struct milter_macros *m, bool all);

#endif
