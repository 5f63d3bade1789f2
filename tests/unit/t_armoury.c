/*
 * t_armoury: the program sallyport-armoury in the gateway's service, driven
 * over its control socket as the parent would; scan workers are real ones and
 * are killed for real.
 */
#include "parent_side.h"

/* ---- the cases ----------------------------------------------------------- */

static void
all_pairs_then_ready(void **state)
{
	(void)state;
	start("");
	hear_ready();
	for (unsigned w = 0; w < WORKERS; w++) {
		works(&p->seats[w][1]);
		works(&p->seats[w][2]);
		assert_int_equal(words_owner(p->words, FIRST_SLOT + w,
				     p->seats[w][1].sequence),
		    0);
	}
	assert_int_equal(words_owner(p->words, 0, 0), SLOT_GONE);
}

static void
title_is(pid_t pid, const char *title)
{
	char path[64], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_string_equal(text, title);
}

/* Of the process behind a pidfd. */
static pid_t
pid_of(int pidfd)
{
	char path[64], line[80];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "r");
	assert_non_null(f);
	while (pid == 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "Pid: %d", &pid);
	fclose(f);
	return pid;
}

static void
ps_shows_who_is_who(void **state)
{
	(void)state;
	start("");
	hear_ready();
	title_is(p->armoury, "sallyportd: armoury");
	title_is(pid_of(p->seats[0][1].pidfd), "sallyportd: scan 1");
	title_is(pid_of(p->seats[1][2].pidfd), "sallyportd: scan 2");
}

static void
temporary_files_in_directories(void **state)
{
	char path[160];

	(void)state;
	start("temporary = directory");
	hear_ready();
	works(&p->seats[0][1]);
	works(&p->seats[1][1]);
	snprintf(path, sizeof(path), "%s/scan/%d", p->dir, FIRST_SLOT);
	assert_int_equal(access(path, F_OK), 0);
	close(p->control);
	p->control = -1;
	assert_int_equal(exit_status(), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_dead_worker_is_replaced(void **state)
{
	struct seat old, other;
	char byte;

	(void)state;
	start("");
	hear_ready();
	old = p->seats[0][1];
	other = p->seats[1][1];
	p->seats[0][1].pair = -1;
	kill_worker(&old);
	/* The end of file is the crash signal: nobody else has that end. */
	assert_true(ends(old.pair));
	assert_int_equal(recv(old.pair, &byte, 1, MSG_DONTWAIT), 0);
	hear_pairs(NETS);
	assert_int_equal(p->seats[0][1].sequence, old.sequence + 1);
	assert_false(words_claim(p->words, FIRST_SLOT, old.sequence, 1));
	assert_true(words_claim(p->words, FIRST_SLOT, old.sequence + 1, 1));
	works(&p->seats[0][1]);
	works(&other);
	close(old.pair);
	close(old.pidfd);
}

static void
a_crash_loop_backs_off(void **state)
{
	int64_t begin;

	(void)state;
	start("");
	hear_ready();
	for (int i = 0; i < 5; i++) {
		kill_worker(&p->seats[0][1]);
		hear_pairs(NETS);
	}
	begin = clock_ms();
	kill_worker(&p->seats[0][1]);
	hear_pairs(NETS);
	assert_true(clock_ms() - begin >= 1000);
	works(&p->seats[0][1]);
}

static void
a_net_worker_that_comes_anew(void **state)
{
	struct seat before;

	(void)state;
	start("");
	hear_ready();
	before = p->seats[0][1];
	p->seats[0][1].pair = -1;
	close(p->seats[1][1].pair);
	p->seats[1][1].pair = -1;
	say(CONTROL_NET_NEW, 1);
	hear_pairs(WORKERS);
	assert_int_equal(p->seats[0][1].sequence, before.sequence);
	works(&p->seats[0][1]);
	works(&p->seats[1][1]);
	/* What it had before has ended. */
	assert_true(ends(before.pair));
	close(before.pair);
	close(before.pidfd);
}

static void
a_net_worker_that_has_died_with_a_job(void **state)
{
	uint32_t sequence;

	(void)state;
	start("");
	hear_ready();
	sequence = p->seats[1][2].sequence;
	assert_true(words_claim(p->words, FIRST_SLOT + 1, sequence, 2));
	say(CONTROL_NET_GONE, 2);
	hear_pairs(NETS);
	assert_int_equal(p->last.slot, FIRST_SLOT + 1);
	assert_int_equal(p->seats[1][2].sequence, sequence + 1);
	assert_int_equal(
	    words_owner(p->words, FIRST_SLOT + 1, sequence + 1), 0);
	/* The other one was not its. */
	assert_int_equal(
	    p->seats[0][2].sequence, words_sequence(p->words, FIRST_SLOT));
	works(&p->seats[0][2]);
}

/* Between its last word about a scan worker and the kill. */
static void
a_net_worker_that_has_died_before_its_kill(void **state)
{
	uint32_t sequence;

	(void)state;
	start("");
	hear_ready();
	sequence = p->seats[1][2].sequence;
	assert_true(words_claim(p->words, FIRST_SLOT + 1, sequence, 2));
	assert_true(
	    words_pass(p->words, FIRST_SLOT + 1, sequence, 2, SLOT_ENDED));
	say(CONTROL_NET_GONE, 2);
	hear_pairs(NETS);
	assert_int_equal(p->last.slot, FIRST_SLOT + 1);
	assert_int_equal(p->seats[1][2].sequence, sequence + 1);
	works(&p->seats[1][2]);
	works(&p->seats[0][2]);
}

static void
retired_it_ends_with_its_last_job(void **state)
{
	(void)state;
	start("");
	hear_ready();
	say(CONTROL_RETIRE, 0);
	works(&p->seats[0][1]);
	close_pairs(1);
	works(&p->seats[0][2]);
	assert_int_equal(waitpid(p->armoury, NULL, WNOHANG), 0);
	close_pairs(0);
	assert_int_equal(exit_status(), 0);
	assert_int_equal(words_owner(p->words, FIRST_SLOT,
			     words_sequence(p->words, FIRST_SLOT)),
	    SLOT_GONE);
}

static void
retired_it_replaces_nobody(void **state)
{
	(void)state;
	start("");
	hear_ready();
	say(CONTROL_RETIRE, 0);
	kill_worker(&p->seats[0][1]);
	assert_int_equal(hear(QUIET_MS), 0);
	close_pairs(1);
	assert_int_equal(exit_status(), 0);
}

static void
without_a_parent_all_end(void **state)
{
	(void)state;
	start("");
	hear_ready();
	close(p->control);
	p->control = -1;
	assert_true(ends(p->seats[0][1].pidfd));
	assert_true(ends(p->seats[1][1].pidfd));
	assert_int_equal(exit_status(), 0);
}

static void
without_an_armoury_workers_go_on(void **state)
{
	(void)state;
	start("");
	hear_ready();
	kill(p->armoury, SIGKILL);
	waitpid(p->armoury, NULL, 0);
	p->armoury = 0;
	works(&p->seats[0][1]);
	works(&p->seats[0][2]);
	works(&p->seats[1][1]);
	close(p->seats[0][1].pair);
	p->seats[0][1].pair = -1;
	works(&p->seats[0][2]);
	close(p->seats[0][2].pair);
	p->seats[0][2].pair = -1;
	assert_true(ends(p->seats[0][1].pidfd));
	works(&p->seats[1][2]);
}

static void
write_signatures(const char *name, const char *text, const char *how)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->database, name);
	f = fopen(path, how);
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
a_changed_database_is_told_once(void **state)
{
	char path[160];

	(void)state;
	assert_int_equal(mkdir(p->database, 0755), 0);
	write_signatures("a.ndb", "Test.One:0:*:deadbeefdeadbeef01\n", "w");
	start("");
	hear_ready();
	assert_int_equal(hear(QUIET_MS), 0);
	write_signatures("b.ndb", "Test.Two:0:*:deadbeefdeadbeef02\n", "w");
	assert_int_equal(hear(PATIENCE_MS), CONTROL_CHANGED);
	assert_int_equal(hear(QUIET_MS), 0);
	/* What an updater keeps beside it is no signature. */
	write_signatures("freshclam.dat", "x", "w");
	assert_int_equal(hear(QUIET_MS), 0);
	snprintf(path, sizeof(path), "%s/b.ndb", p->database);
	unlink(path);
	assert_int_equal(hear(PATIENCE_MS), CONTROL_CHANGED);
}

static void
a_half_copied_database_is_waited_for(void **state)
{
	int64_t last = 0;
	uint32_t heard = 0;

	(void)state;
	assert_int_equal(mkdir(p->database, 0755), 0);
	write_signatures("a.ndb", "Test.One:0:*:deadbeefdeadbeef01\n", "w");
	start("");
	hear_ready();
	for (int i = 0; i < 12 && heard == 0; i++) {
		last = clock_ms();
		write_signatures(
		    "b.ndb", "Test.Two:0:*:deadbeefdeadbeef02\n", "a");
		heard = hear(80); /* or we were the slow ones */
	}
	if (heard == 0)
		heard = hear(PATIENCE_MS);
	assert_int_equal(heard, CONTROL_CHANGED);
	assert_true(clock_ms() - last >= 200);
}

static void
a_database_that_cannot_be_loaded(void **state)
{
	(void)state;
	assert_int_equal(mkdir(p->database, 0755), 0);
	write_signatures("a.ndb", "this is no signature\n", "w");
	start("");
	assert_int_equal(hear(PATIENCE_MS), CONTROL_FAILED);
	assert_int_equal(p->last.generation, 9);
	assert_true(p->last.text[0] != '\0');
	assert_int_equal(exit_status(), ARMOURY_FAILED);
}

static void
too_many_temporary_files(void **state)
{
	char path[160];
	int fd;

	(void)state;
	start("temporary = directory\ntemporary_size = 16M");
	hear_ready();
	/* As an engine might leave them: each of them is small enough. */
	for (int i = 0; i < 3; i++) {
		snprintf(
		    path, sizeof(path), "%s/scan/%d/%d", p->dir, FIRST_SLOT, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		assert_int_equal(posix_fallocate(fd, 0, 6 << 20), 0);
		close(fd);
	}
	assert_true(ends(p->seats[0][1].pidfd));
	hear_pairs(NETS);
	works(&p->seats[0][1]);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- around them --------------------------------------------------------- */

#define CASE(test) cmocka_unit_test_setup_teardown(test, arrive, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(all_pairs_then_ready),
	    CASE(ps_shows_who_is_who),
	    CASE(temporary_files_in_directories),
	    CASE(a_dead_worker_is_replaced),
	    CASE(a_crash_loop_backs_off),
	    CASE(a_net_worker_that_comes_anew),
	    CASE(a_net_worker_that_has_died_with_a_job),
	    CASE(a_net_worker_that_has_died_before_its_kill),
	    CASE(retired_it_ends_with_its_last_job),
	    CASE(retired_it_replaces_nobody),
	    CASE(without_a_parent_all_end),
	    CASE(without_an_armoury_workers_go_on),
	    CASE(a_changed_database_is_told_once),
	    CASE(a_half_copied_database_is_waited_for),
	    CASE(a_database_that_cannot_be_loaded),
	    CASE(too_many_temporary_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
