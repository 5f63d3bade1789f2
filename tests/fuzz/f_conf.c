/*
 * f_conf: any bytes as a configuration file.  What is taken has to print as a
 * file that gives the same again, and go through an image unchanged.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proxy/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
dump_of(const struct conf *c, size_t *len_r)
{
	char *text;
	FILE *f = open_memstream(&text, len_r);

	MUST(f != NULL);
	conf_dump(c, false, f);
	MUST(fclose(f) == 0);
	return text;
}

static struct conf *
read_conf(const char *text, size_t len)
{
	char *errors;
	size_t size;
	FILE *f = open_memstream(&errors, &size);
	struct conf *c;

	MUST(f != NULL);
	c = conf_from_text("fuzz", text, len, false, f);
	MUST(fclose(f) == 0);
	/* Either a configuration or an error, never both or neither. */
	MUST((c == NULL) == (size > 0));
	free(errors);
	return c;
}

static void
check_same(const struct conf *a, const struct conf *b)
{
	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		if (kind != KIND_INCLUDE)
			MUST(conf_same(a, b, schema_kind(kind)->word));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *c, *again;
	struct err e;
	char *text;
	size_t len;
	int fd;

	/* What would read other files is for tests/unit/t_conf_files.c. */
	if (memmem(data, size, "include", 7) != NULL ||
	    memmem(data, size, "@/", 2) != NULL)
		return 0;
	c = read_conf((const char *)data, size);
	if (c == NULL)
		return 0;
	text = dump_of(c, &len);
	again = read_conf(text, len);
	MUST(again != NULL);
	check_same(c, again);
	conf_free(&again);
	free(text);
	fd = conf_to_fd(c, &e);
	MUST(fd >= 0);
	again = conf_from_fd(fd, &e);
	MUST(again != NULL);
	check_same(c, again);
	close(fd);
	conf_free(&again);
	conf_free(&c);
	return 0;
}
