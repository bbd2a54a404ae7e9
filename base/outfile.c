/* SPDX-License-Identifier: MIT */
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/progress.h"

#define FLUSH_BYTES (UINT64_C(8) << 20)
#define TEMP_NAME ".holdfast-XXXXXX"

static const struct outfile closed = { .fd = -1 };

static bool is_stdout(const struct outfile *of)
{
	return of->fd == STDOUT_FILENO;
}

static const char *name_of(const struct outfile *of)
{
	return is_stdout(of) ? "standard output" : of->path;
}

/* Length of the folder in @path, with its slash; 0: the current one. */
static int folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) + 1 : 0;
}

static bool exists(const char *path, struct err *err)
{
	return err_set(err, ERR_IO,
		       "%s exists: use --force to replace it", path);
}

/* What a failed write means to the person who waits for the file. */
static bool write_failed(struct outfile *of, struct err *err)
{
	const char *name = name_of(of);

	of->failed = true;
	switch (errno) {
	case ENOSPC:
		return err_set(err, ERR_IO, "%s: disk full: free some space "
			       "or write to another disk", name);
	case EDQUOT:
		return err_set(err, ERR_IO, "%s: disk quota exceeded: free "
			       "some space or write to another disk", name);
	case EFBIG:
		return err_set(err, ERR_IO, "%s: file too large for the disk "
			       "or for `ulimit -f`", name);
	case EPIPE:
		return err_set(err, ERR_IO,
			       "%s: the reader closed the pipe", name);
	default:
		return err_errno(err, "%s: cannot write", name);
	}
}

static bool refuse_terminal(const struct outfile *of, struct err *err)
{
	if (!isatty(of->fd))
		return true;
	return err_set(err, ERR_UNSUPPORTED, "%s is a terminal and the output "
		       "is binary: redirect it or name a file", name_of(of));
}

/* Devices and pipes: to rename over /dev/null would be a disaster. */
static bool open_stream(struct outfile *of, struct err *err)
{
	of->fd = open(of->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (of->fd < 0)
		return err_errno(err, "cannot write %s", of->path);
	return refuse_terminal(of, err);
}

/* The name of a link stays: what it points at is replaced. */
static bool follow_link(struct outfile *of, struct err *err)
{
	char *target = realpath(of->path, NULL);

	if (!target)
		return err_errno(err, "cannot create %s", of->path);
	free(of->path);
	of->path = target;
	return true;
}

static bool open_temp(struct outfile *of, struct err *err)
{
	char *temp;

	if (asprintf(&temp, "%.*s%s", folder_length(of->path), of->path,
		     TEMP_NAME) < 0)
		return err_nomem(err, "a file name");
	of->fd = mkostemp(temp, O_CLOEXEC);	/* O_EXCL, mode 0600 */
	if (of->fd < 0) {
		err_errno(err, "cannot create %s", of->path);
		free(temp);
		return false;
	}
	of->temp = temp;
	return true;
}

static bool open_path(struct outfile *of, struct err *err)
{
	struct stat st;

	if (of->path[0] == '\0' || of->path[strlen(of->path) - 1] == '/')
		return err_set(err, ERR_IO,
			       "cannot create '%s': a file name is missing",
			       of->path);
	if (stat(of->path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return err_set(err, ERR_IO, "%s is a folder: name a "
				       "file in it", of->path);
		if (!S_ISREG(st.st_mode))
			return open_stream(of, err);
	}
	if (lstat(of->path, &st) == 0) {
		/* Said now, not after minutes of work. */
		if (!of->force)
			return exists(of->path, err);
		if (S_ISLNK(st.st_mode) && !follow_link(of, err))
			return false;
	}
	return open_temp(of, err);
}

bool outfile_open(const char *path, bool force, struct outfile *ret,
		  struct err *err)
{
	struct outfile of = { .fd = -1, .force = force };
	bool ok;

	*ret = closed;
	of.path = strdup(path);
	if (!of.path)
		return err_nomem(err, "a file name");
	if (strcmp(path, "-") == 0) {
		of.fd = STDOUT_FILENO;
		ok = refuse_terminal(&of, err);
	} else {
		ok = open_path(&of, err);
	}
	if (ok)
		*ret = of;
	else
		outfile_abort(&of);
	return ok;
}

bool outfile_replace(const char *path, struct outfile *ret, struct err *err)
{
	struct outfile of = { .fd = -1, .force = true };

	*ret = closed;
	of.path = strdup(path);
	if (!of.path)
		return err_nomem(err, "a file name");
	if (!open_temp(&of, err)) {
		outfile_abort(&of);
		return false;
	}
	*ret = of;
	return true;
}

bool outfile_keep_mode(struct outfile *of, struct err *err)
{
	struct stat old, new;

	if (!of->temp || stat(of->path, &old) != 0)
		return true;
	if (fstat(of->fd, &new) != 0)
		return err_errno(err, "cannot write %s", of->path);
	if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
	    fchown(of->fd, old.st_uid, old.st_gid) != 0)
		return true;
	if (fchmod(of->fd, old.st_mode & 0777) != 0)
		return err_errno(err, "cannot set the mode of %s", of->path);
	return true;
}

/*
 * Start the last stretch on its way to the disk and drop from the cache what
 * has arrived there. Nothing is waited for: the frozen copy of a process may
 * be kept in memory until we are done.
 */
static bool flush(struct outfile *of, struct err *err)
{
	uint64_t n = of->size - of->flushed;

	if (!of->temp || n < FLUSH_BYTES)
		return true;
	/* A disk error told here may not be told again by fsync(). */
	if (sync_file_range(of->fd, (off_t)of->flushed, (off_t)n,
			    SYNC_FILE_RANGE_WRITE) != 0 &&
	    (errno == EIO || errno == ENOSPC || errno == EDQUOT))
		return write_failed(of, err);
	if (!of->keep_pages)
		posix_fadvise(of->fd, 0, (off_t)of->flushed,
			      POSIX_FADV_DONTNEED);
	of->flushed = of->size;
	return true;
}

bool outfile_write(struct outfile *of, const void *buf, size_t n,
		   struct err *err)
{
	const char *from = buf;
	ssize_t done;

	if (of->failed)
		return err_set(err, ERR_IO, "%s: an earlier write failed",
			       name_of(of));
	while (n > 0) {
		/* Linux takes at most 2 GiB at once and says how much it took. */
		done = write(of->fd, from, n);
		if (done < 0 && errno == EINTR && !progress_cancelled())
			continue;
		if (done < 0 && errno == EINTR) {
			of->failed = true;
			return err_set(err, ERR_CANCELLED,
				       "stopped on request");
		}
		if (done < 0)
			return write_failed(of, err);
		from += done;
		n -= (size_t)done;
		of->size += (size_t)done;
		if (!flush(of, err))
			return false;
	}
	return true;
}

/*
 * Some file systems know neither RENAME_NOREPLACE (NFS, FUSE) nor hard links.
 * On the last of them the name is claimed by an empty file first: a crash at
 * that moment leaves it empty, but nobody's file is ever overwritten.
 */
static bool rename_new(const char *temp, const char *path)
{
	int fd;

	if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	if (linkat(AT_FDCWD, temp, AT_FDCWD, path, 0) == 0) {
		unlink(temp);
		return true;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	close(fd);
	if (rename(temp, path) == 0)
		return true;
	unlink(path);
	return false;
}

/* So that the new name survives a power cut. Not every folder can do it. */
static void sync_folder(const char *path)
{
	int n = folder_length(path), fd;
	char *folder = n > 0 ? strndup(path, (size_t)n) : strdup(".");

	if (!folder)
		return;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
}

static bool commit_temp(struct outfile *of, struct err *err)
{
	int fd = of->fd;
	bool placed;

	if (fsync(fd) != 0)
		return write_failed(of, err);
	if (!of->keep_pages)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	of->fd = -1;
	if (close(fd) != 0)
		return write_failed(of, err);
	if (of->force)
		placed = rename(of->temp, of->path) == 0;
	else
		placed = rename_new(of->temp, of->path);
	if (!placed && errno == EEXIST)
		return exists(of->path, err);
	if (!placed)
		return err_errno(err, "cannot create %s", of->path);
	free(of->temp);
	of->temp = NULL;
	sync_folder(of->path);
	return true;
}

bool outfile_commit(struct outfile *of, struct err *err)
{
	bool ok = false;

	if (of->failed)
		err_set(err, ERR_IO, "%s: an earlier write failed",
			name_of(of));
	else
		ok = !of->temp || commit_temp(of, err);
	outfile_abort(of);
	return ok;
}

void outfile_abort(struct outfile *of)
{
	if (of->fd >= 0 && !is_stdout(of))
		close(of->fd);
	if (of->temp)
		unlink(of->temp);
	free(of->temp);
	free(of->path);
	*of = closed;
}

int outfile_unnamed(const char *folder)
{
	char path[4096];
	int fd;

	if (!folder)
		folder = getenv("TMPDIR");
	if (!folder || !*folder)
		folder = "/var/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || snprintf(path, sizeof(path), "%s/.holdfast-XXXXXX",
				folder) >= (int)sizeof(path))
		return fd;
	/* Not every file system knows O_TMPFILE. */
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}
