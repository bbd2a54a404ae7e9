/* SPDX-License-Identifier: MIT */
#include "tests/aid_cmocka.h"
#include "tests/aid_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/outfile.h"
#include "base/progress.h"

/* Each test runs in an empty folder of its own, which is the current one. */
static char folder[64];
static int home;

static int enter_folder(void **state)
{
	(void)state;
	home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	strcpy(folder, "/tmp/test_outfile.XXXXXX");
	return home < 0 || !mkdtemp(folder) || chdir(folder);
}

static int leave_folder(void **state)
{
	DIR *dir = opendir(folder);

	(void)state;
	for (struct dirent *e; dir && (e = readdir(dir));)
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	if (fchdir(home) != 0)
		return 1;
	close(home);
	return rmdir(folder);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_holds(const char *path, const char *text)
{
	char buf[100] = {0};
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	(void)!fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	assert_string_equal(buf, text);
}

static bool write_file(const char *path, bool force, const char *text,
		       struct err *err)
{
	struct outfile of;

	return outfile_open(path, force, &of, err) &&
	       outfile_write(&of, text, strlen(text), err) &&
	       outfile_commit(&of, err);
}

static void a_file_appears_when_it_is_whole(void **state)
{
	struct outfile of;
	struct err err = {0};
	struct stat st;

	(void)state;
	umask(0);
	assert_true(outfile_open("a", false, &of, &err));
	assert_true(outfile_write(&of, "hel", 3, &err));
	assert_int_equal(access("a", F_OK), -1);
	assert_true(outfile_write(&of, "lo", 2, &err));
	assert_int_equal(of.size, 5);
	assert_true(outfile_commit(&of, &err));
	assert_int_equal(of.fd, -1);
	outfile_abort(&of);
	assert_holds("a", "hello");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_files(folder), 1);
}

static void an_aborted_file_leaves_nothing(void **state)
{
	struct outfile of;
	struct err err = {0};

	(void)state;
	assert_true(outfile_open("a", false, &of, &err));
	assert_true(outfile_write(&of, "hello", 5, &err));
	assert_int_equal(count_files(folder), 1);
	outfile_abort(&of);
	assert_int_equal(count_files(folder), 0);
	outfile_abort(&of);
}

static void a_file_that_exists_is_refused_before_any_work(void **state)
{
	struct outfile of;
	struct err err = {0};

	(void)state;
	put("a", "old");
	assert_false(outfile_open("a", false, &of, &err));
	assert_string_equal(err.message,
			    "a exists: use --force to replace it");
	assert_int_equal(of.fd, -1);
	assert_holds("a", "old");
	assert_int_equal(count_files(folder), 1);
}

static void a_file_that_appeared_meanwhile_is_not_overwritten(void **state)
{
	struct outfile of;
	struct err err = {0};

	(void)state;
	assert_true(outfile_open("a", false, &of, &err));
	assert_true(outfile_write(&of, "new", 3, &err));
	put("a", "somebody else's");
	assert_false(outfile_commit(&of, &err));
	assert_non_null(strstr(err.message, "--force"));
	assert_holds("a", "somebody else's");
	assert_int_equal(count_files(folder), 1);
}

static void force_replaces_a_file_at_the_end(void **state)
{
	struct outfile of;
	struct err err = {0};

	(void)state;
	put("a", "old");
	assert_true(outfile_open("a", true, &of, &err));
	assert_true(outfile_write(&of, "new", 3, &err));
	assert_holds("a", "old");
	assert_true(outfile_commit(&of, &err));
	assert_holds("a", "new");
	assert_int_equal(count_files(folder), 1);
	assert_true(write_file("b", true, "fresh", &err));
	assert_holds("b", "fresh");
}

static void force_keeps_a_link_and_replaces_its_target(void **state)
{
	struct err err = {0};
	struct stat st;

	(void)state;
	put("target", "old");
	assert_int_equal(symlink("target", "link"), 0);
	assert_false(write_file("link", false, "new", &err));
	assert_holds("target", "old");
	err_clear(&err);
	assert_true(write_file("link", true, "new", &err));
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_holds("target", "new");
	assert_int_equal(count_files(folder), 2);
}

static void a_broken_link_is_never_written_through(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_false(write_file("link", false, "new", &err));
	err_clear(&err);
	assert_false(write_file("link", true, "new", &err));
	assert_int_equal(access("nowhere", F_OK), -1);
	assert_int_equal(count_files(folder), 1);
}

static void what_cannot_be_a_file_is_refused(void **state)
{
	static const char *const paths[] = { "", "/tmp", "x/", "no/such/a" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct outfile of;
		struct err err = {0};

		assert_false(outfile_open(paths[i], true, &of, &err));
		assert_int_equal(err.code, ERR_IO);
		assert_int_equal(of.fd, -1);
	}
	assert_int_equal(count_files(folder), 0);
}

static void a_name_of_full_length_works(void **state)
{
	char name[256];
	struct err err = {0};

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	assert_true(write_file(name, false, "x", &err));
	assert_holds(name, "x");
}

/*
 * Replaced by a rename, /dev/null would be gone for everybody. A FIFO of our
 * own takes its place here: no failure of this test may do such harm.
 */
static void a_device_is_written_and_not_replaced(void **state)
{
	struct err err = {0};
	char buf[10] = {0};
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	fd = open("fifo", O_RDWR);
	assert_true(fd >= 0);
	for (int force = 0; force < 2; force++) {
		assert_true(write_file("fifo", force, "x", &err));
		assert_int_equal(lstat("fifo", &st), 0);
		assert_true(S_ISFIFO(st.st_mode));
		assert_int_equal(read(fd, buf, sizeof(buf)), 1);
	}
	close(fd);
	assert_int_equal(count_files(folder), 1);
}

static void a_full_disk_is_said_and_cannot_be_committed(void **state)
{
	struct outfile of;
	struct err err = {0};

	(void)state;
	assert_true(outfile_open("/dev/full", false, &of, &err));
	assert_false(outfile_write(&of, "x", 1, &err));
	assert_string_equal(err.message, "/dev/full: disk full: free some "
			    "space or write to another disk");
	err_clear(&err);
	assert_false(outfile_write(&of, "x", 1, &err));
	err_clear(&err);
	assert_false(outfile_commit(&of, &err));
	assert_int_equal(err.code, ERR_IO);
}

/* A write that is cut short by the limit: what came before is not enough. */
static void a_file_that_grows_too_large_is_not_left_behind(void **state)
{
	struct rlimit old, tiny;
	struct outfile of;
	struct err err = {0};
	char text[1000] = {0};
	bool wrote;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	tiny = old;
	tiny.rlim_cur = 700;
	signal(SIGXFSZ, SIG_IGN);
	assert_true(outfile_open("a", false, &of, &err));
	setrlimit(RLIMIT_FSIZE, &tiny);
	wrote = outfile_write(&of, text, sizeof(text), &err);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_false(wrote);
	assert_int_equal(of.size, 700);
	assert_non_null(strstr(err.message, "ulimit -f"));
	assert_false(outfile_commit(&of, &err));
	assert_int_equal(count_files(folder), 0);
}

/* Make renameat2() fail with EINVAL, and linkat() with EPERM if asked to. */
static bool lose_system_calls(bool linkat_too)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 linkat_too ? SYS_linkat : UINT32_MAX, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]), .filter = filter,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Exit status: bit 0 the new file failed, bit 1 the old one was replaced. */
static int write_on_a_poor_file_system(bool linkat_too)
{
	struct err err = {0};
	struct outfile of;
	int status = 0;

	if (!lose_system_calls(linkat_too))
		return 77;
	if (renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE) == 0 ||
	    errno != EINVAL)
		return 78;
	status |= !write_file("new", false, "hello", &err);
	if (!outfile_open("taken", false, &of, &err) ||
	    !outfile_write(&of, "hello", 5, &err))
		return 79;
	put("taken", "mine");
	status |= outfile_commit(&of, &err) ? 2 : 0;
	return status;
}

static void poor_file_systems_keep_the_promise(void **state)
{
	(void)state;
	for (int linkat_too = 0; linkat_too < 2; linkat_too++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(write_on_a_poor_file_system(linkat_too));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_holds("new", "hello");
		assert_holds("taken", "mine");
		assert_int_equal(count_files(folder), 2);
		unlink("new");
		unlink("taken");
	}
}

/* In a child whose standard output is @fd. Returns its exit status. */
static int with_stdout(int fd, int (*body)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		dup2(fd, STDOUT_FILENO);
		close(fd);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int hello_to_dash(void)
{
	struct err err = {0};

	if (!write_file("-", false, "hello", &err))
		return 1;
	/* Still open: it is not ours to close. */
	return write(STDOUT_FILENO, "!", 1) != 1;
}

static void a_dash_is_standard_output(void **state)
{
	char buf[10] = {0};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(with_stdout(fds[1], hello_to_dash), 0);
	close(fds[1]);
	assert_int_equal(read(fds[0], buf, sizeof(buf)), 6);
	assert_string_equal(buf, "hello!");
	close(fds[0]);
	assert_int_equal(count_files(folder), 0);
}

static int dash_is_refused(void)
{
	struct err err = {0};
	struct outfile of;

	if (outfile_open("-", true, &of, &err) || of.fd != -1)
		return 1;
	return !strstr(err.message, "standard output is a terminal");
}

static void a_terminal_is_refused(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct err err = {0};

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(with_stdout(slave, dash_is_refused), 0);
	assert_false(write_file(ptsname(master), false, "x", &err));
	assert_non_null(strstr(err.message, "is a terminal"));
	close(slave);
	close(master);
}

static int reader_is_gone(void)
{
	struct err err = {0};

	if (write_file("-", false, "hello", &err))
		return 1;
	return !strstr(err.message, "the reader closed the pipe");
}

static void a_reader_that_left_is_said(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(with_stdout(fds[1], reader_is_gone), 0);
	close(fds[1]);
}

static void on_alarm(int sig)
{
	(void)sig;
	progress_cancel();
}

/* Nobody reads, so the write waits until the timer asks to stop. */
static int write_until_cancelled(void)
{
	static char much[1 << 20];
	struct sigaction action = { .sa_handler = on_alarm };
	struct err err = {0};
	struct outfile of;

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 20000);
	if (!outfile_open("-", false, &of, &err) ||
	    outfile_write(&of, much, sizeof(much), &err))
		return 1;
	return err.code != ERR_CANCELLED;
}

static void waiting_for_a_slow_reader_can_be_cancelled(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(with_stdout(fds[1], write_until_cancelled), 0);
	close(fds[0]);
	close(fds[1]);
}

static void a_large_file_is_whole(void **state)
{
	const size_t n = 3 << 20;
	uint64_t seed = rng_seed(), state_of_seed = seed;
	uint64_t *block = malloc(n), *back = malloc(n);
	struct outfile of;
	struct err err = {0};
	int fd;

	(void)state;
	assert_true(block && back);
	assert_true(outfile_open("a", false, &of, &err));
	for (int i = 0; i < 11; i++) {
		for (size_t k = 0; k < n / 8; k++)
			block[k] = rng_next(&seed);
		assert_true(outfile_write(&of, block, n, &err));
	}
	assert_true(of.flushed > 0);
	assert_true(outfile_commit(&of, &err));
	fd = open("a", O_RDONLY);
	for (int i = 0; i < 11; i++) {
		assert_int_equal(read(fd, back, n), n);
		for (size_t k = 0; k < n / 8; k++)
			block[k] = rng_next(&state_of_seed);
		assert_memory_equal(block, back, n);
	}
	assert_int_equal(read(fd, back, 1), 0);
	close(fd);
	free(block);
	free(back);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_file_appears_when_it_is_whole),
		IN_FOLDER(an_aborted_file_leaves_nothing),
		IN_FOLDER(a_file_that_exists_is_refused_before_any_work),
		IN_FOLDER(a_file_that_appeared_meanwhile_is_not_overwritten),
		IN_FOLDER(force_replaces_a_file_at_the_end),
		IN_FOLDER(force_keeps_a_link_and_replaces_its_target),
		IN_FOLDER(a_broken_link_is_never_written_through),
		IN_FOLDER(what_cannot_be_a_file_is_refused),
		IN_FOLDER(a_name_of_full_length_works),
		IN_FOLDER(a_device_is_written_and_not_replaced),
		IN_FOLDER(a_full_disk_is_said_and_cannot_be_committed),
		IN_FOLDER(a_file_that_grows_too_large_is_not_left_behind),
		IN_FOLDER(poor_file_systems_keep_the_promise),
		IN_FOLDER(a_dash_is_standard_output),
		IN_FOLDER(a_terminal_is_refused),
		IN_FOLDER(a_reader_that_left_is_said),
		IN_FOLDER(waiting_for_a_slow_reader_can_be_cancelled),
		IN_FOLDER(a_large_file_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
