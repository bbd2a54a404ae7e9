/* SPDX-License-Identifier: MIT */
#include "dump/guardian_wire.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

/* Room for the descriptors of one packet. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(REPLY_FDS * sizeof(int))];
};

bool wire_send_order(int socket, const struct guardian_order *order)
{
	return send(socket, order, sizeof(*order), MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(*order);
}

bool wire_send_reply(int socket, const struct guardian_reply *reply,
		     const int fds[REPLY_FDS])
{
	struct guardian_reply copy = *reply;
	struct iovec iov = { &copy, sizeof(copy) };
	union control control = {0};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int sent[REPLY_FDS], n = 0;

	copy.n_fds = 0;
	for (int i = 0; i < REPLY_FDS; i++) {
		copy.has_fd[i] = fds[i] >= 0;
		if (fds[i] >= 0)
			sent[n++] = fds[i];
	}
	copy.n_fds = (uint32_t)n;
	if (n > 0) {
		size_t size = (size_t)n * sizeof(int);

		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.head), sent, size);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(copy);
}

bool wire_get_order(int socket, struct guardian_order *ret)
{
	ssize_t n;

	do {
		n = recv(socket, ret, sizeof(*ret), 0);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret);
}

static void give_fds(const struct msghdr *msg,
		     const struct guardian_reply *reply, int fds[REPLY_FDS])
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(msg);
	size_t at = 0;

	if (!head || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(reply->n_fds * sizeof(int)))
		return;
	for (int i = 0; i < REPLY_FDS; i++) {
		if (!reply->has_fd[i])
			continue;
		memcpy(&fds[i], CMSG_DATA(head) + at, sizeof(int));
		at += sizeof(int);
	}
}

bool wire_get_reply(int socket, struct guardian_reply *ret, int fds[REPLY_FDS])
{
	struct iovec iov = { ret, sizeof(*ret) };
	union control control = {0};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	for (int i = 0; i < REPLY_FDS; i++)
		fds[i] = -1;
	do {
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*ret))
		return false;
	give_fds(&msg, ret, fds);
	return true;
}

/* The memory file: numbers of threads and of diagnostics; each thread as it
 * is in memory, with its name and sets behind it; each diagnostic likewise. */
struct out {
	VEC(uint8_t) bytes;
	bool oom;
};

static void put(struct out *out, const void *from, size_t n)
{
	if (out->oom || n == 0)
		return;
	if (!vec_reserve(&out->bytes, out->bytes.len + n)) {
		out->oom = true;
		return;
	}
	memcpy(out->bytes.at + out->bytes.len, from, n);
	out->bytes.len += n;
}

static void put_u64(struct out *out, uint64_t value)
{
	put(out, &value, sizeof(value));
}

static void put_thread(struct out *out, const struct thread *t)
{
	size_t length = strlen(t->name);

	put(out, t, sizeof(*t));
	put_u64(out, length);
	put(out, t->name, length);
	put(out, t->fpregs, t->fpregs_size);
	put(out, t->xstate, t->xstate_size);
	put(out, t->siginfo, t->siginfo_size);
}

static void put_diag(struct out *out, const struct diag_entry *entry)
{
	size_t length = strlen(entry->what);

	put_u64(out, entry->count);
	put_u64(out, entry->first);
	put_u64(out, length);
	put(out, entry->what, length);
}

static int memory_file(const struct out *out)
{
	int fd = memfd_create("state", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < out->bytes.len) {
		ssize_t n = write(fd, out->bytes.at + done,
				  out->bytes.len - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

int wire_put_state(const struct image *image)
{
	struct out out = {0};
	int fd;

	put_u64(&out, image->threads.len);
	put_u64(&out, image->diag.len);
	for (size_t i = 0; i < image->threads.len; i++)
		put_thread(&out, &image->threads.at[i]);
	for (size_t i = 0; i < image->diag.len; i++)
		put_diag(&out, &image->diag.at[i]);
	fd = out.oom ? -1 : memory_file(&out);
	vec_free(&out.bytes);
	return fd;
}

/** Copy @n bytes to the arena; NULL at the end or without memory. */
static const char *take(struct bytes *in, uint64_t n, struct image *image)
{
	const uint8_t *at = bytes_take(in, n);

	return at ? arena_text(&image->arena, (const char *)at, (size_t)n) :
		    NULL;
}

static bool take_set(struct bytes *in, size_t n, const uint8_t **ret,
		     struct image *image)
{
	*ret = n ? (const uint8_t *)take(in, n, image) : NULL;
	return n == 0 || *ret;
}

static bool take_thread(struct bytes *in, struct image *image)
{
	const uint8_t *at = bytes_take(in, sizeof(struct thread));
	struct thread t;

	if (!at)
		return false;
	memcpy(&t, at, sizeof(t));
	t.name = take(in, bytes_u64(in), image);
	return t.name && take_set(in, t.fpregs_size, &t.fpregs, image) &&
	       take_set(in, t.xstate_size, &t.xstate, image) &&
	       take_set(in, t.siginfo_size, &t.siginfo, image) &&
	       vec_push(&image->threads, t);
}

static bool take_diag(struct bytes *in, struct image *image)
{
	uint64_t count = bytes_u64(in), first = bytes_u64(in);
	uint64_t length = bytes_u64(in);
	const uint8_t *at = bytes_take(in, length);

	if (at)
		diag_add_at(&image->diag, first, count, "%.*s", (int)length,
			    (const char *)at);
	return at;
}

static bool take_all(struct bytes *in, struct image *image)
{
	uint64_t n_threads = bytes_u64(in), n_diag = bytes_u64(in);
	bool ok = true;

	for (uint64_t i = 0; ok && i < n_threads; i++)
		ok = take_thread(in, image);
	for (uint64_t i = 0; ok && i < n_diag; i++)
		ok = take_diag(in, image);
	return ok;
}

bool wire_take_state(int fd, struct image *image, struct err *err)
{
	void *map = MAP_FAILED;
	struct bytes in;
	struct stat st;
	bool ok = false;

	if (fstat(fd, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
			   fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return err_nomem(err, "registers");
	in = bytes_of(map, (size_t)st.st_size);
	ok = take_all(&in, image) || err_nomem(err, "registers");
	munmap(map, (size_t)st.st_size);
	return ok;
}
