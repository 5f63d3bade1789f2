/*
 * ftp_cmd: the table of commands, and those that are one line long.  What is
 * in no row, or not in `commands`, does not reach a server.
 */

#include "protocols/ftp/ftp.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"

#define IN(state) (1u << FTP_##state)
#define IN_ANY (IN(START) | IN(LOGIN) | IN(READY))
#define IN_SERVER (IN(LOGIN) | IN(READY))

enum argument { ARG_NONE, ARG_MAY, ARG_MUST };

struct command {
	const char *verb;
	unsigned states;
	enum argument argument;
	void (*act)(struct session *s, const struct ftp_line *l);
};

/* ---- what goes on as it came ---- */

static void
act_pass_on(struct session *s, const struct ftp_line *l)
{
	ftp_server_ask(s, ftp_answered_relay, "%s%s%.*s\r\n", l->verb,
	    l->arg.len > 0 ? " " : "", (int)l->arg.len, l->arg.at);
}

static bool
is_ready(const struct session *s)
{
	return ((const struct ftp *)s->state)->state == FTP_READY;
}

/* ---- what we know ourselves ---- */

static void
act_quit(struct session *s, const struct ftp_line *l)
{
	(void)l;
	ftp_say(s, "221 Goodbye\r\n");
	ftp_enter(s, FTP_OVER);
}

static void
act_abor(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;

	(void)l;
	ftp_data_close(&p->client);
	ftp_say(s, "226 Nothing is under way\r\n");
}

static void
act_noop(struct session *s, const struct ftp_line *l)
{
	if (is_ready(s))
		act_pass_on(s, l);
	else
		ftp_say(s, "200 Ok\r\n");
}

static void
act_syst(struct session *s, const struct ftp_line *l)
{
	if (is_ready(s))
		act_pass_on(s, l);
	else
		ftp_say(s, "215 UNIX Type: L8\r\n");
}

static void
act_stat(struct session *s, const struct ftp_line *l)
{
	if (is_ready(s) && l->arg.len > 0)
		act_pass_on(s, l);
	else
		ftp_say(s, "211 %s: an FTP proxy that inspects files\r\n",
		    s->place->gateway);
}

static void
answered_type(struct session *s, const struct ftp_reply *r)
{
	struct ftp *p = s->state;

	if (r->code / 100 == 2)
		p->ascii = !p->ascii;
	ftp_relay(s, r);
}

/* RFC 959 3.1.1: A, also A N; I, which is L 8 nowadays. */
static void
act_type(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;
	bool a = slice_is_word(l->arg, "A") || slice_is_word(l->arg, "A N");
	bool i = slice_is_word(l->arg, "I") || slice_is_word(l->arg, "L 8");

	if (!a && !i)
		ftp_say(s, "504 TYPE is A or I\r\n");
	else
		ftp_server_ask(s,
		    a == p->ascii ? ftp_answered_relay : answered_type,
		    "TYPE %s\r\n", a ? "A" : "I");
}

/* RFC 3659 4: as many octets as a RETR would give, which in TYPE A nobody
 * knows before it does; some servers say how many lie there. */
static void
act_size(struct session *s, const struct ftp_line *l)
{
	if (((const struct ftp *)s->state)->ascii)
		ftp_say(s, "550 SIZE needs TYPE I\r\n");
	else
		act_pass_on(s, l);
}

static void
act_mode(struct session *s, const struct ftp_line *l)
{
	bool good = slice_is_word(l->arg, "S");

	ftp_say(s, good ? "200 Ok\r\n" : "504 MODE is S\r\n");
}

static void
act_stru(struct session *s, const struct ftp_line *l)
{
	bool good = slice_is_word(l->arg, "F");

	ftp_say(s, good ? "200 Ok\r\n" : "504 STRU is F\r\n");
}

/* What would change how bytes are to be read stays here. */
static void
act_opts(struct session *s, const struct ftp_line *l)
{
	const char *blank = memchr(l->arg.at, ' ', l->arg.len);
	struct slice word = l->arg;

	if (slice_is_word(word, "HASH") ||
	    slice_is_word(word, "HASH SHA-256")) {
		ftp_say(s, "200 SHA-256\r\n");
		return;
	}
	if (blank != NULL)
		word.len = (size_t)(blank - word.at);
	if (!slice_is_word(word, "UTF8") && !slice_is_word(word, "MLST"))
		ftp_say(s, "501 No such option\r\n");
	else if (is_ready(s))
		act_pass_on(s, l);
	else
		ftp_say(s, "200 Ok\r\n");
}

#define REST_DIGITS 18

static void
act_rest(struct session *s, const struct ftp_line *l)
{
	struct ftp *p = s->state;
	uint64_t n = 0;

	for (size_t i = 0; i < l->arg.len; i++) {
		char c = l->arg.at[i];

		if (c < '0' || c > '9' || i == REST_DIGITS) {
			ftp_say(s, "501 REST takes a number\r\n");
			return;
		}
		n = n * 10 + (uint64_t)(c - '0');
	}
	if (n > 0 && !ftp_own(s)->resume) {
		ftp_say(s, "502 resume = deny\r\n");
		return;
	}
	p->rest = n;
	ftp_say(s, "350 The next transfer begins at %ju\r\n", (uintmax_t)n);
}

static void
act_site(struct session *s, const struct ftp_line *l)
{
	if (is_ready(s))
		act_pass_on(s, l);
	else
		ftp_act_open(s, l);
}

static void act_help(struct session *s, const struct ftp_line *l);

/* ---- the table ---- */

static const struct command commands[] = {
    {"USER", IN_ANY, ARG_MUST, ftp_act_user},
    {"PASS", IN_SERVER, ARG_MAY, ftp_act_pass},
    {"ACCT", IN_SERVER, ARG_MUST, ftp_act_pass},
    {"OPEN", IN_ANY, ARG_MUST, ftp_act_open},
    {"AUTH", IN_ANY, ARG_MUST, ftp_act_auth},
    {"PBSZ", IN_ANY, ARG_MUST, ftp_act_pbsz},
    {"PROT", IN_ANY, ARG_MUST, ftp_act_prot},
    {"REIN", IN_ANY, ARG_NONE, ftp_act_rein},
    {"QUIT", IN_ANY, ARG_NONE, act_quit},
    {"NOOP", IN_ANY, ARG_MAY, act_noop},
    {"ABOR", IN_ANY, ARG_NONE, act_abor},
    {"HELP", IN_ANY, ARG_MAY, act_help},
    {"FEAT", IN_ANY, ARG_NONE, ftp_act_feat},
    {"OPTS", IN_ANY, ARG_MUST, act_opts},
    {"SYST", IN_ANY, ARG_NONE, act_syst},
    {"STAT", IN_ANY, ARG_MAY, act_stat},
    {"SITE", IN_ANY, ARG_MUST, act_site},
    {"CLNT", IN_SERVER, ARG_MUST, act_pass_on},
    {"TYPE", IN(READY), ARG_MUST, act_type},
    {"MODE", IN(READY), ARG_MUST, act_mode},
    {"STRU", IN(READY), ARG_MUST, act_stru},
    {"PORT", IN(READY), ARG_MUST, ftp_act_port},
    {"EPRT", IN(READY), ARG_MUST, ftp_act_eprt},
    {"PASV", IN(READY), ARG_NONE, ftp_act_pasv},
    {"EPSV", IN(READY), ARG_MAY, ftp_act_epsv},
    {"REST", IN(READY), ARG_MUST, act_rest},
    {"RETR", IN(READY), ARG_MUST, ftp_act_retr},
    {"STOR", IN(READY), ARG_MUST, ftp_act_stor},
    {"STOU", IN(READY), ARG_MAY, ftp_act_stor},
    {"APPE", IN(READY), ARG_MUST, ftp_act_stor},
    {"LIST", IN(READY), ARG_MAY, ftp_act_list},
    {"NLST", IN(READY), ARG_MAY, ftp_act_list},
    {"MLSD", IN(READY), ARG_MAY, ftp_act_list},
    {"HASH", IN(READY), ARG_MUST, ftp_act_hash},
    {"MLST", IN(READY), ARG_MAY, act_pass_on},
    {"SIZE", IN(READY), ARG_MUST, act_size},
    {"MDTM", IN(READY), ARG_MUST, act_pass_on},
    {"MFMT", IN(READY), ARG_MUST, act_pass_on},
    {"CWD", IN(READY), ARG_MAY, act_pass_on},
    {"XCWD", IN(READY), ARG_MAY, act_pass_on},
    {"CDUP", IN(READY), ARG_NONE, act_pass_on},
    {"XCUP", IN(READY), ARG_NONE, act_pass_on},
    {"PWD", IN(READY), ARG_NONE, act_pass_on},
    {"XPWD", IN(READY), ARG_NONE, act_pass_on},
    {"MKD", IN(READY), ARG_MUST, act_pass_on},
    {"XMKD", IN(READY), ARG_MUST, act_pass_on},
    {"RMD", IN(READY), ARG_MUST, act_pass_on},
    {"XRMD", IN(READY), ARG_MUST, act_pass_on},
    {"DELE", IN(READY), ARG_MUST, act_pass_on},
    {"RNFR", IN(READY), ARG_MUST, act_pass_on},
    {"RNTO", IN(READY), ARG_MUST, act_pass_on},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))
_Static_assert(COMMANDS <= 64, "ftp_own keeps a bit for each");

int
ftp_command_row(const char *verb)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].verb, verb) == 0)
			return (int)i;
	}
	return -1;
}

static bool
is_on(const struct session *s, size_t row)
{
	return (ftp_own(s)->commands & UINT64_C(1) << row) != 0;
}

static void
act_help(struct session *s, const struct ftp_line *l)
{
	char text[COMMANDS * (FTP_VERB_MAX + 1) + 1] = "";
	size_t len = 0;

	(void)l;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!is_on(s, i))
			continue;
		text[len++] = ' ';
		len +=
		    copy_text(text + len, sizeof(text) - len, commands[i].verb);
	}
	ftp_say(s, "214 There is:%s\r\n", text);
}

void
ftp_command(struct session *s, const struct ftp_line *l)
{
	const struct ftp *p = s->state;
	int row = ftp_command_row(l->verb);
	const struct command *c = row < 0 ? NULL : &commands[row];

	log_debug(s->id, "ftp command verb=%s", l->verb);
	if (c == NULL || !is_on(s, (size_t)row))
		ftp_say(s, "502 %s is not spoken here\r\n", l->verb);
	else if (ftp_tls_demanded(s, l->verb))
		ftp_say(s, "530 Say AUTH TLS first\r\n");
	else if ((c->states & 1u << p->state) == 0)
		ftp_say(s, "530 Log in first\r\n");
	else if (c->argument == ARG_MUST && l->arg.len == 0)
		ftp_say(s, "501 %s needs an argument\r\n", l->verb);
	else if (c->argument == ARG_NONE && l->arg.len > 0)
		ftp_say(s, "501 %s takes no argument\r\n", l->verb);
	else
		c->act(s, l);
}
