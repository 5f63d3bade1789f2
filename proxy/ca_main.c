/*
 * ca_main: the program sallyport-signer: the gateway's signer, and what
 * `sallyport ca` does.  It is the one program that ever has the CA's key.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/proctitle.h"
#include "proxy/ca_files.h"
#include "proxy/ca_serve.h"
#include "proxy/ca_tool.h"
#include "proxy/signer.h"
#include "scan/jail.h"

#define SECRET_HEAP 65536 /* locked in memory, in no core file */
#define SECRET_LEAST 32

/* Reads as who we are, becomes [gateway] user, then looks.  NULL: it was said
 * to out. */
static struct ca *
take_ca(const struct conf *conf, FILE *out)
{
	struct ca_files files;
	struct who who;
	struct err e;

	if (who_find(conf, &who, &e) < 0) {
		fprintf(out, "%s\n", e.text);
		return NULL;
	}
	if (ca_files_read(conf, &who, &files, out) < 0)
		return NULL;
	who_become(&who);
	return ca_files_open(conf, &files, out);
}

static struct conf *
take_conf(FILE *out)
{
	struct err e;
	struct conf *conf = conf_from_fd(SIGNER_CONF_FD, &e);

	if (conf == NULL)
		fprintf(out, "%s\n", e.text);
	close(SIGNER_CONF_FD);
	return conf;
}

static int
do_check(int argc, char **argv)
{
	struct conf *conf = take_conf(stdout);
	struct ca *ca = conf == NULL ? NULL : take_ca(conf, stdout);
	int status = ca == NULL ? 1 : 0;

	(void)argc;
	(void)argv;
	ca_free(&ca);
	conf_free(&conf);
	return status;
}

/* What OpenSSL opens when it first makes and signs, it opens now. */
static int
warm_up(const struct ca *ca, struct err *e)
{
	struct leaf_names names = {0};
	struct ca_leaf leaf;

	(void)leaf_names_add(&names, slice_of("warm-up.invalid"));
	if (ca_mint(ca, &names, 0, 1, &leaf, e) < 0)
		return -1;
	ca_leaf_free(&leaf);
	return 0;
}

/* As much as the most curious [log] wants. */
static void
set_log_level(const struct conf *conf)
{
	const struct conf_section *s = NULL;
	int64_t level, most = 0; /* words: none error warn info debug */

	while ((s = conf_next(conf, "log", s)) != NULL) {
		level = conf_int(conf, s, OPT_LOG_LEVEL);
		most = level > most ? level : most;
	}
	if (most > 0)
		log_setup((enum log_level)(most - 1), log_who());
}

/* It ends with its parent and for nobody else. */
static void
own_signals(void)
{
	const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR1};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* What --check would print, as lines of the log. */
static void
log_lines(char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		if (strncmp(line, "warning: ", 9) == 0)
			log_warn(0, "%s", line + 9);
		else if (line[0] != '\0')
			log_error(0, "%s", line);
	}
}

/* NULL: it was logged. */
static struct ca *
take_ca_and_log(const struct conf *conf)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct ca *ca = out == NULL ? NULL : take_ca(conf, out);

	if (out != NULL)
		fclose(out);
	if (text != NULL)
		log_lines(text);
	free(text);
	return ca;
}

static int
do_serve(int argc, char **argv)
{
	struct conf *conf = take_conf(stderr);
	struct ca *ca = conf == NULL ? NULL : take_ca_and_log(conf);
	struct ca_plan plan = {.control = SIGNER_CONTROL_FD};
	struct jail jail;
	struct err e;

	(void)argc;
	(void)argv;
	if (ca == NULL)
		return EX_CONFIG;
	proctitle_set("sallyportd: signer");
	set_log_level(conf);
	own_signals();
	plan.lifetime_ms =
	    conf_int(conf, NULL, OPT_TLS_INSPECTION_LEAF_LIFETIME);
	plan.cache =
	    (size_t)conf_int(conf, NULL, OPT_TLS_INSPECTION_LEAF_CACHE);
	conf_free(&conf);
	if (warm_up(ca, &e) < 0 || jail_bare(&jail, &e) < 0) {
		log_error(0, "signer: %s", e.text);
		return EX_OSERR;
	}
	log_info(0, "signer ready seccomp=yes landlock=%d", jail.landlock);
	ca_serve(ca, &plan);
	ca_free(&ca);
	return 0;
}

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"--serve", do_serve},
    {"--check", do_check},
    {"create", ca_create},
    {"show", ca_show},
    {"export", ca_export_it},
};

int
main(int argc, char **argv)
{
	/* Before there is a secret: nobody but root may look. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return EX_OSERR;
	proctitle_init(argc, argv);
	log_setup(LOG_INFO_, "signer");
	(void)CRYPTO_secure_malloc_init(SECRET_HEAP, SECRET_LEAST);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (argc > 1 && strcmp(argv[1], commands[i].word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	return ca_usage(argc > 1 && strcmp(argv[1], "help") == 0);
}
