#ifndef PROXY_TLS_ORIGIN_H
#define PROXY_TLS_ORIGIN_H

#include "conf/conf.h"
#include "proxy/base/err.h"

struct tls;
struct tls_kit;

/*
 * tls_origin: our side towards web servers, in the place of a browser that
 * cannot look for itself any more: it offers nothing that a current browser
 * would not, and believes no certificate that one would not believe.  To be
 * used with IO_TLS_VERIFY.
 */
struct tls *tls_origin(const struct conf *c,
    const struct conf_section *listener, const struct tls_kit *kit,
    struct err *e);

#endif
