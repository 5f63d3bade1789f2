#ifndef SCAN_POLICY_H
#define SCAN_POLICY_H

#include "proxy/base/err.h"
#include "scan/facts.h"
#include "scan/report.h"

struct conf;

/* clang-format off */
/*      action		word in conf	what the protocol must then do */
/*	later rows are stricter: of several actions the last one holds */
#define ACTIONS(X) \
	X(PASS,		"pass",		"deliver it unchanged") \
	X(TAG,		"tag",		"deliver it, marked") \
	X(STRIP,	"strip",	"a note in the bad part's place") \
	X(DEFANG,	"defang",	"deliver it renamed, harmless") \
	X(DISCARD,	"discard",	"deliver nothing; say all is well") \
	X(TEMPFAIL,	"tempfail",	"deliver nothing; ask to try later") \
	X(BLOCK,	"block",	"deliver nothing; say so") \
	X(QUARANTINE,	"quarantine",	"refuse, and keep it to look at")

enum action {
#define X(action, word, text) DO_##action,
	ACTIONS(X)
#undef X
	DO_ACTIONS
};
/* clang-format on */

struct decision {
	enum action action;     /* what is done */
	const char *verdict;    /* what it is: "clean" or a finding's word */
	const char *rule;       /* who spoke: "rule/NAME" or "policy/NAME" */
	struct finding because; /* about what; empty when clean */
};

const char *action_word(enum action action);
enum action action_of_word(const char *word); /* DO_ACTIONS: none */

/* All [policy] tables and [rule]s of one configuration. */
struct policies;

/* What a rule can say of a CONNECT (of HTTP), beside the actions. */
enum policy_connect { CONNECT_UNSAID, CONNECT_TUNNEL, CONNECT_INSPECT };

/* Copies what it needs.  NULL with words (file:line: what). */
struct policies *policies_open(const struct conf *conf, struct err *e);
void policies_free(struct policies **pp);

/* Does anybody in there ask what a content is by its bytes (kinds.h)?  NULL:
 * nobody does. */
bool policies_ask_types(const struct policies *p);

/*
 * Folds a report into one decision.  Each finding is judged by the first rule
 * in file order whose every key matches, else by the policy's table; the
 * strictest of the actions holds, and the finding it spoke about is `because`.
 * A rule without `finding`, `signature` and `where` speaks about clean contents
 * too.  What blocked_urls, blocked_names and blocked_types fit is a finding.
 * When a report dropped findings no rule makes its answer milder.  Pure: no
 * I/O, no clock, the same answer every time.  policy is a [policy]'s name; MUST
 * exist.  d_r->rule lives as p does.
 */
void policy_decide(const struct policies *p, const char *policy,
    const struct facts *facts, const struct report *report,
    struct decision *d_r);

/* The first rule with action = tunnel or inspect whose every key matches.  Such
 * rules say nothing of contents. */
enum policy_connect policy_connect(
    const struct policies *p, const char *policy, const struct facts *facts);

#endif
