#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * pool: connections to servers that wait for their next use.  The key says
 * what makes two of them the same (address, TLS demand, greeting name).  One
 * that the server closes, or says anything on, while it waits is dropped.
 */
struct io;
struct pool;

/*
 * Keeps at most each connections per key, for at most idle_ms.  bye is what a
 * connection is told before the pool closes it ("QUIT\r\n"; NULL: nothing).
 */
struct pool *pool_open(size_t each, int64_t idle_ms, const char *bye);

/* And at most all of them under all keys: the oldest go. */
void pool_cap(struct pool *p, size_t all);
void pool_free(struct pool **pp);

/*
 * Takes over io and tag.  free_tag (may be NULL) gives tag back when the pool
 * drops the connection.  Of too many under one key the oldest is dropped.
 */
void pool_put(struct pool *p, const char *key, struct io **iop, void *tag,
    void (*free_tag)(void *tag));

/*
 * The connection of that key that came last, with its tag; both are the
 * caller's, who calls io_owner().  NULL: none.  It may be dead without anybody
 * knowing yet: see DESIGN on reuse.
 */
struct io *pool_take(struct pool *p, const char *key, void **tag_r);

/* How many wait under that key. */
size_t pool_count(const struct pool *p, const char *key);

#endif
