/*
 * options_print: writes what is generated from the option table: `ini` the
 * sallyport.ini that is shipped, `mdoc` its page sallyport.ini(5).
 */
#include <stdio.h>
#include <string.h>

#include "conf/schema.h"
#include "conf/value.h"
#include "config.h"

#define COLUMNS 78

/* Prints text in lines that each begin with head. */
static void
print_folded(const char *head, const char *text)
{
	size_t room = COLUMNS - strlen(head);

	while (*text != '\0') {
		size_t len = strlen(text), cut;

		if (len > room) {
			for (len = room; len > 0 && text[len] != ' '; len--)
				;
		}
		cut = len;
		while (cut > 0 && text[cut - 1] == ' ')
			cut--;
		printf("%s%.*s\n", head, (int)cut, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* ---- ini
 * -------------------------------------------------------------------------- */

static const char *const ini_head[] = {
    "sallyport.ini: every option with its default; see sallyport.ini(5).",
    "",
    "* A line with \";\" before its key shows the default: take the \";\" away "
    "and change it.  sallyportd --dump-config prints what is in force and "
    "where each value came from.",
    "* An unknown section or key, a key given twice, a size or time without "
    "its unit is an error with file:line.  Nothing is ignored.",
    "* sizes: B k M G (1024).  times: ms s m h d.  0 and \"none\" need no "
    "unit.  Lists: commas or blanks; @/path reads one entry a line; an "
    "indented line goes on with the value above.",
    "* A comment is \";\" or \"#\" at line start or after a blank, outside "
    "double quotes.",
    "* The environment wins over the files: SALLYPORT_SMTP__NEXT_HOP is "
    "next_hop of [smtp], SALLYPORT_LISTENER_MAIL_IN__ADDRESS is address of "
    "[listener mail-in].",
    NULL,
};

/* The named sections that are shipped.  A key that stands in none of their
 * lines is shown with its default in the first section of its kind. */
struct example {
	enum kind kind;
	const char *name;
	const char *lines[8];
};

static const struct example examples[] = {
    {KIND_INCLUDE, "", {"path = " SYSCONFDIR "/conf.d/*.ini"}},
    {KIND_LISTENER, "mail-in",
	{"protocol = smtp", "address = 127.0.0.1:2525, [::1]:2525",
	    "policy = mail", "direction = inbound"}},
    {KIND_LISTENER, "mail-out",
	{"protocol = smtp", "address = 127.0.0.1:10025", "policy = mail",
	    "direction = outbound", "next_hop = smtp:127.0.0.1:5001"}},
    {KIND_LISTENER, "milter",
	{"protocol = milter", "address = unix:" RUNTIMEDIR "/milter.sock",
	    "policy = mail", "enabled = no"}},
    {KIND_LISTENER, "local",
	{"protocol = local", "address = unix:" RUNTIMEDIR "/local.sock",
	    "policy = mail", "enabled = no"}},
    {KIND_LISTENER, "web",
	{"protocol = http", "address = 127.0.0.1:3128, [::1]:3128",
	    "policy = web", "direction = outbound",
	    "allow_from = 127.0.0.0/8, ::1", "enabled = no"}},
    {KIND_LISTENER, "files",
	{"protocol = ftp", "address = 127.0.0.1:2121, [::1]:2121",
	    "policy = files", "direction = outbound",
	    "allow_from = 127.0.0.0/8, ::1", "enabled = no"}},
    {KIND_ENGINE, "clamav", {"type = clamav"}},
    {KIND_POLICY, "mail",
	{"malware = block", "encrypted = tag", "limit = block",
	    "ambiguous = pass", "malformed = block", "failed = tempfail"}},
    {KIND_POLICY, "web",
	{"malware = block", "limit = block", "malformed = block",
	    "failed = block"}},
    {KIND_POLICY, "files",
	{"malware = block", "limit = block", "malformed = block",
	    "failed = tempfail"}},
    {KIND_LOG, "console",
	{"format = text", "output = stderr", "events = decisions",
	    "level = info"}},
};

/* Kinds without a shipped section: shown as a comment. */
static const char *const rule_lines[] = {"[rule finance-may-send-passwords]",
    "policy = mail", "direction = outbound", "sender = *@finance.example.org",
    "finding = encrypted", "action = pass", NULL};

static const char *const route_lines[] = {"[route example.org]",
    "next_hop = smtp:10.0.0.5:25, smtp:10.0.0.6:25", NULL};

/* NULL: the first section shows all keys. */
static const char *const *
comment_of(enum kind kind)
{
	if (kind == KIND_RULE)
		return rule_lines;
	return kind == KIND_ROUTE ? route_lines : NULL;
}

static bool
says(const struct example *ex, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; ex != NULL && ex->lines[i] != NULL; i++) {
		if (strncmp(ex->lines[i], key, len) == 0 &&
		    ex->lines[i][len] == ' ')
			return true;
	}
	return false;
}

static void
ini_option(const struct opt_row *row)
{
	struct buf b;
	bool none = row->def == REQUIRED || row->def[0] == '\0';

	buf_init(&b, 4096);
	if (!none)
		value_quote(&b, row->def);
	print_folded("# ", row->sentence);
	if (row->words[0] != '\0' && row->type == TYPE_WORD)
		printf("# one of: %s\n", row->words);
	printf(";%s =%s%s\n", row->key, none ? "" : " ", buf_text(&b));
	buf_free(&b);
}

static void
ini_section(enum kind kind, const struct example *ex, bool all)
{
	const char *name = ex == NULL ? "" : ex->name;

	printf("[%s%s%s]\n", schema_kind(kind)->word,
	    name[0] == '\0' ? "" : " ", name);
	for (size_t i = 0; ex != NULL && ex->lines[i] != NULL; i++)
		printf("%s\n", ex->lines[i]);
	for (enum opt opt = 0; all && opt < OPT_COUNT; opt++) {
		if (schema_opt(opt)->kind == kind &&
		    !says(ex, schema_opt(opt)->key))
			ini_option(schema_opt(opt));
	}
	putchar('\n');
}

static void
ini_kind(enum kind kind)
{
	const char *const *lines = comment_of(kind);
	bool first = true;

	printf("# ---- %s ", schema_kind(kind)->word);
	for (size_t n = strlen(schema_kind(kind)->word); n < 68; n++)
		putchar('-');
	putchar('\n');
	print_folded("# ", schema_kind(kind)->about);
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		if (examples[i].kind != kind)
			continue;
		ini_section(kind, &examples[i], first);
		first = false;
	}
	if (lines != NULL) {
		for (size_t i = 0; lines[i] != NULL; i++)
			printf(";%s\n", lines[i]);
		putchar('\n');
	} else if (first)
		ini_section(kind, NULL, true);
}

static void
print_ini(void)
{
	for (size_t i = 0; ini_head[i] != NULL; i++) {
		if (ini_head[i][0] == '\0')
			puts("#");
		print_folded("# ", ini_head[i]);
	}
	putchar('\n');
	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		ini_kind(kind);
}

/* ---- mdoc
 * ------------------------------------------------------------------------- */

/* Text as mdoc takes it: a new line after each sentence, no stray macros. */
static void
mdoc_text(const char *text)
{
	bool start = true;

	for (; *text != '\0'; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		start = false;
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == ' ' && text[-1] == '.' && text[1] == ' ') {
			putchar('\n');
			start = true;
			text++;
		} else
			putchar(*text);
	}
	putchar('\n');
}

static void
mdoc_words(const char *words)
{
	char word[64];

	fputs("One of", stdout);
	for (size_t i = 0; schema_word(words, i, word, sizeof(word)); i++)
		printf("%s\n.Cm %s", i == 0 ? "" : " ,", word);
	puts(" .");
}

static void
mdoc_default(const struct opt_row *row)
{
	char least[32], most[32];

	if (row->def == REQUIRED)
		puts("There is no default: it has to be given.");
	else if (row->def[0] != '\0') {
		fputs("Default:\n.Ql ", stdout);
		printf("%s .\n", row->def);
	}
	if (row->most > 0 && row->type != TYPE_BOOL)
		printf("From %s to %s.\n", value_print(row, row->least, least),
		    value_print(row, row->most, most));
}

static void
mdoc_option(const struct opt_row *row)
{
	printf(".It Cm %s No = Ar %s\n", row->key, schema_type_text(row->type));
	mdoc_text(row->sentence);
	if (row->words[0] != '\0')
		mdoc_words(row->words);
	mdoc_default(row);
}

static void
mdoc_kind(enum kind kind)
{
	const struct kind_row *row = schema_kind(kind);

	printf(".Ss [%s%s]\n", row->word, row->named ? " NAME" : "");
	mdoc_text(row->about);
	puts(".Bl -tag -width Ds");
	for (enum opt opt = 0; opt < OPT_COUNT; opt++) {
		if (schema_opt(opt)->kind == kind)
			mdoc_option(schema_opt(opt));
	}
	puts(".El");
}

static const char mdoc_head[] =
    ".Dd November 23, 2026\n"
    ".Dt SALLYPORT.INI 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm sallyport.ini\n"
    ".Nd configuration of the Sallyport content inspection gateway\n"
    ".Sh DESCRIPTION\n"
    ".Xr sallyportd 8\n"
    "and\n"
    ".Xr sallyport 1\n"
    "read one file of sections, and what its\n"
    ".Cm [include]\n"
    "names.\n"
    "Nothing in it is ignored: what is not known, given twice, out of its\n"
    "range or without its unit is an error with file and line, and all\n"
    "errors are said in one run.\n"
    ".Pp\n"
    "A section begins with\n"
    ".Ql [kind]\n"
    "or\n"
    ".Ql [kind NAME]\n"
    "alone on a line; a name is letters, digits, dots, hyphens and\n"
    "underscores.\n"
    "Below it stand lines\n"
    ".Ql key = value .\n"
    "A section stands once in a file; several files may each say a part of\n"
    "it, but no key twice.\n"
    ".Bl -bullet\n"
    ".It\n"
    "A comment begins with\n"
    ".Ql \\&;\n"
    "or\n"
    ".Ql #\n"
    "at the start of a line or after a blank, outside double quotes.\n"
    ".It\n"
    "An indented line goes on with the value above it; an empty line ends a\n"
    "value.\n"
    ".It\n"
    "A value that is wholly in double quotes loses them.\n"
    ".It\n"
    "A size has a unit, of 1024 each:\n"
    ".Cm B , k , M , G .\n"
    "A time has one of\n"
    ".Cm ms , s , m , h , d ;\n"
    "a percentage has\n"
    ".Cm % .\n"
    "Only 0, which may be called\n"
    ".Cm none ,\n"
    "needs no unit.\n"
    ".It\n"
    "A list has its entries apart by commas or blanks.\n"
    "An entry in double quotes may hold both.\n"
    ".Pa @/path\n"
    "stands for the lines of that file, one entry each.\n"
    ".Cm none\n"
    "is the empty list.\n"
    ".It\n"
    "A list of addresses has numbers, not names:\n"
    ".Ql 192.0.2.1:25 ,\n"
    ".Ql [2001:db8::1]:25 ,\n"
    ".Ql unix:/path .\n"
    "A list of networks has\n"
    ".Ql 192.0.2.0/24 ,\n"
    ".Ql 2001:db8::/32 ,\n"
    ".Cm any\n"
    "or\n"
    ".Cm unix .\n"
    ".El\n"
    ".Sh SECTIONS\n";

static const char mdoc_tail[] =
    ".Sh ENVIRONMENT\n"
    "A variable\n"
    ".Ev SALLYPORT_SECTION__KEY\n"
    "wins over the files, and is held to the same rules.\n"
    "It is written in capitals, with two underscores between section and key\n"
    "and one for each byte of the section that is neither letter nor digit:\n"
    ".Ev SALLYPORT_LISTENER_MAIL_IN__ADDRESS\n"
    "is\n"
    ".Cm address\n"
    "of\n"
    ".Ql [listener mail-in] .\n"
    "A variable can change every key of a section that there is; it makes no\n"
    "section.\n"
    "One that names no key is an error.\n"
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa " CONF_DEFAULT_PATH "\n"
    "Read when no other is named.\n"
    "When it is not there either, the gateway listens for mail on port 2525\n"
    "of the loopback addresses.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "Mail from outside goes to a Postfix on port 5000, mail from inside to\n"
    "port 5001, and finance may send what nobody can look into:\n"
    ".Bd -literal -offset indent\n"
    "[listener mail-in]\n"
    "protocol = smtp\n"
    "address = 0.0.0.0:25, [::]:25\n"
    "policy = mail\n"
    "\n"
    "[listener mail-out]\n"
    "protocol = smtp\n"
    "address = 127.0.0.1:10025\n"
    "policy = mail\n"
    "direction = outbound\n"
    "next_hop = smtp:127.0.0.1:5001\n"
    "\n"
    "[engine clamav]\n"
    "\n"
    "[policy mail]\n"
    "encrypted = block\n"
    "\n"
    "[rule finance-may-send-passwords]\n"
    "direction = outbound\n"
    "sender = *@finance.example.org\n"
    "finding = encrypted\n"
    "action = pass\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr sallyport 1 ,\n"
    ".Xr sallyportd 8\n";

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "ini") == 0) {
		print_ini();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "mdoc") == 0) {
		fputs(mdoc_head, stdout);
		for (enum kind kind = 0; kind < KIND_COUNT; kind++)
			mdoc_kind(kind);
		fputs(mdoc_tail, stdout);
		return 0;
	}
	fputs("usage: options_print ini | mdoc\n", stderr);
	return 64;
}
