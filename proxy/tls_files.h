#ifndef PROXY_TLS_FILES_H
#define PROXY_TLS_FILES_H

#include <stddef.h>
#include <stdio.h>

#include "conf/conf.h"
#include "proxy/base/err.h"
#include "proxy/base/slice.h"

/*
 * tls_files: certificates, keys and roots as they lay on disk when the parent,
 * who alone may be able to, read them.  The net workers get their bytes and
 * open no such file.
 */
struct tls_files;

/* What a [listener] does towards its clients; the words of its option tls. */
enum tls_mode { TLS_OFF, TLS_STARTTLS, TLS_REQUIRE, TLS_IMPLICIT };
enum tls_mode tls_mode(
    const struct conf *c, const struct conf_section *listener);

/* The option that names a listener's key: key_file, or cert_file. */
enum opt tls_key_option(
    const struct conf *c, const struct conf_section *listener);

/* Reads what c asks for.  Whatever is wrong is printed as `file:line: text`;
 * NULL when anything was. */
struct tls_files *tls_files_read(const struct conf *c, FILE *errors);
void tls_files_free(struct tls_files **fp);

/* The file of that name; at is NULL when it was not read. */
struct slice tls_files_get(const struct tls_files *f, const char *path);

/* As a sealed memfd, for a net worker; and back.  -1 / NULL with words. */
int tls_files_to_fd(const struct tls_files *f, struct err *e);
struct tls_files *tls_files_from_fd(int fd, struct err *e);

#endif
