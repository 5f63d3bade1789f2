/*
 * quarantine_dir: the folder of what is kept: where it is, which names are
 * ours, and what is too old to stay.
 */
#include "proxy/quarantine_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/clock.h"
#include "proxy/base/mem.h"
#include "proxy/base/ulid.h"

#define WORD "quarantine"
#define PART_MAX_MS (60 * 60 * 1000) /* nobody writes on one for so long */

void
quarantine_path(const struct conf *conf, char *to)
{
	const char *path = conf_str(conf, NULL, OPT_QUARANTINE_PATH);

	if (path[0] != '\0')
		copy_text(to, PATH_MAX, path);
	else
		(void)snprintf(to, PATH_MAX, "%s/%s",
		    conf_str(conf, NULL, OPT_GATEWAY_STATE_DIR), WORD);
}

bool
quarantine_wanted(const struct conf *conf)
{
	static const enum opt actions[] = {OPT_POLICY_MALWARE,
	    OPT_POLICY_ENCRYPTED, OPT_POLICY_LIMIT, OPT_POLICY_AMBIGUOUS,
	    OPT_POLICY_MALFORMED, OPT_POLICY_FAILED, OPT_POLICY_ON_BLOCKED};
	const struct conf_section *s = NULL;

	while ((s = conf_next(conf, "policy", s)) != NULL) {
		for (size_t i = 0; i < sizeof(actions) / sizeof(*actions);
		     i++) {
			if (strcmp(conf_word(conf, s, actions[i]), WORD) == 0)
				return true;
		}
	}
	while ((s = conf_next(conf, "rule", s)) != NULL) {
		if (strcmp(conf_word(conf, s, OPT_RULE_ACTION), WORD) == 0)
			return true;
	}
	return false;
}

enum quarantine_is
quarantine_is(const char *name)
{
	const size_t len = ULID_TEXT - 1, note = strlen(QUARANTINE_NOTE);
	bool is_note;

	if (strspn(name, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != len)
		return QUARANTINE_IS_NONE;
	name += len;
	is_note = strncmp(name, QUARANTINE_NOTE, note) == 0;
	if (is_note)
		name += note;
	if (strcmp(name, QUARANTINE_PART) == 0)
		return QUARANTINE_IS_PART;
	if (name[0] != '\0')
		return QUARANTINE_IS_NONE;
	return is_note ? QUARANTINE_IS_NOTE : QUARANTINE_IS_BYTES;
}

static bool
is_old(const struct stat *st, int64_t max_age_ms)
{
	int64_t age = clock_wall_ms() - (int64_t)st->st_mtim.tv_sec * 1000;

	return max_age_ms > 0 && age > max_age_ms;
}

static void
sweep_one(
    int dir, const char *name, int64_t max_age_ms, struct quarantine_swept *w)
{
	enum quarantine_is is = quarantine_is(name);
	struct stat st;

	if (is == QUARANTINE_IS_NONE ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	if (!is_old(&st, is == QUARANTINE_IS_PART ? PART_MAX_MS : max_age_ms)) {
		/* those on their way are counted by who writes them */
		if (is != QUARANTINE_IS_PART)
			w->bytes += (uint64_t)st.st_size;
		w->stay += is == QUARANTINE_IS_BYTES;
		return;
	}
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT) {
		w->failed++;
		w->bytes += (uint64_t)st.st_size;
		return;
	}
	w->gone += is == QUARANTINE_IS_BYTES;
}

int
quarantine_sweep(
    const char *dir, int64_t max_age_ms, struct quarantine_swept *swept_r)
{
	const struct dirent *entry;
	DIR *d = opendir(dir);

	*swept_r = (struct quarantine_swept){0};
	if (d == NULL)
		return -1;
	while ((entry = readdir(d)) != NULL)
		sweep_one(dirfd(d), entry->d_name, max_age_ms, swept_r);
	(void)closedir(d);
	return 0;
}
