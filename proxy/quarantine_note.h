#ifndef PROXY_QUARANTINE_NOTE_H
#define PROXY_QUARANTINE_NOTE_H

#include <stdint.h>

#include "proxy/event.h"

/* Appends the note of a content that ev decides about, as one line of JSON; it
 * says that it was kept.  0, or -1 when b has no room for it. */
int quarantine_note(struct buf *b, const struct event *ev, int64_t wall_ms);

#endif
