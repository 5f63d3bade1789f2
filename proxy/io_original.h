#ifndef PROXY_IO_ORIGINAL_H
#define PROXY_IO_ORIGINAL_H

#include "proxy/base/addr.h"

struct io;

/*
 * Where a connection was going before the packet filter turned it to us: what
 * REDIRECT and DNAT remember (SO_ORIGINAL_DST), else our end of it, which is
 * the same under TPROXY.
 */
void io_original(const struct io *io, struct addr *a_r);

#endif
