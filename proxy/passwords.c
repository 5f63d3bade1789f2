/*
 * passwords: the one file that speaks crypt(3).  A thread has one hash to
 * compute and nothing else of ours: it gets copies, and gives back one word
 * through an eventfd; whoever of thread and loop lets go last frees it all.
 */
#include "proxy/passwords.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/digest.h"
#include "proxy/loop.h"

#define PASSWORDS_MAGIC 0x9a55e401u
#define HASH_MIN 60  /* bytes of the shortest, bcrypt's */
#define ASKED_MAX 64 /* that wait for the thread */

/* What is remembered, and how long. */
#define KNOWN 512
#define GOOD_MS (5 * 60 * 1000)
#define BAD_MS (60 * 1000)

struct user {
	char *name, *hash;
};

struct known {
	unsigned char digest[DIGEST_SIZE];
	int64_t until_ms;
	enum password_is is;
};

/* What a thread works on. */
struct work {
	atomic_int holders; /* the loop and the thread */
	int done_fd;
	atomic_bool fits;
	char *hash, *password;
};

struct password_ask {
	struct passwords *p;
	struct password_ask *next;
	unsigned char digest[DIGEST_SIZE];
	const char *hash; /* the user's, or somebody's: see find_hash() */
	bool nobody;      /* there is no such user */
	char *password;
	password_done *done;
	void *arg;
};

struct passwords {
	uint32_t magic;
	struct loop *loop;
	struct user *users;
	size_t n;
	unsigned char secret[32];
	struct known known[KNOWN];
	struct password_ask *first, **end;
	size_t asked;
	struct password_ask *now; /* what the thread is about; NULL: cancelled
				   */
	struct work *work;        /* NULL: no thread runs */
	struct watch *watch;
	struct job job; /* the next one */
};

/* ---- the file ---- */

/* Those that are slow on purpose (crypt(5)), and no salt alone. */
static bool
is_hash(const char *text)
{
	static const char *const kinds[] = {
	    "$2a$", "$2b$", "$2y$", "$7$", "$y$", "$gy$"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(text, kinds[i], strlen(kinds[i])) == 0)
			return strlen(text) >= HASH_MIN &&
			    crypt_checksalt(text) == CRYPT_SALT_OK;
	}
	return false;
}

static const struct user *
find_user(const struct passwords *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->users[i].name, name) == 0)
			return &p->users[i];
	}
	return NULL;
}

/* "user:hash".  NULL, or what is wrong. */
static const char *
take_line(struct passwords *p, const char *line)
{
	const char *colon = strchr(line, ':');
	struct user u;

	if (colon == NULL || colon == line)
		return "want user:hash";
	if (!is_hash(colon + 1))
		return "not a hash of bcrypt ($2b$), scrypt ($7$) or "
		       "yescrypt ($y$)";
	u.name = xstrndup(line, (size_t)(colon - line));
	u.hash = xstrdup(colon + 1);
	if (find_user(p, u.name) != NULL) {
		free(u.name);
		free(u.hash);
		return "this user was there before";
	}
	p->users = xrealloc(p->users, p->n + 1, sizeof(*p->users));
	p->users[p->n++] = u;
	return NULL;
}

static int
take_text(
    struct passwords *p, const char *path, struct slice text, struct err *e)
{
	unsigned number = 0;

	while (text.len > 0) {
		const char *end = memchr(text.at, '\n', text.len);
		size_t len = end == NULL ? text.len : (size_t)(end - text.at);
		char *line = xstrndup(text.at, len);
		const char *why = NULL;

		line[strcspn(line, "\r")] = '\0';
		number++;
		if (line[0] != '\0' && line[0] != '#')
			why = take_line(p, line);
		free(line);
		if (why != NULL)
			return err_set(e, "%s:%u: %s", path, number, why);
		text = slice_skip(text, end == NULL ? len : len + 1);
	}
	return p->n > 0 ? 0 : err_set(e, "%s:1: there is no user", path);
}

/* ---- what is remembered ---- */

static void
digest_of(const struct passwords *p, const char *user, const char *password,
    unsigned char to[DIGEST_SIZE])
{
	struct digest *d = digest_open();

	digest_add(d, p->secret, sizeof(p->secret));
	digest_add(d, user, strlen(user) + 1);
	digest_add(d, password, strlen(password));
	digest_end(d, to);
	digest_free(&d);
}

static size_t
slot_of(const unsigned char digest[DIGEST_SIZE])
{
	return ((size_t)digest[0] << 8 | digest[1]) % KNOWN;
}

static enum password_is
recall(const struct passwords *p, const unsigned char digest[DIGEST_SIZE])
{
	const struct known *k = &p->known[slot_of(digest)];

	if (clock_ms() >= k->until_ms ||
	    memcmp(k->digest, digest, DIGEST_SIZE) != 0)
		return PASSWORD_WAIT;
	return k->is;
}

static void
remember(struct passwords *p, const struct password_ask *a, enum password_is is)
{
	struct known *k = &p->known[slot_of(a->digest)];
	bool good = is == PASSWORD_GOOD;

	memcpy(k->digest, a->digest, DIGEST_SIZE);
	k->until_ms = clock_ms() + (good ? GOOD_MS : BAD_MS);
	k->is = is;
}

/* ---- the thread ---- */

static void
work_drop(struct work *w)
{
	if (atomic_fetch_sub(&w->holders, 1) > 1)
		return;
	(void)close(w->done_fd);
	explicit_bzero(w->password, strlen(w->password));
	free(w->password);
	free(w->hash);
	free(w);
}

/* In the same time wherever they differ. */
static bool
same(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char differ = 0;

	if (strlen(b) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ = (unsigned char)(differ | (a[i] ^ b[i]));
	return differ == 0;
}

static void *
compute(void *arg)
{
	struct work *w = arg;
	struct crypt_data *d = xcalloc(1, sizeof(*d));
	const char *made = crypt_r(w->password, w->hash, d);
	uint64_t one = 1;

	atomic_store(&w->fits, made != NULL && same(made, w->hash));
	explicit_bzero(d, sizeof(*d));
	free(d);
	while (write(w->done_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	work_drop(w);
	return NULL;
}

/* No signal is a thread's business.  0 or -1. */
static int
start_thread(struct work *w)
{
	pthread_attr_t attr;
	pthread_t id;
	sigset_t all, before;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	MUST(pthread_attr_init(&attr) == 0);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&id, &attr, compute, w);
	(void)pthread_attr_destroy(&attr);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : -1;
}

/* ---- asking ---- */

static void
free_ask(struct password_ask *a)
{
	explicit_bzero(a->password, strlen(a->password));
	free(a->password);
	free(a);
}

static void
tell(struct password_ask *a, enum password_is is)
{
	password_done *done = a->done;
	void *arg = a->arg;

	free_ask(a);
	done(arg, is);
}

static void
on_computed(void *arg)
{
	struct passwords *p = arg;
	struct password_ask *a = p->now;
	bool fits = atomic_load(&p->work->fits);
	enum password_is is = PASSWORD_BAD;

	watch_free(&p->watch);
	work_drop(p->work);
	p->work = NULL;
	p->now = NULL;
	loop_later(p->loop, &p->job);
	if (a == NULL)
		return;
	if (fits && !a->nobody)
		is = PASSWORD_GOOD;
	remember(p, a, is);
	tell(a, is);
}

/* 0, or -1: the system gives us no thread. */
static int
begin(struct passwords *p, struct password_ask *a)
{
	struct work *w = xcalloc(1, sizeof(*w));

	atomic_init(&w->holders, 2);
	atomic_init(&w->fits, false);
	w->hash = xstrdup(a->hash);
	w->password = xstrdup(a->password);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->done_fd < 0 || start_thread(w) < 0) {
		log_error(0, "passwords no thread error=%s", strerror(errno));
		atomic_store(&w->holders, 1);
		work_drop(w);
		return -1;
	}
	p->work = w;
	p->now = a;
	p->watch = loop_watch(p->loop, w->done_fd, on_computed, p);
	return 0;
}

static struct password_ask *
take_first(struct passwords *p)
{
	struct password_ask *a = p->first;

	p->first = a->next;
	if (p->first == NULL)
		p->end = &p->first;
	p->asked--;
	return a;
}

/* The next one that has to be computed; what is known by now is told. */
static void
go_on(void *arg)
{
	struct passwords *p = arg;
	struct password_ask *a;
	enum password_is is;

	if (p->work != NULL || p->first == NULL)
		return;
	a = take_first(p);
	loop_later(p->loop, &p->job);
	is = recall(p, a->digest);
	if (is == PASSWORD_WAIT && begin(p, a) == 0)
		return;
	tell(a, is == PASSWORD_WAIT ? PASSWORD_BUSY : is);
}

enum password_is
passwords_known(
    const struct passwords *p, const char *user, const char *password)
{
	unsigned char digest[DIGEST_SIZE];

	IS(p, PASSWORDS_MAGIC);
	digest_of(p, user, password, digest);
	return recall(p, digest);
}

enum password_is
passwords_ask(struct passwords *p, const char *user, const char *password,
    password_done *done, void *arg, struct password_ask **ask_r)
{
	const struct user *u = find_user(p, user);
	enum password_is is = passwords_known(p, user, password);
	struct password_ask *a;

	*ask_r = NULL;
	if (is != PASSWORD_WAIT)
		return is;
	if (p->asked >= ASKED_MAX)
		return PASSWORD_BUSY;
	a = xcalloc(1, sizeof(*a));
	a->p = p;
	digest_of(p, user, password, a->digest);
	/* nobody takes as long as somebody, so names cannot be guessed */
	a->hash = u != NULL ? u->hash : p->users[0].hash;
	a->nobody = u == NULL;
	a->password = xstrdup(password);
	a->done = done;
	a->arg = arg;
	*p->end = a;
	p->end = &a->next;
	p->asked++;
	loop_later(p->loop, &p->job);
	*ask_r = a;
	return PASSWORD_WAIT;
}

void
password_cancel(struct password_ask **ap)
{
	struct password_ask *a = *ap;
	struct password_ask **link;
	struct passwords *p;

	*ap = NULL;
	if (a == NULL)
		return;
	p = a->p;
	if (p->now == a) {
		p->now = NULL;
		free_ask(a);
		return;
	}
	for (link = &p->first; *link != a; link = &(*link)->next)
		MUST(*link != NULL);
	*link = a->next;
	if (p->end == &a->next)
		p->end = link;
	p->asked--;
	free_ask(a);
}

/* ---- life ---- */

struct passwords *
passwords_open(
    const char *path, struct slice text, struct loop *l, struct err *e)
{
	struct passwords *p = xcalloc(1, sizeof(*p));

	p->magic = PASSWORDS_MAGIC;
	p->loop = l;
	p->end = &p->first;
	job_init(&p->job, go_on, p);
	MUST(getrandom(p->secret, sizeof(p->secret), 0) ==
	    (ssize_t)sizeof(p->secret));
	if (take_text(p, path, text, e) < 0)
		passwords_free(&p);
	return p;
}

void
passwords_free(struct passwords **pp)
{
	struct passwords *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	IS(p, PASSWORDS_MAGIC);
	job_cancel(&p->job);
	watch_free(&p->watch);
	if (p->work != NULL)
		work_drop(p->work);
	if (p->now != NULL)
		free_ask(p->now);
	while (p->first != NULL)
		free_ask(take_first(p));
	for (size_t i = 0; i < p->n; i++) {
		free(p->users[i].name);
		free(p->users[i].hash);
	}
	free(p->users);
	explicit_bzero(p->secret, sizeof(p->secret));
	p->magic = 0;
	free(p);
}
