#ifndef SCAN_MIME_HEAD_H
#define SCAN_MIME_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/slice.h"
#include "scan/mime_lines.h"

/*
 * mime_head: the header of a mail or of a part: the fields that say how the
 * body is read, however they are written, and where the body begins.  Pure.
 */
enum head_kind { HEAD_TYPE, HEAD_CTE, HEAD_DISPOSITION, HEAD_KINDS };

struct head_field {
	enum head_kind kind;
	bool odd; /* some readers know it as this field, others do not */
	struct slice value; /* behind the colon, with its folding */
};

#define HEAD_FIELDS 24
#define HEAD_CUTS 2

/* Another reading: the header ends at `end`, the body begins at `body`. */
struct head_cut {
	size_t end, body;
};

struct head {
	struct head_field field[HEAD_FIELDS];
	unsigned n;
	bool too_many;  /* fields of ours than are kept */
	bool ended;     /* by an empty line */
	bool odd;       /* written so that readers may differ */
	unsigned lines; /* that are fields, of ours or not */
	size_t body;
	struct head_cut cut[HEAD_CUTS];
	unsigned cuts;
};

/* Reads the header at text[at]; the body begins at end at the latest. */
void head_read(const char *text, size_t at, size_t end, enum mime_lines mode,
    struct head *h_r);

#endif
