/*
 * f_unpack: any bytes as the container that they look like.  Each member that
 * begins ends, nothing comes between, and a taker that has enough is heard.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proxy/base/check.h"
#include "scan/unpack.h"

#define BYTES (1u << 20)
#define MEMBERS 50

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A dictionary may say that it has 4 GB: libarchive asks for that much memory
 * and touches little of it.  In a worker RLIMIT_AS says no.
 */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char limit[] = "-malloc_limit_mb=20000";
	char **more = calloc((size_t)*argc + 2, sizeof(*more));

	MUST(more != NULL);
	more[0] = (*argv)[0];
	more[1] = limit;
	for (int i = 1; i < *argc; i++)
		more[i + 1] = (*argv)[i];
	*argv = more;
	(*argc)++;
	return 0;
}

struct seen {
	size_t bytes;
	unsigned members;
	bool inside, stopped;
};

static int
begin(void *arg, const char *name)
{
	struct seen *s = arg;

	MUST(name != NULL && !s->inside && !s->stopped);
	if (++s->members > MEMBERS) {
		s->stopped = true;
		return -1;
	}
	s->inside = true;
	return 0;
}

static int
data(void *arg, const void *bytes, size_t len)
{
	struct seen *s = arg;

	MUST(bytes != NULL && len > 0 && s->inside && !s->stopped);
	s->bytes += len;
	s->stopped = s->bytes > BYTES;
	return s->stopped ? -1 : 0;
}

static void
end(void *arg, enum unpack_end how)
{
	struct seen *s = arg;

	MUST(s->inside && (how == UNPACK_STOPPED || !s->stopped));
	s->inside = false;
}

static void
closed(void *arg, const char *name, enum unpack_end why)
{
	struct seen *s = arg;

	MUST(name != NULL && !s->inside && why == UNPACK_ENCRYPTED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct unpack_taker taker = {begin, data, end, closed};
	enum file_type type = type_of(bytes, size);
	struct seen s = {0, 0, false, false};
	enum unpack_end how;

	if (!unpack_can(type))
		return 0;
	(void)unpack_count(type, bytes, size, 5, MEMBERS);
	how = unpack(type, bytes, size, &taker, &s);
	MUST(!s.inside && (!s.stopped || how == UNPACK_STOPPED));
	return 0;
}
