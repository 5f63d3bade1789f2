/*
 * policy: folds a report into one decision.  policies_open() copies all
 * [policy] tables and [rule]s out of a configuration (which conf has checked:
 * the names in it name something); policy_decide() then only compares.
 */

#include "scan/policy.h"

#include "conf/conf.h"
#include "proxy/base/addr.h"
#include "proxy/base/check.h"
#include "proxy/base/mem.h"
#include "scan/blocked.h"
#include "scan/words.h"

#define POLICIES_MAGIC 0x90110001u

struct table {
	char *name;  /* "mail" */
	char *label; /* "policy/mail": who spoke */
	enum action action[FOUND_KINDS];
	struct blocked blocked;
};

/* The keys of a rule that one field answers. */
static const struct {
	enum opt opt;
	enum field field;
} asked[] = {
    {OPT_RULE_SENDER, FIELD_SENDER},
    {OPT_RULE_RECIPIENT, FIELD_RECIPIENT},
    {OPT_RULE_USER, FIELD_USER},
    {OPT_RULE_HOST, FIELD_HOST},
    {OPT_RULE_URL, FIELD_URL},
    {OPT_RULE_METHOD, FIELD_METHOD},
    {OPT_RULE_NAME, FIELD_NAME},
    {OPT_RULE_TYPE, FIELD_TYPE},
};
#define ASKED (sizeof(asked) / sizeof(asked[0]))

struct rule {
	char *label; /* "rule/NAME" */
	struct words policy, signature, where;
	struct words fields[ASKED];
	char *direction; /* NULL: either */
	struct net *client;
	size_t clients;
	unsigned findings; /* 1 << kind of each; 0: not asked */
	enum action action;
	enum policy_connect connect; /* or what it says of a CONNECT */
};

struct policies {
	uint32_t magic;
	struct table *tables;
	size_t n_tables;
	struct rule *rules;
	size_t n_rules;
	bool ask_types; /* somebody wants to know what contents are */
};

/* clang-format off */
static const char *const action_words[] = {
#define X(action, word, text) word,
	ACTIONS(X)
#undef X
};

/* The findings that a [policy] has a key for; the others pass. */
static const struct {
	enum finding_kind kind;
	enum opt opt;
} table_keys[] = {
	{FOUND_MALWARE,		OPT_POLICY_MALWARE},
	{FOUND_ENCRYPTED,	OPT_POLICY_ENCRYPTED},
	{FOUND_LIMIT,		OPT_POLICY_LIMIT},
	{FOUND_AMBIGUOUS,	OPT_POLICY_AMBIGUOUS},
	{FOUND_MALFORMED,	OPT_POLICY_MALFORMED},
	{FOUND_FAILED,		OPT_POLICY_FAILED},
};
/* clang-format on */

const char *
action_word(enum action action)
{
	MUST(action < DO_ACTIONS);
	return action_words[action];
}

enum action
action_of_word(const char *word)
{
	enum action a = 0;

	while (a < DO_ACTIONS && strcmp(action_words[a], word) != 0)
		a++;
	return a;
}

/* ---- reading a configuration ---- */

static struct table *
table_find(const struct policies *p, const char *name)
{
	for (size_t i = 0; i < p->n_tables; i++) {
		if (strcmp(p->tables[i].name, name) == 0)
			return &p->tables[i];
	}
	return NULL;
}

static int
read_action(const struct conf *conf, const struct conf_section *s, enum opt opt,
    enum action *action_r, struct err *e)
{
	const char *word = conf_word(conf, s, opt);

	*action_r = action_of_word(word);
	if (*action_r < DO_ACTIONS)
		return 0;
	return err_set(
	    e, "%s: no such action: %s", conf_origin(conf, s, opt), word);
}

/* One key for all three of them. */
static int
read_blocked_action(const struct conf *conf, const struct conf_section *s,
    struct table *t, struct err *e)
{
	enum action a;

	if (read_action(conf, s, OPT_POLICY_ON_BLOCKED, &a, e) < 0)
		return -1;
	t->action[FOUND_URL] = t->action[FOUND_NAME] = t->action[FOUND_TYPE] =
	    a;
	return 0;
}

static int
read_table(struct policies *p, const struct conf *conf,
    const struct conf_section *s, struct err *e)
{
	struct table *t;

	p->tables = xrealloc(p->tables, p->n_tables + 1, sizeof(*p->tables));
	t = &p->tables[p->n_tables++];
	*t = (struct table){0}; /* all pass */
	t->name = xstrdup(conf_name(s));
	t->label = xasprintf("policy/%s", t->name);
	for (size_t i = 0; i < sizeof(table_keys) / sizeof(*table_keys); i++) {
		if (read_action(conf, s, table_keys[i].opt,
			&t->action[table_keys[i].kind], e) < 0)
			return -1;
	}
	if (blocked_read(&t->blocked, conf, s, e) < 0)
		return -1;
	p->ask_types = p->ask_types || t->blocked.types.n > 0;
	return read_blocked_action(conf, s, t, e);
}

static int
read_networks(const struct conf *conf, const struct conf_section *s,
    struct rule *r, struct err *e)
{
	const char *const *from;
	struct err why;

	r->clients = conf_list(conf, s, OPT_RULE_CLIENT, &from);
	r->client = xcalloc(r->clients, sizeof(*r->client));
	for (size_t i = 0; i < r->clients; i++) {
		if (net_parse(from[i], &r->client[i], &why) < 0)
			return err_set(e, "%s: %s",
			    conf_origin(conf, s, OPT_RULE_CLIENT), why.text);
	}
	return 0;
}

static int
read_findings(const struct conf *conf, const struct conf_section *s,
    struct rule *r, struct err *e)
{
	const char *const *from;
	size_t n = conf_list(conf, s, OPT_RULE_FINDING, &from);

	for (size_t i = 0; i < n; i++) {
		enum finding_kind kind = finding_of_word(from[i]);

		if (kind == FOUND_KINDS)
			return err_set(e, "%s: no such finding: %s",
			    conf_origin(conf, s, OPT_RULE_FINDING), from[i]);
		r->findings |= 1u << kind;
	}
	return 0;
}

static int
read_fields(struct policies *p, const struct conf *conf,
    const struct conf_section *s, struct rule *r, struct err *e)
{
	for (size_t i = 0; i < ASKED; i++) {
		words_read(&r->fields[i], conf, s, asked[i].opt);
		if (asked[i].field != FIELD_TYPE || r->fields[i].n == 0)
			continue;
		p->ask_types = true;
		if (blocked_check_types(
			&r->fields[i], conf, s, asked[i].opt, e) < 0)
			return -1;
	}
	return 0;
}

static enum policy_connect
connect_of_word(const char *word)
{
	if (strcmp(word, "tunnel") == 0)
		return CONNECT_TUNNEL;
	return strcmp(word, "inspect") == 0 ? CONNECT_INSPECT : CONNECT_UNSAID;
}

static int
read_rule(struct policies *p, const struct conf *conf,
    const struct conf_section *s, struct err *e)
{
	struct rule *r;

	p->rules = xrealloc(p->rules, p->n_rules + 1, sizeof(*p->rules));
	r = &p->rules[p->n_rules++];
	*r = (struct rule){0};
	r->label = xasprintf("rule/%s", conf_name(s));
	if (conf_given(conf, s, OPT_RULE_DIRECTION))
		r->direction = xstrdup(conf_word(conf, s, OPT_RULE_DIRECTION));
	words_read(&r->policy, conf, s, OPT_RULE_POLICY);
	words_read(&r->signature, conf, s, OPT_RULE_SIGNATURE);
	words_read(&r->where, conf, s, OPT_RULE_WHERE);
	if (read_fields(p, conf, s, r, e) < 0 ||
	    read_networks(conf, s, r, e) < 0 ||
	    read_findings(conf, s, r, e) < 0)
		return -1;
	r->connect = connect_of_word(conf_word(conf, s, OPT_RULE_ACTION));
	if (r->connect != CONNECT_UNSAID)
		return 0;
	return read_action(conf, s, OPT_RULE_ACTION, &r->action, e);
}

static int
read_all(struct policies *p, const struct conf *conf, struct err *e)
{
	const struct conf_section *s = NULL;

	while ((s = conf_next(conf, "policy", s)) != NULL) {
		if (read_table(p, conf, s, e) < 0)
			return -1;
	}
	while ((s = conf_next(conf, "rule", s)) != NULL) {
		if (read_rule(p, conf, s, e) < 0)
			return -1;
	}
	return 0;
}

struct policies *
policies_open(const struct conf *conf, struct err *e)
{
	struct policies *p = xcalloc(1, sizeof(*p));

	p->magic = POLICIES_MAGIC;
	if (read_all(p, conf, e) < 0)
		policies_free(&p);
	return p;
}

bool
policies_ask_types(const struct policies *p)
{
	return p != NULL && p->ask_types;
}

static void
rule_free(struct rule *r)
{
	for (size_t i = 0; i < ASKED; i++)
		words_free(&r->fields[i]);
	words_free(&r->policy);
	words_free(&r->signature);
	words_free(&r->where);
	free(r->direction);
	free(r->client);
	free(r->label);
}

void
policies_free(struct policies **pp)
{
	struct policies *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	IS(p, POLICIES_MAGIC);
	for (size_t i = 0; i < p->n_tables; i++) {
		free(p->tables[i].name);
		free(p->tables[i].label);
		blocked_free(&p->tables[i].blocked);
	}
	for (size_t i = 0; i < p->n_rules; i++)
		rule_free(&p->rules[i]);
	free(p->tables);
	free(p->rules);
	free(p);
}

/* ---- deciding ---- */

static bool
any_fits(const struct words *w, const char *text)
{
	return words_find(w, text) != NULL;
}

static bool
value_fits(const struct words *w, enum field field, const char *value)
{
	if (field == FIELD_URL)
		return words_find_url(w, value) != NULL;
	return any_fits(w, value);
}

static bool
field_fits(const struct words *w, const struct facts *f, enum field field)
{
	if (w->n == 0)
		return true;
	if (field == FIELD_TYPE)
		return blocked_type(w, f) != NULL;
	for (size_t i = 0; i < f->n; i++) {
		if (f->list[i].field == field &&
		    value_fits(w, field, buf_at(&f->text) + f->list[i].at))
			return true;
	}
	return false;
}

static bool
fields_fit(const struct rule *r, const struct facts *f)
{
	for (size_t i = 0; i < ASKED; i++) {
		if (!field_fits(&r->fields[i], f, asked[i].field))
			return false;
	}
	return true;
}

static bool
client_fits(const struct rule *r, const struct facts *f)
{
	struct addr client;

	if (r->clients == 0)
		return true;
	if (facts_client(f, &client) < 0)
		return false;
	for (size_t i = 0; i < r->clients; i++) {
		if (net_has(&r->client[i], &client))
			return true;
	}
	return false;
}

static bool
policy_fits(const struct rule *r, const char *policy)
{
	for (size_t i = 0; i < r->policy.n; i++) {
		if (strcmp(r->policy.list[i], policy) == 0)
			return true;
	}
	return r->policy.n == 0;
}

static bool
direction_fits(const struct rule *r, const struct facts *f)
{
	const char *direction = facts_get(f, FIELD_DIRECTION, 0);

	return r->direction == NULL ||
	    (direction != NULL && strcmp(r->direction, direction) == 0);
}

/* All that a rule asks beside the finding. */
static bool
rule_fits(const struct rule *r, const char *policy, const struct facts *f)
{
	return policy_fits(r, policy) && direction_fits(r, f) &&
	    client_fits(r, f) && fields_fit(r, f);
}

static bool
finding_fits(const struct rule *r, const struct finding *f)
{
	return (r->findings == 0 || (r->findings & (1u << f->kind)) != 0) &&
	    (r->signature.n == 0 || any_fits(&r->signature, f->what)) &&
	    (r->where.n == 0 || any_fits(&r->where, f->where));
}

static bool
speaks_of_clean(const struct rule *r)
{
	return r->findings == 0 && r->signature.n == 0 && r->where.n == 0;
}

/* What there is to decide about: the report's findings, then those that the
 * policy makes of the facts itself. */
struct found {
	const struct finding *list[REPORT_MAX + BLOCKED_MAX];
	const struct rule *by[REPORT_MAX + BLOCKED_MAX]; /* who speaks */
	unsigned n;
	bool more; /* the report had more than it keeps */
};

static void
collect(struct found *to, const struct report *r, const struct finding *own,
    unsigned n)
{
	*to = (struct found){.more = r->seen > r->n};
	for (unsigned i = 0; i < r->n; i++)
		to->list[to->n++] = &r->found[i];
	for (unsigned i = 0; i < n; i++)
		to->list[to->n++] = &own[i];
}

/* by[0] of a clean report: who speaks about that. */
static void
ask_rules(const struct policies *p, const char *policy,
    const struct facts *facts, struct found *f)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];

		if (r->connect != CONNECT_UNSAID ||
		    !rule_fits(r, policy, facts))
			continue;
		if (f->n == 0 && f->by[0] == NULL && speaks_of_clean(r))
			f->by[0] = r;
		for (unsigned k = 0; k < f->n; k++) {
			if (f->by[k] == NULL && finding_fits(r, f->list[k]))
				f->by[k] = r;
		}
	}
}

/*
 * The rule that is heeded, if any.  A report that had more findings than it
 * keeps is not made milder by one: it would speak for what nobody shows it.
 */
static const struct rule *
heeded(const struct rule *r, enum action otherwise, bool more)
{
	if (r != NULL && more && r->action < otherwise)
		return NULL;
	return r;
}

/* The strictest action holds; of equal ones what the worst finding got. */
static bool
holds_over(
    enum action action, const struct finding *f, const struct decision *d)
{
	if (d->verdict == NULL || action > d->action)
		return true;
	return action == d->action &&
	    finding_severity(f->kind) > finding_severity(d->because.kind);
}

static void
decide_about(const struct table *t, const struct found *f, struct decision *d_r)
{
	for (unsigned k = 0; k < f->n; k++) {
		const struct finding *found = f->list[k];
		enum action by_table = t->action[found->kind];
		const struct rule *r = heeded(f->by[k], by_table, f->more);
		enum action a = r != NULL ? r->action : by_table;

		if (!holds_over(a, found, d_r))
			continue;
		d_r->action = a;
		d_r->because = *found;
		d_r->verdict = finding_word(found->kind);
		d_r->rule = r != NULL ? r->label : t->label;
	}
}

void
policy_decide(const struct policies *p, const char *policy,
    const struct facts *facts, const struct report *report,
    struct decision *d_r)
{
	struct finding own[BLOCKED_MAX];
	const struct table *t;
	struct found f;

	IS(p, POLICIES_MAGIC);
	t = table_find(p, policy);
	MUST(t != NULL);
	collect(&f, report, own, blocked_find(&t->blocked, facts, own));
	ask_rules(p, policy, facts, &f);
	*d_r = (struct decision){.action = DO_PASS};
	decide_about(t, &f, d_r);
	if (f.n > 0)
		return;
	d_r->verdict = "clean";
	d_r->action = f.by[0] != NULL ? f.by[0]->action : DO_PASS;
	d_r->rule = f.by[0] != NULL ? f.by[0]->label : t->label;
}

enum policy_connect
policy_connect(
    const struct policies *p, const char *policy, const struct facts *facts)
{
	IS(p, POLICIES_MAGIC);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];

		if (r->connect != CONNECT_UNSAID && rule_fits(r, policy, facts))
			return r->connect;
	}
	return CONNECT_UNSAID;
}
