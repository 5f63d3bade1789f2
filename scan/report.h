#ifndef SCAN_REPORT_H
#define SCAN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A report is what the engines saw, never what to do about it.  The policy
 * reads reports; engines and protocols do not.
 */

/* clang-format off */
/*      kind		word in logs	what an engine means by it */
#define FINDINGS(X) \
	X(MALWARE,	"malware",	"a signature matched") \
	X(TYPE,		"type",		"the bytes are of this type") \
	X(NAME,		"name",		"a blocked name") \
	X(URL,		"url",		"a blocked address") \
	X(PATTERN,	"pattern",	"a content rule matched") \
	X(ENCRYPTED,	"encrypted",	"nobody could look") \
	X(LIMIT,	"limit",	"larger or deeper than we look") \
	X(AMBIGUOUS,	"ambiguous",	"readers may differ; all readings scanned") \
	X(MALFORMED,	"malformed",	"a reading could not be followed") \
	X(FAILED,	"failed",	"an engine could not look")

enum finding_kind {
#define X(kind, word, text) FOUND_##kind,
	FINDINGS(X)
#undef X
	FOUND_KINDS
};
/* clang-format on */

#define FINDING_ENGINE_MAX 31
#define FINDING_WHAT_MAX 127
#define FINDING_WHERE_MAX 255

struct finding {
	enum finding_kind kind;
	char engine[FINDING_ENGINE_MAX + 1]; /* "clamav", "mime", "gate" */
	char what[FINDING_WHAT_MAX + 1];     /* "Eicar-Test-Signature" */
	char where[FINDING_WHERE_MAX + 1];   /* "mail.eml/a.zip/x.exe" */
};

#define REPORT_MAX 32
#define REPORT_ENGINES_MAX 95

struct report {
	unsigned n;               /* how many are kept ... */
	unsigned seen;            /* ... of how many there were */
	uint32_t msec;            /* in the scan worker */
	uint32_t members;         /* looked at, the content itself included */
	uint64_t unscanned_bytes; /* what no engine saw */
	char engines[REPORT_ENGINES_MAX + 1]; /* "clamav/1.4.6/27815", listed */
	struct finding found[REPORT_MAX];
};

void report_init(struct report *r);

/* What there is of it: a report has room for far more than it mostly holds. */
void report_copy(struct report *to, const struct report *from);

/*
 * Adds a finding; beyond REPORT_MAX the less severe kind gives way (kinds are
 * severe in the order of finding_severity()).  The same kind, engine, what and
 * where is kept once.  where is cut from the left when it is too long.
 */
void report_add(struct report *r, enum finding_kind kind, const char *engine,
    const char *where, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Takes all findings of that kind out. */
void report_forget(struct report *r, enum finding_kind kind);

bool report_has(const struct report *r, enum finding_kind kind);

/* 0 is the least severe.  malware > failed > limit > malformed > ... */
unsigned finding_severity(enum finding_kind kind);

const char *finding_word(enum finding_kind kind);

/* FOUND_KINDS when there is no such word. */
enum finding_kind finding_of_word(const char *word);

#endif
