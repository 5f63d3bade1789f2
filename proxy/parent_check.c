/*
 * parent_check: everybody who reads options is asked whether they can, before
 * anything is changed: at a start, at a HUP, for --check.
 */
#include "proxy/parent.h"

#include "proxy/parent_own.h"
#include "proxy/place.h"
#include "scan/policy.h"

struct tls_files *
parent_read_tls(const struct conf *conf, FILE *out)
{
	struct tls_files *f = tls_files_read(conf, out);

	if (f != NULL && tls_check(conf, f, out) < 0)
		tls_files_free(&f);
	return f;
}

/* Has the protocol of each listener look at its options. */
static int
check_places(const struct conf *conf, const struct tls_files *files, FILE *out)
{
	const struct conf_section *s = NULL;
	struct tls_kit kit = {.files = files};
	struct place *place;
	struct err e;
	int rc = 0;

	while ((s = conf_next(conf, "listener", s)) != NULL) {
		place = place_open(
		    NULL, conf, s, NULL, files == NULL ? NULL : &kit, &e);
		if (place == NULL) {
			fprintf(out, "%s\n", e.text);
			rc = -1;
			continue;
		}
		place_retire(&place, NULL, NULL);
	}
	return rc;
}

int
parent_check(const struct conf *conf, FILE *out)
{
	struct tls_files *files = parent_read_tls(conf, out);
	struct policies *policies;
	struct err e;
	int rc;

	policies = policies_open(conf, &e);
	if (policies == NULL)
		fprintf(out, "%s\n", e.text);
	rc = check_places(conf, files, out);
	if (signer_check(conf, out) < 0)
		rc = -1;
	if (files != NULL)
		tls_warn(conf, files, out);
	if (files == NULL || policies == NULL)
		rc = -1;
	policies_free(&policies);
	tls_files_free(&files);
	return rc;
}
