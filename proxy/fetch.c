/*
 * fetch: libcurl on the loop.  Nothing is told from inside one of its calls:
 * bytes wait here until the turn ends, and while they do it gets no more.
 */
#include "proxy/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/buf.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/loop.h"

#define FETCHER_MAGIC 0xfe7c4e01u
#define FETCH_MAGIC 0xfe7c4e02u

/* What may wait here; libcurl gives at most 16 KB at a time. */
#define WAITS_MAX (64 * 1024)
#define PIECE_MAX (CURL_MAX_WRITE_SIZE)

struct fetcher {
	uint32_t magic;
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	unsigned fetches;
};

struct fetch {
	uint32_t magic;
	struct fetcher *fetcher;
	CURL *easy;
	struct fetch_ask ask;
	fetch_told *told;
	void *arg;
	struct job job;
	struct buf waits;
	bool stopped; /* libcurl was told to wait */
	bool paused;  /* by the owner */
	bool denied, done, telling, dead;
	CURLcode code;
	char address[ADDR_TEXT];
	char why[CURL_ERROR_SIZE];
};

/* ---- libcurl on the loop ---- */

static void
look_for_ends(struct fetcher *fr)
{
	CURLMsg *msg;
	struct fetch *f;
	int left;

	while ((msg = curl_multi_info_read(fr->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &f);
		IS(f, FETCH_MAGIC);
		f->done = true;
		f->code = msg->data.result;
		loop_later(fr->loop, &f->job);
	}
}

static void
act(struct fetcher *fr, curl_socket_t fd)
{
	int running;

	(void)curl_multi_socket_action(fr->multi, fd, 0, &running);
	look_for_ends(fr);
}

static void
on_time(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT);
}

static int
set_time(CURLM *multi, long ms, void *arg)
{
	struct fetcher *fr = arg;

	(void)multi;
	if (ms < 0)
		timer_stop(fr->timer);
	else
		timer_set(fr->timer, ms);
	return 0;
}

/* One socket of libcurl. */
struct wait {
	struct fetcher *fetcher;
	struct watch *watch;
	curl_socket_t fd;
};

static void
on_socket(void *arg)
{
	struct wait *w = arg;

	act(w->fetcher, w->fd); /* w may go in there */
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct fetcher *fr = arg;
	struct wait *w = mine;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			watch_free(&w->watch);
		free(w);
		(void)curl_multi_assign(fr->multi, fd, NULL);
		return 0;
	}
	if (w == NULL) {
		w = xcalloc(1, sizeof(*w));
		w->fetcher = fr;
		w->fd = fd;
		w->watch = loop_watch(fr->loop, fd, on_socket, w);
		(void)curl_multi_assign(fr->multi, fd, w);
	}
	watch_want(
	    w->watch, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
	return 0;
}

struct fetcher *
fetcher_open(struct loop *l)
{
	struct fetcher *fr = xcalloc(1, sizeof(*fr));

	fr->magic = FETCHER_MAGIC;
	fr->loop = l;
	fr->timer = timer_open(l, on_time, fr);
	MUST(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	fr->multi = curl_multi_init();
	MUST(fr->multi != NULL);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_SOCKETDATA, fr);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_TIMERFUNCTION, set_time);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_TIMERDATA, fr);
	return fr;
}

void
fetcher_free(struct fetcher **fp)
{
	struct fetcher *fr = *fp;

	*fp = NULL;
	if (fr == NULL)
		return;
	IS(fr, FETCHER_MAGIC);
	MUST(fr->fetches == 0);
	(void)curl_multi_cleanup(fr->multi);
	timer_free(&fr->timer);
	fr->magic = 0;
	free(fr);
}

/* ---- where it may go ---- */

/* Our end of a connection to peer, which needs no packet to be known. */
static bool
local_to(const struct addr *peer, struct addr *a_r)
{
	int fd = socket(peer->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	*a_r = (struct addr){.len = sizeof(a_r->ss)};
	good = fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&peer->ss, peer->len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a_r->ss, &a_r->len) == 0;
	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* For the dialogue and for each data connection alike. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct fetch *f = arg;
	struct addr peer = {.len = a->addrlen}, local;

	IS(f, FETCH_MAGIC);
	if (purpose != CURLSOCKTYPE_IPCXN || a->addrlen > sizeof(peer.ss))
		return CURL_SOCKET_BAD;
	memcpy(&peer.ss, &a->addr, a->addrlen);
	if (local_to(&peer, &local) &&
	    !f->ask.allowed(f->ask.allowed_arg, &peer, &local)) {
		f->denied = true;
		return CURL_SOCKET_BAD;
	}
	if (f->address[0] == '\0')
		(void)addr_text(&peer, f->address);
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- one fetch ---- */

static size_t
on_bytes(char *at, size_t size, size_t n, void *arg)
{
	struct fetch *f = arg;

	IS(f, FETCH_MAGIC);
	if (f->waits.len + size * n > WAITS_MAX) {
		f->stopped = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	MUST(buf_put(&f->waits, at, size * n) == 0);
	loop_later(f->fetcher->loop, &f->job);
	return size * n;
}

static void
destroy(struct fetch *f)
{
	job_cancel(&f->job);
	(void)curl_multi_remove_handle(f->fetcher->multi, f->easy);
	curl_easy_cleanup(f->easy);
	f->fetcher->fetches--;
	buf_free(&f->waits);
	f->magic = 0;
	free(f);
}

/* False: f has gone. */
static bool
tell(struct fetch *f, enum fetch_event what, struct slice data)
{
	f->telling = true;
	f->told(f->arg, what, data);
	f->telling = false;
	if (!f->dead)
		return true;
	destroy(f);
	return false;
}

static bool
tell_data(struct fetch *f)
{
	struct buf now = f->waits;
	bool there;

	buf_init(&f->waits, WAITS_MAX);
	there = tell(f, FETCH_DATA, (struct slice){buf_at(&now), now.len});
	buf_free(&now);
	return there;
}

static void
go_on(void *arg)
{
	struct fetch *f = arg;
	struct fetcher *fr = f->fetcher;

	if (f->paused || (f->waits.len > 0 && !tell_data(f)) || f->paused)
		return;
	if (f->stopped) {
		f->stopped = false;
		(void)curl_easy_pause(f->easy, CURLPAUSE_CONT);
		act(fr, CURL_SOCKET_TIMEOUT);
		return;
	}
	if (!f->done || f->waits.len > 0)
		return;
	(void)tell(f, f->code == CURLE_OK ? FETCH_END : FETCH_LOST,
	    (struct slice){NULL, 0});
}

static void
set_text(CURL *c, CURLoption option, const char *text)
{
	MUST(curl_easy_setopt(c, option, text) == CURLE_OK);
}

static void
set_number(CURL *c, CURLoption option, long n)
{
	MUST(curl_easy_setopt(c, option, n) == CURLE_OK);
}

static long
seconds(int64_t ms)
{
	return (long)((ms + 999) / 1000);
}

static void
set_up(struct fetch *f, const struct fetch_ask *ask)
{
	CURL *c = f->easy;

	set_text(c, CURLOPT_URL, ask->url);
	set_text(c, CURLOPT_PROTOCOLS_STR, "ftp");
	set_text(c, CURLOPT_PROXY, ""); /* whatever the environment says */
	set_text(c, CURLOPT_NETRC_FILE, NULL);
	set_number(c, CURLOPT_NETRC, CURL_NETRC_IGNORED);
	set_text(c, CURLOPT_USERNAME, ask->user);
	set_text(c, CURLOPT_PASSWORD, ask->password);
	set_number(c, CURLOPT_NOSIGNAL, 1);
	set_number(c, CURLOPT_NOBODY, ask->bare);
	set_number(c, CURLOPT_FORBID_REUSE, 1);
	/* a server may not send us to another one (RFC 2577 3) */
	set_number(c, CURLOPT_FTP_SKIP_PASV_IP, 1);
	set_number(c, CURLOPT_CONNECTTIMEOUT_MS, (long)ask->connect_timeout);
	set_number(
	    c, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds(ask->idle_timeout));
	set_number(c, CURLOPT_LOW_SPEED_LIMIT, 1);
	set_number(c, CURLOPT_LOW_SPEED_TIME, seconds(ask->idle_timeout));
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->why);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, f);
}

struct fetch *
fetch_start(struct fetcher *fr, const struct fetch_ask *ask, fetch_told *told,
    void *arg)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	IS(fr, FETCHER_MAGIC);
	f->magic = FETCH_MAGIC;
	f->fetcher = fr;
	f->ask = *ask;
	f->told = told;
	f->arg = arg;
	f->easy = curl_easy_init();
	MUST(f->easy != NULL);
	buf_init(&f->waits, WAITS_MAX);
	job_init(&f->job, go_on, f);
	set_up(f, ask);
	f->ask.url = f->ask.user = f->ask.password = NULL; /* not ours */
	fr->fetches++;
	/* begins by the timer: nothing happens in here */
	MUST(curl_multi_add_handle(fr->multi, f->easy) == CURLM_OK);
	return f;
}

void
fetch_cancel(struct fetch **fp)
{
	struct fetch *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	IS(f, FETCH_MAGIC);
	if (f->telling)
		f->dead = true;
	else
		destroy(f);
}

void
fetch_pause(struct fetch *f, bool pause)
{
	IS(f, FETCH_MAGIC);
	f->paused = pause;
	if (!pause)
		loop_later(f->fetcher->loop, &f->job);
}

int64_t
fetch_size(const struct fetch *f)
{
	curl_off_t n = -1;

	(void)curl_easy_getinfo(
	    f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n);
	return n;
}

const char *
fetch_address(const struct fetch *f)
{
	return f->address;
}

enum fetch_error
fetch_error(const struct fetch *f)
{
	if (f->denied)
		return FETCH_DENIED;
	switch (f->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return FETCH_NO_NAME;
	case CURLE_COULDNT_CONNECT:
		return FETCH_REFUSED;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_FTP_ACCEPT_TIMEOUT:
		return FETCH_LATE;
	case CURLE_LOGIN_DENIED:
		return FETCH_NO_LOGIN;
	case CURLE_REMOTE_FILE_NOT_FOUND:
	case CURLE_REMOTE_ACCESS_DENIED:
	case CURLE_FTP_COULDNT_RETR_FILE:
		return FETCH_NO_FILE;
	default:
		return FETCH_BROKEN;
	}
}

const char *
fetch_why(const struct fetch *f)
{
	return f->why[0] != '\0' ? f->why : curl_easy_strerror(f->code);
}
