/*
 * t_worker: a real scan worker, in its jail, with the built-in signatures,
 * driven over a socket pair as a net worker would.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "proxy/base/fdpass.h"
#include "proxy/base/log.h"
#include "proxy/base/mem.h"
#include "proxy/base/tree.h"
#include "scan/armoury.h"
#include "scan/wire.h"

static struct conf *conf;
static struct inspector *inspector;
static char dir[] = "/tmp/t_worker.XXXXXX";

/* A worker with two pairs; theirs are ours[1] and ours[2]. */
struct house {
	pid_t pid;
	int control, ours[3];
	uint32_t number;
};

/* The EICAR test string, which must not stand in a file as it is. */
static const char *
eicar(void)
{
	static char text[69];

	snprintf(text, sizeof(text), "%s%s%s%s", "X5O!P%@AP[4\\PZX54(P^)7CC)7}",
	    "$EICAR-STAND", "ARD-ANTIVIRUS-TEST-", "FILE!$H+H*");
	return text;
}

static int
work(struct scan_worker *w, void *arg)
{
	(void)arg;
	return scan_worker_run(w);
}

static void
hand_pair(struct house *h, uint32_t net)
{
	const struct worker_pair m = {net};
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(
	    fdpass_send(h->control, &m, sizeof(m), &pair[0], 1), 0);
	close(pair[0]);
	h->ours[net] = pair[1];
}

static int
move_in_as(void **state, enum jail_temporary temporary)
{
	struct house *h = xcalloc(1, sizeof(*h));
	struct cell cell = {.title = "t_worker",
	    .inspector = inspector,
	    .work = work,
	    .say = -1};
	struct cell_up up;
	unsigned n;
	int pair[2];

	*state = h;
	cell_plan(conf, &cell.plan);
	cell.plan.dir = dir;
	cell.plan.temporary = temporary;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cell.control = pair[1];
	h->pid = cell_fork(&cell);
	assert_true(h->pid > 0);
	close(pair[1]);
	h->control = pair[0];
	assert_int_equal(
	    fdpass_recv(h->control, &up, sizeof(up), NULL, 0, &n), sizeof(up));
	assert_true(up.ok);
	hand_pair(h, 1);
	hand_pair(h, 2);
	return 0;
}

static int
move_in(void **state)
{
	return move_in_as(state, JAIL_AUTO);
}

/* What is temporary lies where we can see it. */
static int
move_in_openly(void **state)
{
	return move_in_as(state, JAIL_DIRECTORY);
}

static int
exit_status(struct house *h)
{
	int status;

	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	h->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
move_out(void **state)
{
	struct house *h = *state;

	close(h->control);
	close(h->ours[1]);
	close(h->ours[2]);
	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		waitpid(h->pid, NULL, 0);
	}
	free(h);
	return 0;
}

static void
send_job(struct house *h, uint32_t net, struct wire_job job, int fd)
{
	struct buf b;

	job.number = ++h->number;
	if (job.budget_ms == 0)
		job.budget_ms = 20000;
	buf_init(&b, WIRE_JOB_MAX);
	assert_int_equal(wire_put_job(&b, &job), 0);
	assert_int_equal(
	    fdpass_send(h->ours[net], buf_at(&b), b.len, &fd, fd < 0 ? 0 : 1),
	    0);
	buf_free(&b);
}

/* The report has to have the number of the last job. */
static void
take_report(struct house *h, uint32_t net, struct report *r_r)
{
	char bytes[WIRE_REPORT_MAX];
	uint32_t number;
	unsigned n;
	ssize_t len =
	    fdpass_recv(h->ours[net], bytes, sizeof(bytes), NULL, 0, &n);

	assert_true(len > 0);
	assert_int_equal(wire_get_report(bytes, (size_t)len, &number, r_r), 0);
	assert_int_equal(number, h->number);
}

static void
scan_text(struct house *h, uint32_t net, const char *text, struct report *r_r)
{
	const struct wire_job job = {.kind = CONTENT_FILE,
	    .size = strlen(text),
	    .name = "a.txt",
	    .inline_bytes = text};

	send_job(h, net, job, -1);
	take_report(h, net, r_r);
}

static int
memfd_of(const char *text, size_t size, bool sealed)
{
	int fd = memfd_create("content", MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS,
				     F_SEAL_WRITE | F_SEAL_GROW |
					 F_SEAL_SHRINK | F_SEAL_SEAL),
		    0);
	return fd;
}

static bool
at_end(int sock)
{
	char byte;

	return recv(sock, &byte, 1, 0) == 0;
}

/* ---- the cases ----------------------------------------------------------- */

static void
clean_and_infected_inline(void **state)
{
	struct report r;

	scan_text(*state, 1, "nothing to see here", &r);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.unscanned_bytes, 0);
	scan_text(*state, 1, eicar(), &r);
	assert_true(report_has(&r, FOUND_MALWARE));
	assert_string_equal(r.found[0].where, "a.txt");
	assert_true(r.engines[0] != '\0');
	/* It works on, for another net worker too. */
	scan_text(*state, 2, "nothing to see here", &r);
	assert_int_equal(r.n, 0);
}

static void
a_sealed_memfd(void **state)
{
	struct house *h = *state;
	struct wire_job job = {
	    .kind = CONTENT_FILE, .size = 100000, .name = "big"};
	struct report r;
	int fd = memfd_of("nothing here", 100000, true);

	send_job(h, 1, job, fd);
	take_report(h, 1, &r);
	assert_int_equal(r.n, 0);
	close(fd);
	job.size = 68;
	fd = memfd_of(eicar(), 68, true);
	send_job(h, 1, job, fd);
	take_report(h, 1, &r);
	assert_true(report_has(&r, FOUND_MALWARE));
	close(fd);
}

static void
a_read_only_file(void **state)
{
	struct house *h = *state;
	const struct wire_job job = {
	    .kind = CONTENT_FILE, .size = 68, .name = "file"};
	char path[] = "/tmp/t_worker_file.XXXXXX";
	struct report r;
	int fd = mkstemp(path), reader = open(path, O_RDONLY);

	assert_int_equal(write(fd, eicar(), 68), 68);
	close(fd);
	unlink(path);
	send_job(h, 1, job, reader);
	take_report(h, 1, &r);
	assert_true(report_has(&r, FOUND_MALWARE));
	close(reader);
}

/* The job is its beginning: what is behind that may still be growing. */
static void
a_file_with_more_behind_it(void **state)
{
	struct house *h = *state;
	struct wire_job job = {
	    .kind = CONTENT_FILE, .size = 68, .name = "file"};
	char path[] = "/tmp/t_worker_file.XXXXXX";
	struct report r;
	int fd = mkstemp(path), reader = open(path, O_RDONLY);

	assert_int_equal(write(fd, eicar(), 68), 68);
	assert_int_equal(write(fd, path, sizeof(path)), sizeof(path));
	close(fd);
	unlink(path);
	send_job(h, 1, job, reader);
	take_report(h, 1, &r);
	assert_true(report_has(&r, FOUND_MALWARE));
	job.size = 60;
	send_job(h, 1, job, reader);
	take_report(h, 1, &r);
	assert_int_equal(r.n, 0);
	close(reader);
}

static void
a_mail_is_walked(void **state)
{
	struct house *h = *state;
	char mail[400];
	struct wire_job job = {
	    .kind = CONTENT_MAIL, .name = "mail.eml", .inline_bytes = mail};
	struct report r;

	snprintf(mail, sizeof(mail),
	    "From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "Content-Type: application/octet-stream; name=x.com\r\n\r\n%s\r\n"
	    "--b--\r\n",
	    eicar());
	job.size = strlen(mail);
	send_job(h, 1, job, -1);
	take_report(h, 1, &r);
	assert_true(report_has(&r, FOUND_MALWARE));
}

static void
an_empty_content(void **state)
{
	struct report r;

	scan_text(*state, 1, "", &r);
	assert_int_equal(r.n, 0);
}

/* Each of them loses the peer its worker: both pairs end, status 3. */
static void
is_thrown_out(struct house *h)
{
	assert_true(at_end(h->ours[1]));
	assert_true(at_end(h->ours[2]));
	assert_int_equal(exit_status(h), WORKER_BAD_JOB);
}

static void
what_is_no_job(void **state)
{
	struct house *h = *state;

	assert_int_equal(send(h->ours[1], "hello", 5, 0), 5);
	is_thrown_out(h);
}

static void
too_long_a_message(void **state)
{
	static char bytes[WIRE_JOB_MAX + 1];
	struct house *h = *state;

	assert_int_equal(
	    send(h->ours[1], bytes, sizeof(bytes), 0), sizeof(bytes));
	is_thrown_out(h);
}

static void
a_descriptor_that_is_missing(void **state)
{
	const struct wire_job job = {.size = 68, .name = "x"};

	send_job(*state, 1, job, -1);
	is_thrown_out(*state);
}

static void
a_descriptor_too_many(void **state)
{
	const struct wire_job job = {.size = 1, .inline_bytes = "x"};
	int fd = memfd_of("x", 1, true);

	send_job(*state, 1, job, fd);
	is_thrown_out(*state);
	close(fd);
}

/* Its sender could cut it under the scan, which is SIGBUS, or change what was
 * scanned. */
static void
a_memfd_that_is_not_sealed(void **state)
{
	const struct wire_job job = {.size = 1, .name = "x"};
	int fd = memfd_of("x", 1, false);

	send_job(*state, 1, job, fd);
	is_thrown_out(*state);
	close(fd);
}

static void
another_size_than_it_says(void **state)
{
	const struct wire_job job = {.size = 2, .name = "x"};
	int fd = memfd_of("x", 1, true);

	send_job(*state, 1, job, fd);
	is_thrown_out(*state);
	close(fd);
}

static void
a_descriptor_that_is_no_file(void **state)
{
	const struct wire_job job = {.size = 0, .name = "x"};
	int fd = open("/dev/zero", O_RDONLY);

	send_job(*state, 1, job, fd);
	is_thrown_out(*state);
	close(fd);
}

static void
it_goes_on_until_nobody_needs_it(void **state)
{
	struct house *h = *state;
	struct report r;

	close(h->ours[2]);
	h->ours[2] = -1;
	scan_text(h, 1, "x", &r);
	/* Without the armoury it goes on for those who have a pair. */
	shutdown(h->control, SHUT_RDWR);
	scan_text(h, 1, "x", &r);
	assert_int_equal(r.n, 0);
	close(h->ours[1]);
	h->ours[1] = -1;
	assert_int_equal(exit_status(h), WORKER_DONE);
}

static void
it_waits_for_new_pairs(void **state)
{
	struct house *h = *state;
	struct report r;

	/* All net workers have died; the armoury lives. */
	close(h->ours[1]);
	close(h->ours[2]);
	hand_pair(h, 2);
	hand_pair(h, 1);
	scan_text(h, 2, "x", &r);
	/* A pair takes the place of an older one. */
	close(h->ours[2]);
	hand_pair(h, 2);
	scan_text(h, 2, "x", &r);
	assert_int_equal(r.n, 0);
}

/* One job's files are not there for the next.  A worker is done with a job
 * when it answers to the one behind it. */
static void
what_is_left_behind_goes(void **state)
{
	struct house *h = *state;
	struct report r;
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "%s/0/left", dir);
	for (int i = 0; i < 3; i++) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		assert_true(fd >= 0);
		close(fd);
		scan_text(h, 1, "x", &r);
		scan_text(h, 1, "x", &r);
		assert_int_equal(access(path, F_OK), -1);
	}
}

/* In seconds; what it may use before SIGXCPU. */
static long
cpu_limit(const struct house *h)
{
	char path[40], line[120];
	long soft = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)h->pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (soft < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Max cpu time ", 13) == 0)
			soft = strtol(line + 13, NULL, 10);
	}
	fclose(f);
	return soft;
}

/* As a job may take so long, and no longer, whatever came before it. */
static void
each_job_has_its_cpu_limit(void **state)
{
	const struct wire_job brief = {.kind = CONTENT_FILE,
	    .size = 1,
	    .budget_ms = 3000,
	    .inline_bytes = "x"};
	struct house *h = *state;
	struct report r;
	long first, second;

	scan_text(h, 1, "x", &r);
	first = cpu_limit(h);
	assert_in_range(first, 20, 60);
	send_job(h, 1, brief, -1);
	take_report(h, 1, &r);
	second = cpu_limit(h);
	assert_in_range(second, 3, first - 10);
	scan_text(h, 2, "x", &r);
	assert_in_range(cpu_limit(h), second + 10, 60);
}

/* ---- around them --------------------------------------------------------- */

static int
open_house(void **state)
{
	static const char text[] = "[engine clamav]\n"
				   "type = clamav\n"
				   "database = /nonexistent\n";
	struct err e = {""};

	(void)state;
	log_setup(LOG_ERROR_, "t_worker");
	conf = conf_from_text("test", text, sizeof(text) - 1, false, stderr);
	assert_non_null(conf);
	inspector = inspector_open(conf, &e);
	if (inspector == NULL)
		print_error("%s\n", e.text);
	assert_non_null(inspector);
	jail_warm_up();
	assert_non_null(mkdtemp(dir));
	if (geteuid() == 0)
		assert_int_equal(chmod(dir, 0777), 0);
	return 0;
}

static int
close_house(void **state)
{
	struct err e;

	(void)state;
	inspector_close(&inspector);
	conf_free(&conf);
	return tree_remove(dir, &e);
}

#define WITH_WORKER(test) \
	cmocka_unit_test_setup_teardown(test, move_in, move_out)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORKER(clean_and_infected_inline),
	    WITH_WORKER(a_sealed_memfd),
	    WITH_WORKER(a_read_only_file),
	    WITH_WORKER(a_file_with_more_behind_it),
	    WITH_WORKER(a_mail_is_walked),
	    WITH_WORKER(an_empty_content),
	    WITH_WORKER(what_is_no_job),
	    WITH_WORKER(too_long_a_message),
	    WITH_WORKER(a_descriptor_that_is_missing),
	    WITH_WORKER(a_descriptor_too_many),
	    WITH_WORKER(a_memfd_that_is_not_sealed),
	    WITH_WORKER(another_size_than_it_says),
	    WITH_WORKER(a_descriptor_that_is_no_file),
	    WITH_WORKER(it_goes_on_until_nobody_needs_it),
	    WITH_WORKER(it_waits_for_new_pairs),
	    WITH_WORKER(each_job_has_its_cpu_limit),
	    cmocka_unit_test_setup_teardown(
		what_is_left_behind_goes, move_in_openly, move_out),
	};

	return cmocka_run_group_tests(tests, open_house, close_house);
}
