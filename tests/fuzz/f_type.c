/*
 * f_type: any bytes: they have a type, and what they say of themselves lies
 * within them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/check.h"
#include "scan/peek.h"
#include "scan/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_stowaways(enum file_type type, const uint8_t *data, size_t size)
{
	struct stowaway list[STOWAWAYS_MAX];
	unsigned n = peek_stowaways(type, data, size, list);

	MUST(n <= STOWAWAYS_MAX);
	for (unsigned i = 0; i < n; i++)
		MUST(list[i].at < size && list[i].type != type);
}

static void
check_apart(const uint8_t *data, size_t size, bool stub)
{
	struct stowaway list[ZIP_STOWED_MAX];
	unsigned n = peek_zip_apart(data, size, stub, list);

	MUST(n <= ZIP_STOWED_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (list[i].how == STOWED_DIFFERS)
			continue;
		MUST(list[i].at < size && list[i].how != STOWED_WHOLE);
		MUST(memcmp(data + list[i].at, "PK\3\4", 4) == 0);
		MUST(i == 0 || list[i].at > list[i - 1].at);
	}
}

static void
check_where(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1);
	struct where w;

	MUST(name != NULL);
	memcpy(name, data, size);
	name[size] = '\0';
	where_start(&w, name);
	MUST(strchr(w.path, '/') == NULL);
	where_join(&w, &w, name);
	for (const char *s = w.path; *s != '\0'; s++)
		MUST((unsigned char)*s >= 0x20 && *s != 0x7f);
	free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As long as the input: a byte read behind it is seen. */
	uint8_t *copy = malloc(size + (size == 0));
	enum file_type type;

	MUST(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	type = type_of(copy, size);
	MUST(type < FILE_TYPE_COUNT);
	check_stowaways(type, copy, size);
	check_stowaways(FILE_PE, copy, size);
	check_apart(copy, size, false);
	check_apart(copy, size, true);
	(void)peek_zip_is_odd(copy, size);
	(void)peek_bzip2_goes_on(copy, size);
	(void)peek_arj_is_garbled(copy, size);
	(void)peek_rar_is_encrypted(FILE_RAR5, copy, size);
	(void)peek_rar_is_volume(FILE_RAR5, copy, size);
	(void)peek_rar_is_volume(FILE_RAR, copy, size);
	check_where(copy, size);
	free(copy);
	return 0;
}
