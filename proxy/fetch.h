#ifndef PROXY_FETCH_H
#define PROXY_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/addr.h"
#include "proxy/base/slice.h"

struct loop;

/*
 * fetch: files that the gateway itself gets for somebody, by ftp:// URLs.  The
 * one file that speaks libcurl, whose sockets and time are the loop's.
 */
struct fetcher;

struct fetcher *fetcher_open(struct loop *l);
void fetcher_free(struct fetcher **fp);

struct fetch_ask {
	const char *url;
	const char *user, *password; /* NULL: anonymous */
	bool bare;                   /* whether it is there, and how large */
	int64_t connect_timeout, idle_timeout;
	/* May peer be connected to from local?  Asked for each connection. */
	bool (*allowed)(
	    const void *arg, const struct addr *peer, const struct addr *local);
	const void *allowed_arg;
};

enum fetch_event {
	FETCH_DATA,
	FETCH_END, /* that was all of it */
	FETCH_LOST /* see fetch_error() and fetch_why() */
};

enum fetch_error {
	FETCH_BROKEN,
	FETCH_DENIED, /* allowed() has said no */
	FETCH_NO_NAME,
	FETCH_REFUSED,
	FETCH_LATE,
	FETCH_NO_LOGIN,
	FETCH_NO_FILE
};

struct fetch;

/* From the loop, never from in here.  data: of FETCH_DATA.  fetch_cancel() may
 * be called in there; behind END and LOST it is still needed. */
typedef void fetch_told(void *arg, enum fetch_event what, struct slice data);

struct fetch *fetch_start(struct fetcher *fr, const struct fetch_ask *ask,
    fetch_told *told, void *arg);
void fetch_cancel(struct fetch **fp); /* NULL is fine */

/* Nothing is told, and soon nothing is read any more; and again. */
void fetch_pause(struct fetch *f, bool pause);

/* As the server has said; -1: it has not. */
int64_t fetch_size(const struct fetch *f);

/* Whom it talks to, "192.0.2.1:21"; "" nobody yet. */
const char *fetch_address(const struct fetch *f);

enum fetch_error fetch_error(const struct fetch *f);
const char *fetch_why(const struct fetch *f);

#endif
