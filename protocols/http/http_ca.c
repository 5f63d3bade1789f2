/*
 * http_ca: takes the CA's certificate out of a PEM file, and nothing else that
 * may stand there; a key never gets out this way.
 */
#include "protocols/http/http_ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/mem.h"
#include "proxy/digest.h"
#include "scan/decode.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* Where text begins with word, from its start on; NULL: nowhere. */
static const char *
find(struct slice text, const char *word)
{
	if (text.len == 0)
		return NULL;
	return memmem(text.at, text.len, word, strlen(word));
}

/* X.690 8.1.3: a SEQUENCE that is as long as it says. */
static bool
is_sequence(struct slice der)
{
	const unsigned char *at = (const unsigned char *)der.at;
	size_t said = 0, n;

	if (der.len < 2 || at[0] != 0x30 || (at[1] & 0x80) == 0)
		return false;
	n = at[1] & 0x7f;
	if (n < 1 || n > 3 || der.len < 2 + n)
		return false;
	for (size_t i = 0; i < n; i++)
		said = said << 8 | at[2 + i];
	return der.len == 2 + n + said;
}

static void
fingerprint(struct http_ca *ca)
{
	struct digest *d = digest_open();
	unsigned char sum[DIGEST_SIZE];
	char *to = ca->print;

	digest_add(d, ca->der.at, ca->der.len);
	digest_end(d, sum);
	digest_free(&d);
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		to += snprintf(to, 4, "%s%02X", i == 0 ? "" : ":", sum[i]);
}

int
http_ca_take(struct http_ca *ca, struct slice text, struct err *e)
{
	const char *begin = find(text, BEGIN), *end;
	struct slice inside;
	char *der;

	*ca = (struct http_ca){.text = NULL};
	if (begin == NULL)
		return err_set(e, "no certificate (PEM) in it");
	inside.at = begin + strlen(BEGIN);
	inside.len = (size_t)(text.at + text.len - inside.at);
	end = find(inside, END);
	if (end == NULL)
		return err_set(e, "its certificate has no end");
	inside.len = (size_t)(end - inside.at);
	if (base64_check(inside.at, inside.len) != 0)
		return err_set(e, "its certificate is not base64");
	der = xcalloc(BASE64_ROOM(inside.len), 1);
	ca->der.at = der;
	ca->der.len = base64_decode(inside.at, inside.len, BASE64_PLAIN, der);
	if (!is_sequence(ca->der)) {
		http_ca_free(ca);
		return err_set(e, "its certificate is not DER inside");
	}
	ca->pem.at = begin;
	ca->pem.len = (size_t)(end - begin) + strlen(END);
	fingerprint(ca);
	return 0;
}

/* The file in text, up to HTTP_CA_FILE_MAX.  -1: errno. */
static ssize_t
read_file(const char *path, char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = -1;
	int saved;

	if (fd < 0)
		return -1;
	while (len < HTTP_CA_FILE_MAX &&
	    (n = read(fd, text + len, HTTP_CA_FILE_MAX - len)) > 0)
		len += (size_t)n;
	saved = n < 0 ? errno : EFBIG;
	(void)close(fd);
	errno = saved;
	return n == 0 ? (ssize_t)len : -1;
}

int
http_ca_read(struct http_ca *ca, const char *path, struct err *e)
{
	char *text = xcalloc(HTTP_CA_FILE_MAX, 1);
	ssize_t len = read_file(path, text);
	int rc, saved;

	*ca = (struct http_ca){.text = NULL};
	if (len < 0) {
		saved = errno;
		free(text);
		(void)err_set(e, "%s", strerror(saved));
		errno = saved;
		return -1;
	}
	rc = http_ca_take(ca, (struct slice){text, (size_t)len}, e);
	if (rc < 0)
		free(text);
	else
		ca->text = text;
	errno = rc < 0 ? EINVAL : 0;
	return rc;
}

void
http_ca_free(struct http_ca *ca)
{
	free((char *)(uintptr_t)ca->der.at);
	free(ca->text);
	*ca = (struct http_ca){.text = NULL};
}
