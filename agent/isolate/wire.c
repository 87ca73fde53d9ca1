// SPDX-License-Identifier: MIT
#include "isolate/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/plugin.h>

int wire_send(int socket, const struct message *message, const void *payload, int fd, int flags)
{
	struct iovec parts[2] = {{(void *)(uintptr_t)message, sizeof(*message)},
				 {(void *)(uintptr_t)payload, message->size}};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct msghdr whole = {.msg_iov = parts, .msg_iovlen = message->size ? 2 : 1};

	if (fd >= 0) {
		whole.msg_control = control.room;
		whole.msg_controllen = sizeof(control.room);
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	while (sendmsg(socket, &whole, flags | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

static void take_fd(struct msghdr *whole, int *ret_fd)
{
	const struct cmsghdr *control = ret_fd ? CMSG_FIRSTHDR(whole) : NULL;

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
	    control->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(control), sizeof(*ret_fd));
}

int wire_receive(int socket, struct message *ret_message, void *payload, int *ret_fd, int flags)
{
	struct iovec parts[2] = {{ret_message, sizeof(*ret_message)}, {payload, PAYLOAD_MAX}};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr whole = {.msg_iov = parts,
			       .msg_iovlen = 2,
			       .msg_control = ret_fd ? control.room : NULL,
			       /* Not CMSG_SPACE(): its padding has room for a second one. */
			       .msg_controllen = ret_fd ? CMSG_LEN(sizeof(int)) : 0};
	ssize_t size;

	if (ret_fd)
		*ret_fd = -1;
	do {
		size = recvmsg(socket, &whole, flags | MSG_CMSG_CLOEXEC);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return errno == ECONNRESET ? 0 : -1;
	take_fd(&whole, ret_fd);
	if ((size_t)size >= sizeof(*ret_message) && !(whole.msg_flags & MSG_TRUNC) &&
	    ret_message->size == (size_t)size - sizeof(*ret_message))
		return 1;
	if (ret_fd && *ret_fd >= 0) {
		close(*ret_fd);
		*ret_fd = -1;
	}
	errno = EBADMSG;
	return size ? -1 : 0;
}

int shared_create(struct shared *shared, uint64_t size, struct weir_error *error)
{
	int fd = memfd_create("weir-isolated", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "no memory to share with a process: %s",
				 strerror(errno));
	if (ftruncate(fd, (off_t)size) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
	    shared_map(shared, fd, size, 1) == 0)
		return 0;
	close(fd);
	return weir_fail(error, WEIR_ERR_IO, "no memory to share with a process: %s",
			 strerror(errno));
}

int shared_map(struct shared *shared, int take_fd, uint64_t size, int writable)
{
	void *data =
		mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, take_fd, 0);

	if (data == MAP_FAILED)
		return WEIR_ERR_MEMORY;
	*shared = (struct shared){{data, size, 0}, take_fd};
	return 0;
}

void shared_done(struct shared *shared)
{
	if (!shared->area.data)
		return;
	(void)munmap(shared->area.data, shared->area.size);
	close(shared->fd);
	shared->area.data = NULL;
}

void shared_trim(const struct shared *shared, uint64_t keep)
{
	if (keep < shared->area.size)
		(void)fallocate(shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)keep,
				(off_t)(shared->area.size - keep));
}
