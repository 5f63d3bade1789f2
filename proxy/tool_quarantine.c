/*
 * tool_quarantine: `sallyport quarantine`: what is kept, seen and deleted in
 * its folder; no gateway is asked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/buf.h"
#include "proxy/base/mem.h"
#include "proxy/quarantine_dir.h"
#include "proxy/tool.h"

#define NOTE_MAX (16u << 20)
#define PIECE 65536

struct kept {
	char dir[PATH_MAX];
	int fd; /* of dir */
	bool json;
};

/* errno as words and as a status of sysexits. */
static int
say_errno(const char *what)
{
	int saved = errno;

	fprintf(
	    stderr, "sallyport quarantine: %s: %s\n", what, strerror(saved));
	if (saved == ENOENT)
		return EX_NOINPUT;
	return saved == EACCES || saved == EPERM ? EX_NOPERM : EX_IOERR;
}

/* ---- notes ---- */

static const char *
note_name(const char *id, char to[QUARANTINE_NAME])
{
	(void)snprintf(to, QUARANTINE_NAME, "%.26s%s", id, QUARANTINE_NOTE);
	return to;
}

/* All of it, with its line end. */
static int
read_note(const struct kept *k, const char *id, struct buf *b)
{
	char name[QUARANTINE_NAME], *room;
	int fd = openat(k->fd, note_name(id, name),
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while ((room = buf_room(b, PIECE)) != NULL &&
	    (n = read(fd, room, PIECE)) > 0)
		buf_grew(b, (size_t)n);
	if (room == NULL)
		errno = EFBIG;
	(void)close(fd);
	return room == NULL || n < 0 ? -1 : 0;
}

/*
 * What stands behind key in a note, as it is escaped there: a text when key
 * ends in its quote, else a number; NULL: it has none.  A key cannot stand
 * inside of a value: there its quotes would be escaped.
 */
static const char *
behind(const char *note, const char *key, size_t *len_r)
{
	bool is_text = key[strlen(key) - 1] == '"';
	const char *at = strstr(note, key);
	size_t n = 0;

	if (at == NULL)
		return NULL;
	at += strlen(key);
	if (!is_text)
		n = strspn(at, "0123456789");
	while (is_text && at[n] != '\0' && at[n] != '"')
		n += at[n] == '\\' && at[n + 1] != '\0' ? 2 : 1;
	*len_r = n;
	return at;
}

static void
print_value(const char *note, const char *before, const char *key,
    const char *otherwise)
{
	size_t len;
	const char *value = behind(note, key, &len);

	if (value != NULL)
		printf("%s%.*s", before, (int)len, value);
	else if (otherwise != NULL)
		printf("%s%s", before, otherwise);
}

/* From whom to whom, or what it was called. */
static void
print_whose(const char *note)
{
	static const char from[] = "\"from\":{\"address\":[\"";
	static const char url[] = "\"original\":\"";
	size_t len;

	if (behind(note, from, &len) != NULL) {
		print_value(note, " <", from, NULL);
		print_value(note, "> <", "\"to\":{\"address\":[\"", "");
		fputs(">", stdout);
	} else if (behind(note, url, &len) != NULL) {
		print_value(note, " ", url, NULL);
	} else {
		print_value(note, " ", "\"file\":{\"name\":\"", NULL);
	}
}

static void
print_line(const char *id, const char *note)
{
	const char *because = strstr(note, "\"because\":{");

	printf("%.26s", id);
	print_value(note, " ", "\"@timestamp\":\"", "-");
	print_value(note, " ", "\"size\":", "-");
	print_value(note, " ", "\"protocol\":\"", "-");
	if (because != NULL)
		print_value(because, " ", "\"what\":\"", "-");
	else
		print_value(note, " ", "\"verdict\":\"", "-");
	print_whose(note);
	putchar('\n');
}

/* ---- commands ---- */

static int
show_one(const struct kept *k, const char *id, bool whole)
{
	char name[QUARANTINE_NAME];
	struct buf b;
	int status = EX_OK;

	buf_init(&b, NOTE_MAX);
	if (read_note(k, id, &b) < 0)
		status = say_errno(note_name(id, name));
	else if (whole)
		(void)fwrite(buf_at(&b), 1, b.len, stdout);
	else
		print_line(id, buf_text(&b));
	buf_free(&b);
	return status;
}

static int
is_note(const struct dirent *entry)
{
	return quarantine_is(entry->d_name) == QUARANTINE_IS_NOTE;
}

static int
list(const struct kept *k)
{
	struct dirent **names = NULL;
	int n = scandirat(k->fd, ".", &names, is_note, alphasort), one;
	int status = EX_OK;

	if (n < 0)
		return say_errno(k->dir);
	for (int i = 0; i < n; i++) {
		one = show_one(k, names[i]->d_name, k->json);
		status = one == EX_OK ? status : one;
		free(names[i]);
	}
	free(names);
	return status;
}

static int
delete_one(const struct kept *k, const char *id)
{
	char name[QUARANTINE_NAME];

	if (unlinkat(k->fd, note_name(id, name), 0) < 0 && errno != ENOENT)
		return say_errno(name);
	return unlinkat(k->fd, id, 0) < 0 ? say_errno(id) : EX_OK;
}

static int
each(const struct kept *k, char **ids,
    int (*what)(const struct kept *k, const char *id))
{
	int status = EX_OK, one;

	for (; *ids != NULL; ids++) {
		if (quarantine_is(*ids) != QUARANTINE_IS_BYTES) {
			fprintf(stderr,
			    "sallyport quarantine: that is no id: %s\n", *ids);
			return EX_USAGE;
		}
		one = what(k, *ids);
		status = one == EX_OK ? status : one;
	}
	return status;
}

static int
show_whole(const struct kept *k, const char *id)
{
	return show_one(k, id, true);
}

/* ids: what stands behind the verb, NULL behind the last. */
static int
run(const struct kept *k, const char *verb, char **ids)
{
	if (strcmp(verb, "list") == 0 && *ids == NULL)
		return list(k);
	if (strcmp(verb, "show") == 0 && *ids != NULL)
		return each(k, ids, show_whole);
	if (strcmp(verb, "delete") == 0 && *ids != NULL)
		return each(k, ids, delete_one);
	return tool_usage(stderr, EX_USAGE);
}

static int
open_folder(struct kept *k, const char *config)
{
	struct conf *conf = conf_load(config, stderr);

	if (conf == NULL)
		return EX_CONFIG;
	quarantine_path(conf, k->dir);
	conf_free(&conf);
	k->fd = open(k->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k->fd < 0 ? say_errno(k->dir) : EX_OK;
}

int
tool_quarantine(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"config", required_argument, NULL, 'c'},
	    {NULL, 0, NULL, 0},
	};
	const char *config = NULL;
	struct kept k = {.fd = -1};
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return tool_usage(stderr, EX_USAGE);
		k.json = k.json || option == 'j';
		config = option == 'c' ? optarg : config;
	}
	if (optind == argc)
		return tool_usage(stderr, EX_USAGE);
	status = open_folder(&k, config);
	if (status == EX_OK)
		status = run(&k, argv[optind], argv + optind + 1);
	if (k.fd >= 0)
		(void)close(k.fd);
	return status;
}
