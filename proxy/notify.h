#ifndef PROXY_NOTIFY_H
#define PROXY_NOTIFY_H

/*
 * Tells a service manager what we do, as sd_notify(3): a datagram of lines to
 * $NOTIFY_SOCKET.  Nothing happens when there is none.
 */
void notify(const char *state);

/* RELOADING=1 with the time it wants beside it. */
void notify_reloading(void);

#endif
