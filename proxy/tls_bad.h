#ifndef PROXY_TLS_BAD_H
#define PROXY_TLS_BAD_H

/*
 * tls_bad: what is meant by the words in which OpenSSL says why a certificate
 * proves nothing, for those who read them on a page or in a log.  Pure.
 */

/* error: SSL_get_verify_result().  "": the words say it themselves. */
const char *tls_bad_means(long error);

#endif
