#ifndef PROXY_EVENT_LINE_H
#define PROXY_EVENT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/event.h"

/*
 * event_line: what the text and the JSON line have in common; for event_*.c
 * alone.  Every value has a most, counted after escaping, so that no peer can
 * make a line longer than EVENT_LINE_MAX; t_event.c tries.
 */
#define EVENT_RECIPIENTS_MAX 3072 /* of all that are written */
#define EVENT_RECIPIENT_MAX 384   /* of one */
#define EVENT_FINDINGS_MAX 4096   /* of all in the list */
#define EVENT_FINDING_MAX 960     /* of one, keys included */
#define EVENT_WHAT_MAX 256
#define EVENT_WHERE_MAX 512
#define EVENT_REPLY_MAX 1024
#define EVENT_HOP_MAX 256
#define EVENT_WORD_MAX 128 /* names of ours: rules, engines, reasons */

/* The most bytes a fact may take in a line. */
size_t event_most(enum field field);

const char *event_kind_word(enum event_kind kind);

/* The decision stops the content: it is not delivered as it came. */
bool event_is_blocked(const struct event *ev);

/* NULL for "" too: what there is to write, or nothing. */
const char *event_value(const char *s);

#endif
