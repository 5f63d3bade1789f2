/*
 * clamav_db: signature files as files.  See clamav_db.h.
 */
#include "scan/clamav_db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/mem.h"

#define NAME_IN_DIR "sallyport.ndb"
#define HEAD 512 /* of a .cvd: its date, version, digest and signature */

/* What cl_load() takes, without a leading dot. */
static const char *const suffixes[] = {"cvd", "cld", "cud", "ndb", "ndu", "ldb",
    "ldu", "hdb", "hdu", "hsb", "hsu", "mdb", "mdu", "msb", "msu", "imp", "fp",
    "sfp", "cdb", "cat", "crb", "cbc", "idb", "ign", "ign2", "pdb", "gdb",
    "wdb", "db", "ftm", "info", "pwdb", "yar", "yara", NULL};

/*
 * The EICAR test string as a body signature, the two halves of its hex digits
 * apart: no scanner that reads this source finds the string, nor its hex.
 */
static const char eicar_one[] =
    "58354f2150254041505b345c505a58353428505e29374343";
static const char eicar_two[] =
    "29377d2445494341522d5354414e444152442d414e54495649525553"
    "2d544553542d46494c452124482b482a";

static bool
is_signature_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot == NULL || dot == name)
		return false;
	for (const char *const *s = suffixes; *s != NULL; s++) {
		if (strcasecmp(dot + 1, *s) == 0)
			return true;
	}
	return false;
}

static int
wanted(const struct dirent *d)
{
	return is_signature_file(d->d_name);
}

bool
clamav_db_is_there(const char *path)
{
	struct dirent **list;
	struct stat st;
	int n;

	if (stat(path, &st) < 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		return true;
	n = scandir(path, &list, wanted, alphasort);
	if (n < 0)
		return true; /* it is there, and cl_load() says what is wrong */
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return n > 0;
}

/* FNV-1a: tells states of one folder apart; nobody gains by a collision. */
static void
mix(uint64_t *hash, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ s[i]) * UINT64_C(0x100000001b3);
}

static bool
has_head(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && strcasecmp(dot, ".cvd") == 0;
}

static int
mix_file(uint64_t *hash, const char *path, struct err *e)
{
	char block[16 * 1024];
	size_t n, all = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return err_set(e, "%s: %s", path, strerror(errno));
	/* The head of a signed one has the digest of the rest. */
	while ((n = fread(block, 1, has_head(path) ? HEAD : sizeof(block), f)) >
	    0) {
		mix(hash, block, n);
		all += n;
		if (has_head(path))
			break;
	}
	n = (size_t)ferror(f);
	fclose(f);
	mix(hash, &all, sizeof(all));
	return n == 0 ? 0 : err_set(e, "%s: cannot be read", path);
}

static int
mix_dir(uint64_t *hash, const char *path, struct err *e)
{
	struct dirent **list;
	int rc = 0, n = scandir(path, &list, wanted, alphasort);

	if (n < 0)
		return err_set(e, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *one = xasprintf("%s/%s", path, list[i]->d_name);

		mix(hash, list[i]->d_name, strlen(list[i]->d_name) + 1);
		if (rc == 0)
			rc = mix_file(hash, one, e);
		free(one);
		free(list[i]);
	}
	free(list);
	return rc;
}

int
clamav_db_hash(const char *path, uint64_t *hash_r, struct err *e)
{
	struct stat st;

	*hash_r = UINT64_C(0xcbf29ce484222325);
	if (stat(path, &st) < 0)
		return err_set(e, "%s: %s", path, strerror(errno));
	return S_ISDIR(st.st_mode) ? mix_dir(hash_r, path, e)
				   : mix_file(hash_r, path, e);
}

static int
write_signature(const char *dir)
{
	char path[CLAMAV_DB_DIR + sizeof(NAME_IN_DIR) + 1];
	FILE *f;
	int n;

	(void)snprintf(path, sizeof(path), "%s/" NAME_IN_DIR, dir);
	f = fopen(path, "wxe");
	if (f == NULL)
		return -1;
	/* Any type of file, at any offset. */
	n = fprintf(f, "Eicar-Test-Signature:0:*:%s%s\n", eicar_one, eicar_two);
	return fclose(f) == 0 && n > 0 ? 0 : -1;
}

int
clamav_db_built_in(char dir_r[CLAMAV_DB_DIR], struct err *e)
{
	copy_text(dir_r, CLAMAV_DB_DIR, "/tmp/sallyport-db.XXXXXX");
	if (mkdtemp(dir_r) == NULL)
		return err_set(e, "%s: %s", dir_r, strerror(errno));
	if (write_signature(dir_r) == 0)
		return 0;
	err_set(e, "%s: %s", dir_r, strerror(errno));
	clamav_db_remove(dir_r);
	return -1;
}

void
clamav_db_remove(const char *dir)
{
	char path[CLAMAV_DB_DIR + sizeof(NAME_IN_DIR) + 1];

	(void)snprintf(path, sizeof(path), "%s/" NAME_IN_DIR, dir);
	(void)unlink(path);
	(void)rmdir(dir);
}
