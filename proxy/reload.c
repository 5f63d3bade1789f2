/*
 * reload: what the parent does on HUP and USR1: a new configuration for all,
 * or none at all; log files opened again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/notify.h"
#include "proxy/parent.h"
#include "proxy/parent_own.h"

static void
give_logs(struct parent *p)
{
	struct order o = {.kind = ORDER_LOGS};
	int fds[SINKS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < SINKS_MAX; i++) {
		if (p->log_fds[i] < 0)
			continue;
		o.a |= 1u << i;
		fds[n++] = p->log_fds[i];
	}
	parent_tell_all(p, &o, fds, n);
}

/* The options that only a new start can change keep their values. */
static void
warn_restart(const struct conf *old, const struct conf *new)
{
	static const struct {
		enum opt opt;
		const char *name;
		bool text;
	} fixed[] = {{OPT_GATEWAY_WORKERS, "[gateway] workers", false},
	    {OPT_GATEWAY_USER, "[gateway] user", true},
	    {OPT_GATEWAY_GROUP, "[gateway] group", true},
	    {OPT_GATEWAY_RUNTIME_DIR, "[gateway] runtime_dir", true},
	    {OPT_GATEWAY_MAX_SESSIONS, "[gateway] max_sessions", false},
	    {OPT_SCAN_CACHE_SIZE, "[scan] cache_size", false}};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		bool same = fixed[i].text
		    ? strcmp(conf_str(old, NULL, fixed[i].opt),
			  conf_str(new, NULL, fixed[i].opt)) == 0
		    : conf_int(old, NULL, fixed[i].opt) ==
			conf_int(new, NULL, fixed[i].opt);

		if (!same)
			log_warn(0, "%s: a new value needs a restart",
			    fixed[i].name);
	}
}

static void
close_logs(int fds[SINKS_MAX])
{
	for (unsigned i = 0; i < SINKS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Our own lines go where the configuration says, too. */
int
parent_take_logs(struct parent *p, const struct conf *conf,
    const int fds[SINKS_MAX], struct err *e)
{
	struct sinks *sinks;
	int own[SINKS_MAX];

	for (unsigned i = 0; i < SINKS_MAX; i++)
		own[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	sinks = sinks_open(conf, own, e);
	if (sinks == NULL)
		return -1;
	sinks_take_log(sinks);
	sinks_free(&p->sinks);
	p->sinks = sinks;
	close_logs(p->log_fds);
	memcpy(p->log_fds, fds, sizeof(p->log_fds));
	return 0;
}

/* The configuration, and the files of TLS. */
static int
conf_fds(const struct parent *p, int fds_r[2], struct err *e)
{
	fds_r[0] = conf_to_fd(p->conf, e);
	if (fds_r[0] < 0)
		return -1;
	fds_r[1] = tls_files_to_fd(p->tls_files, e);
	if (fds_r[1] >= 0)
		return 0;
	close(fds_r[0]);
	return -1;
}

/* Gives the net workers what is new: the configuration, then doors and logs. */
static void
give_conf(struct parent *p)
{
	struct order o = {.kind = ORDER_CONF};
	struct err e;
	int fds[2], fd;

	if (conf_fds(p, fds, &e) < 0) {
		log_error(0, "reload: %s", e.text);
		notify("READY=1\nSTATUS=Serving; the last reload failed");
		return;
	}
	parent_tell_all(p, &o, fds, 2);
	close(fds[0]);
	close(fds[1]);
	o.kind = ORDER_DOOR;
	for (size_t d = 0; d < p->doors.n; d++) {
		const struct door *door = &p->doors.list[d];

		copy_text(o.text, sizeof(o.text), door->text);
		for (unsigned i = 0; i < p->workers; i++) {
			fd = door_fd(door, i + 1);
			parent_tell(&p->nets[i], &o, &fd, 1);
		}
	}
	give_logs(p);
	o = (struct order){.kind = ORDER_APPLY, .a = ++p->reloads};
	for (unsigned i = 0; i < p->workers; i++) {
		p->nets[i].up = false;
		p->nets[i].wanted = o.a;
	}
	p->reloading = true;
	parent_tell_all(p, &o, NULL, 0);
}

/* Reads the file again, and those of TLS.  NULL when anything is wrong, which
 * has been logged. */
static struct conf *
read_again(const char *path, struct tls_files **files_r)
{
	char *text = NULL, *line, *rest;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct conf *conf;

	MUST(f != NULL);
	conf = conf_load(path, f);
	if (conf != NULL && parent_check(conf, f) < 0)
		conf_free(&conf);
	*files_r = conf == NULL ? NULL : parent_read_tls(conf, f);
	if (*files_r == NULL)
		conf_free(&conf);
	fclose(f);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		if (strncmp(line, "warning: ", 9) == 0)
			log_warn(0, "%s", line + 9);
		else if (*line != '\0')
			log_error(0, "%s", line);
	}
	free(text);
	return conf;
}

static int
adopt(
    struct parent *p, struct conf *conf, struct tls_files *files, struct err *e)
{
	struct doors doors;
	int fds[SINKS_MAX];

	if (parent_make_quarantine(p, conf, e) < 0 ||
	    sinks_open_files(conf, fds, e) < 0)
		return -1;
	if (doors_open(&doors, &p->doors, conf, p->workers, e) < 0) {
		close_logs(fds);
		return -1;
	}
	p->doors = doors;
	if (parent_take_logs(p, conf, fds, e) < 0) {
		close_logs(fds);
		return -1;
	}
	tls_files_free(&p->tls_files);
	p->tls_files = files;
	return 0;
}

void
parent_reload(struct parent *p)
{
	struct conf *conf, *old = p->conf;
	struct tls_files *files;
	struct err e;

	if (p->phase != SERVING && p->phase != STARTING)
		return;
	notify_reloading();
	conf = read_again(p->path, &files);
	if (conf == NULL || adopt(p, conf, files, &e) < 0) {
		log_error(0, "reload refused%s%s: the old configuration stays",
		    conf == NULL ? "" : ": ", conf == NULL ? "" : e.text);
		conf_free(&conf);
		tls_files_free(&files);
		notify("READY=1\nSTATUS=Serving; the last reload was refused");
		stats_word(STAT_RELOADS, RELOAD_REFUSED);
		return;
	}
	warn_restart(old, conf);
	p->conf = conf;
	/* Before there are new places: what they ask for the new one makes. */
	signer_conf(p->signer, conf);
	(void)signer_tick(p->signer);
	give_conf(p);
	if (!conf_same(old, conf, "scan") || !conf_same(old, conf, "engine"))
		armouries_renew(p->armouries, conf);
	else
		armouries_conf(p->armouries, conf);
	conf_free(&old);
}

void
parent_reopen_logs(struct parent *p)
{
	int fds[SINKS_MAX];
	struct err e;

	if (sinks_open_files(p->conf, fds, &e) < 0) {
		log_error(0, "logs not reopened: %s", e.text);
		return;
	}
	if (parent_take_logs(p, p->conf, fds, &e) < 0) {
		log_error(0, "logs not reopened: %s", e.text);
		close_logs(fds);
		return;
	}
	give_logs(p);
	log_info(0, "logs reopened");
}
