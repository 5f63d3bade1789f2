#ifndef CONF_READER_H
#define CONF_READER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * reader: the bytes of an INI file, taken apart.  Comments come off and
 * indented lines are joined here; then inih sees one logical line at a time.
 * Pure: bytes in, calls out; nothing is ever cut to fit.
 */

#define READER_LINE_MAX 65536 /* bytes of a logical line */
#define READER_KEY_MAX 64
#define READER_SECTION_MAX 49 /* inih cuts what is longer, and says nothing */

struct reader_to {
	/* A [section] begins; name is what stands between the brackets. */
	void (*section)(void *arg, const char *name, unsigned line);

	/*
	 * A key of the section that began last; its value begins on line.
	 * value has a newline for each end of a physical line that was
	 * joined: what stands behind the nth of them stood on line + n.
	 */
	void (*key)(
	    void *arg, const char *key, const char *value, unsigned line);

	/* What is wrong with a line; reading goes on behind it. */
	void (*wrong)(void *arg, unsigned line, const char *text);
};

void reader_read(
    const char *text, size_t len, const struct reader_to *to, void *arg);

/*
 * How much of one physical line counts: up to a comment (";" or "#" at its
 * start or after a blank, outside double quotes) and blanks before it.
 * *open_r: a double quote has no end.
 */
size_t reader_strip(const char *line, size_t len, bool *open_r);

/* True for what no line may hold: control bytes but the tab. */
bool reader_bad_byte(char byte);

#endif
