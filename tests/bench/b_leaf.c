/*
 * b_leaf: what the first leaf for a new host costs, and the next one: CPU time
 * of a signer in a process of its own, and of a net worker that asks it and
 * makes a side of TLS of what comes.  One JSON line.
 *   b_leaf [--names N] [--ca PEM --key PEM]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "conf/conf.h"
#include "conf/file.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/ca_serve.h"
#include "proxy/leaf_wire.h"
#include "proxy/tls.h"
#include "proxy/tls_leaf.h"
#include "tests/bench/bench.h"

#define WEEK_MS (INT64_C(7) * 24 * 3600 * 1000)
#define PEM_MAX 65536

static struct tls *base;
static struct tls_tickets tickets;

static struct slice
all(const struct buf *b)
{
	return (struct slice){buf_at(b), b->len};
}

static void
take_file(const char *path, struct buf *b)
{
	struct err e;

	if (file_read(path, b, &e) < 0)
		die(path, e.text);
}

static struct ca *
take_ca(int argc, char **argv)
{
	const char *cert = argument(argc, argv, "--ca", "");
	struct buf c, k;
	struct ca *ca;
	struct err e;

	buf_init(&c, PEM_MAX);
	buf_init(&k, PEM_MAX);
	if (cert[0] != '\0') {
		take_file(cert, &c);
		take_file(argument(argc, argv, "--key", NULL), &k);
	} else if (ca_make("Bench CA", (int64_t)time(NULL), &c, &k, &e) < 0)
		die("ca_make", e.text);
	ca = ca_open(all(&c), &e);
	if (ca == NULL || ca_take_key(ca, all(&k), &e) < 0)
		die("the CA", e.text);
	buf_free(&c);
	buf_free(&k);
	return ca;
}

static int64_t
own_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* Kilobytes that are ours and in memory. */
static long
resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kb = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Private_Dirty:", 14) == 0)
			kb = strtol(line + 14, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return kb;
}

static struct tls *
one(int sock, long i)
{
	static char packet[LEAF_PACKET_MAX];
	struct leaf_request q = {.number = (uint32_t)i};
	struct leaf_reply r;
	char name[64], key[LEAF_KEY_MAX];
	struct tls *t;
	struct buf b;
	ssize_t n;
	size_t len;

	(void)snprintf(name, sizeof(name), "www%ld.example.org", i);
	if (!leaf_names_add(&q.names, slice_of(name)))
		die(name, "is no name");
	buf_init(&b, LEAF_PACKET_MAX);
	if (leaf_put_request(&b, &q) < 0 ||
	    send(sock, buf_at(&b), b.len, 0) < 0 ||
	    (n = recv(sock, packet, sizeof(packet), 0)) <= 0 ||
	    leaf_get_reply((struct slice){packet, (size_t)n}, &r) < 0 ||
	    r.status != LEAF_MADE)
		die(name, "no leaf");
	buf_free(&b);
	len = leaf_names_key(&q.names, key);
	t = tls_leaf(base, "web", (struct slice){key, len}, &r);
	if (t == NULL)
		die(name, "the leaf is none");
	return t;
}

struct signing {
	pid_t pid;
	int control, sock;
};

static struct signing
begin(const struct ca *ca, size_t cache)
{
	struct ca_plan plan = {.lifetime_ms = WEEK_MS, .cache = cache};
	struct signing s;
	int control[2], pair[2];
	unsigned char byte = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) <
		0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair", strerror(errno));
	s.pid = fork();
	if (s.pid == 0) {
		close(control[0]);
		close(pair[0]);
		plan.control = control[1];
		ca_serve(ca, &plan);
		_exit(0);
	}
	close(control[1]);
	if (fdpass_send(control[0], &byte, 1, &pair[1], 1) < 0)
		die("the signer", strerror(errno));
	close(pair[1]);
	s.control = control[0];
	s.sock = pair[0];
	return s;
}

/* So far. */
static int64_t
signer_us(const struct signing *s)
{
	struct timespec t;
	clockid_t id;

	if (clock_getcpuclockid(s->pid, &id) != 0 || clock_gettime(id, &t) < 0)
		die("the signer", "has no clock");
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void
end(struct signing *s)
{
	int status;

	close(s->control);
	close(s->sock);
	if (waitpid(s->pid, &status, 0) != s->pid || status != 0)
		die("the signer", "died");
}

int
main(int argc, char **argv)
{
	static const char text[] =
	    "[listener web]\nprotocol = http\naddress = 127.0.0.1:1\n"
	    "policy = p\n[policy p]\n[engine clamav]\n";
	long names = number(argc, argv, "--names", "4000"), kb;
	int64_t worker, again_worker, signer, again;
	struct ca *ca = take_ca(argc, argv);
	struct conf *conf;
	struct tls **kept = xcalloc((size_t)names, sizeof(*kept));
	struct signing s;

	log_setup(LOG_ERROR_, "b_leaf");
	conf = conf_from_text("b_leaf", text, strlen(text), false, stderr);
	if (conf == NULL || names < 1)
		die("b_leaf", "arguments");
	base = tls_leaf_base(
	    conf, conf_section(conf, "listener", "web"), &tickets);

	s = begin(ca, (size_t)names);
	kb = resident();
	worker = own_us();
	for (long i = 0; i < names; i++)
		kept[i] = one(s.sock, i);
	worker = own_us() - worker;
	kb = resident() - kb;
	signer = signer_us(&s);

	/* the same once more: the signer has them */
	again_worker = own_us();
	for (long i = 0; i < names; i++) {
		tls_drop(&kept[i]);
		kept[i] = one(s.sock, i);
	}
	again_worker = own_us() - again_worker;
	again = signer_us(&s) - signer;
	end(&s);

	printf("{\"names\":%ld,\"first_cpu_us\":%.1f,\"first_signer_us\":%.1f,"
	       "\"first_worker_us\":%.1f,\"next_signer_us\":%.1f,"
	       "\"next_worker_us\":%.1f,\"worker_kb_each\":%.2f}\n",
	    names, (double)(worker + signer) / (double)names,
	    (double)signer / (double)names, (double)worker / (double)names,
	    (double)again / (double)names, (double)again_worker / (double)names,
	    (double)kb / (double)names);
	for (long i = 0; i < names; i++)
		tls_drop(&kept[i]);
	free(kept);
	tls_drop(&base);
	ca_free(&ca);
	conf_free(&conf);
	return 0;
}
