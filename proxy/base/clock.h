#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_ms(void);      /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_us(void);      /* CLOCK_MONOTONIC, microseconds */
int64_t clock_wall_ms(void); /* since 1970, milliseconds */

#define CLOCK_TEXT 80

/* wall_ms as 2026-11-23T09:12:33.123Z (RFC 3339) into to[CLOCK_TEXT]. */
void clock_iso(int64_t wall_ms, char *to);

/* wall_ms as Mon, 23 Nov 2026 09:12:33 +0000 (RFC 5322 3.3). */
void clock_mail(int64_t wall_ms, char *to);

#endif
