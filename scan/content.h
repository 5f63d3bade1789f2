#ifndef SCAN_CONTENT_H
#define SCAN_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/base/spool.h"

/*
 * A content is one thing to be judged: a mail message, an HTTP body, an FTP
 * file, or a member found inside one of those.  It has two lives:
 *
 *   open    only its protocol touches it: it writes, and may read back
 *   sealed  its bytes never change again; anybody holding it may read
 *
 * It has one owner at a time.  A function that takes `struct content **`
 * becomes the owner and sets the caller's pointer to NULL; one that takes
 * `const struct content *` only looks, and keeps nothing.
 */

#define CONTENT_NAME_MAX 255

/* What a peer declared about a content's form, where the scan needs it. */
#define CONTENT_CODINGS_MAX \
	127                  /* "gzip, br", in the order they were applied \
			      */
#define CONTENT_TYPE_MAX 255 /* "multipart/form-data; boundary=x" */

/* How the scan reads it: a mail is walked as MIME, the others are not. */
enum content_kind { CONTENT_MAIL, CONTENT_BODY, CONTENT_FILE, CONTENT_KINDS };

const char *content_kind_word(enum content_kind kind); /* mail body file */

struct content;

/* Sees every byte that is written, in order (a digest, a counter). */
typedef void content_tap(void *arg, const void *bytes, size_t len);

/*
 * Opens an empty content that refuses to grow beyond cap bytes.  name is what
 * the peer calls it, cut to CONTENT_NAME_MAX; it is hearsay.
 */
struct content *content_open(struct spool_house *house, enum content_kind kind,
    const char *name, uint64_t cap);
void content_set_tap(struct content *c, content_tap *tap, void *arg);

/*
 * A CONTENT_BODY has content codings, or is a form: it is looked at as it
 * stands and as what that makes of it.  Either may be "".  0, or -1: longer
 * than can be kept.
 */
int content_declare(struct content *c, const char *codings, const char *type);
const char *content_codings(const struct content *c);
const char *content_type(const struct content *c);

/*
 * The first size bytes of one that is still open, under its name and what was
 * declared of it, as a sealed content of their own: to be looked at while more
 * comes.  It may outlive c.  NULL with errno.
 */
struct content *content_prefix(const struct content *c, uint64_t size);

/* One owner more of a sealed content: each of them calls content_free(). */
struct content *content_share(struct content *c);

/* A sealed content over a sealed spool; takes it over. */
struct content *content_over(
    struct spool **sp, enum content_kind kind, const char *name);

/*
 * Appends.  Returns 0, or -1 with errno: EFBIG when cap would be passed (the
 * content keeps what it had), ENOSPC or EIO when the spool fails.
 */
int content_write(struct content *c, const void *bytes, size_t len);

/* Ends the first life.  Returns 0, or -1 with errno if bytes were lost. */
int content_seal(struct content *c);

/* Reads at an offset, as pread(2) does. */
ssize_t content_read(
    const struct content *c, void *to, size_t len, uint64_t at);

uint64_t content_size(const struct content *c);
enum content_kind content_kind(const struct content *c);
const char *content_name(const struct content *c);

/* What spool.h says of these, of a sealed content. */
const void *content_memory(const struct content *c); /* NULL: in a file */
const void *content_map(const struct content *c);    /* NULL with errno */
int content_fd(const struct content *c);   /* for a scan worker; borrowed */
int content_file(const struct content *c); /* for sendfile(2); -1: memory */

void content_free(struct content **cp);

#endif
