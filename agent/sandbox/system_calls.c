// SPDX-License-Identifier: MIT
/*
 * The filter is a list of numbers; what is not in it is allowed. A call of the list is put to sleep by
 * the kernel until a thread of ours has been told of it, has said so in the log, and has answered
 * EPERM. That holds for the programs that the agent starts as well, for which a signal would be the
 * end. Kernels and containers in which nobody can listen refuse silently.
 *
 * A call by the numbers of another architecture is refused as well: it would pass by the list. And so is
 * clone() with a new namespace, which does what unshare() does; clone3() has its flags in memory, where a
 * filter can't see them, and is said not to exist: the C libraries then take clone().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sandbox/parts.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define OTHER_NUMBERS 0x40000000u /* x32 */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
#endif

/* LeakSanitizer traces its own process; ThreadSanitizer bears no thread beside the forks of a start. */
#if defined(__SANITIZE_ADDRESS__)
#define TRACES 1
#elif defined(__SANITIZE_THREAD__)
#define SILENT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRACES 1
#elif __has_feature(thread_sanitizer)
#define SILENT 1
#endif
#endif
#ifndef TRACES
#define TRACES 0
#endif
#ifndef SILENT
#define SILENT 0
#endif

#define NAME_TEXT 64 /* of a process, with its NUL: 16 in the kernel */
#define STACK_BYTES (128 << 10)

#ifdef ARCHITECTURE

struct system_calls {
	int listener; /* -1: denied silently */
	int stop;     /* eventfd */
	pthread_t thread;
	int running;
	_Atomic uint64_t denied;
};

#define CALL(name)                \
	{                         \
		SYS_##name, #name \
	}

/* Debugging others, loading code into the kernel, mounting, leaving namespaces, setting the clock. */
static const struct denied_call {
	uint32_t number;
	const char *name;
} denied_calls[] = {
#if !TRACES
	CALL(ptrace),
#endif
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(pidfd_getfd),
	CALL(perf_event_open),
	CALL(bpf),
	CALL(userfaultfd),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(kexec_load),
	CALL(reboot),
	CALL(swapon),
	CALL(swapoff),
	CALL(acct),
	CALL(quotactl),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(mount),
	CALL(umount2),
	CALL(move_mount),
	CALL(mount_setattr),
	CALL(open_tree),
	CALL(fsopen),
	CALL(fsmount),
	CALL(fsconfig),
	CALL(fspick),
	CALL(pivot_root),
	CALL(unshare),
	CALL(setns),
	CALL(open_by_handle_at),
	CALL(vhangup),
#ifdef SYS_kexec_file_load
	CALL(kexec_file_load),
#endif
#ifdef SYS_iopl
	CALL(iopl),
	CALL(ioperm),
#endif
};

#define DENIED_COUNT (sizeof(denied_calls) / sizeof(denied_calls[0]))

/* ---- the filter ------------------------------------------------------------------------------ */

#define NEW_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Of the lower half of clone()'s flags, where BPF loads words of 32 bits. */
#if defined(__s390x__) /* the stack comes first */
#define CLONE_FLAGS (offsetof(struct seccomp_data, args[1]) + 4)
#else
#define CLONE_FLAGS offsetof(struct seccomp_data, args[0])
#endif

/* The instructions: the head, one for each call of the list, those for clone(), and the three ends. */
#ifdef OTHER_NUMBERS
#define HEAD 4
#else
#define HEAD 3
#endif
#define ALLOW (HEAD + DENIED_COUNT + 4)
#define DENY (ALLOW + 1)
#define ABSENT (ALLOW + 2)
#define FILTER_SIZE (ALLOW + 3)
_Static_assert(FILTER_SIZE < UINT8_MAX, "a jump spans at most 255 instructions");

struct program {
	struct sock_filter filter[FILTER_SIZE];
	size_t size;
};

static void load(struct program *program, size_t offset)
{
	program->filter[program->size++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

/* To the instruction `yes` or `no`; 0 = the next. */
static void jump(struct program *program, uint16_t test, uint32_t value, size_t yes, size_t no)
{
	size_t next = program->size + 1;

	program->filter[program->size++] = (struct sock_filter)BPF_JUMP(
		(uint16_t)(BPF_JMP | test | BPF_K), value, (uint8_t)(yes ? yes - next : 0),
		(uint8_t)(no ? no - next : 0));
}

static void end(struct program *program, uint32_t result)
{
	program->filter[program->size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result);
}

static void make_filter(struct program *program, uint32_t deny)
{
	program->size = 0;
	load(program, offsetof(struct seccomp_data, arch));
	jump(program, BPF_JEQ, ARCHITECTURE, 0, DENY);
	load(program, offsetof(struct seccomp_data, nr));
#ifdef OTHER_NUMBERS
	jump(program, BPF_JGE, OTHER_NUMBERS, DENY, 0);
#endif
	for (size_t i = 0; i < DENIED_COUNT; i++)
		jump(program, BPF_JEQ, denied_calls[i].number, DENY, 0);
	jump(program, BPF_JEQ, SYS_clone3, ABSENT, 0);
	jump(program, BPF_JEQ, SYS_clone, 0, ALLOW);
	load(program, CLONE_FLAGS);
	jump(program, BPF_JSET, NEW_NAMESPACES, DENY, ALLOW);
	end(program, SECCOMP_RET_ALLOW);
	end(program, deny);
	end(program, SECCOMP_RET_ERRNO | ENOSYS);
}

/* A descriptor that hears of denied calls with `flags` for a listener, 0 without, -1 on failure. */
static int install(uint32_t deny, unsigned flags)
{
	struct program program;
	struct sock_fprog given = {FILTER_SIZE, program.filter};

	make_filter(&program, deny);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &given);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static const char *name_of(const struct seccomp_data *data)
{
	if (data->arch != ARCHITECTURE)
		return "of another architecture";
	for (size_t i = 0; i < DENIED_COUNT; i++)
		if (denied_calls[i].number == (uint32_t)data->nr)
			return denied_calls[i].name;
	return data->nr == SYS_clone ? "clone" : "of another architecture";
}

static void read_comm(uint32_t pid, char ret_name[NAME_TEXT])
{
	char path[NAME_TEXT];
	ssize_t size = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = read(fd, ret_name, NAME_TEXT - 1);
		close(fd);
	}
	ret_name[size > 0 ? size : 0] = '\0';
	ret_name[strcspn(ret_name, "\n")] = '\0';
}

static void answer(struct system_calls *calls)
{
	struct seccomp_notif told;
	struct seccomp_notif_resp response;
	char name[NAME_TEXT];

	memset(&told, 0, sizeof(told));
	memset(&response, 0, sizeof(response));
	if (ioctl(calls->listener, SECCOMP_IOCTL_NOTIF_RECV, &told))
		return; /* the caller is gone already */
	read_comm(told.pid, name);
	atomic_fetch_add(&calls->denied, 1);
	response.id = told.id;
	response.error = -EPERM;
	/* The caller may hold the log's lock: it goes on before the line is written. */
	(void)ioctl(calls->listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	log_line(WEIR_LOG_WARNING, "sandbox", "denied_call",
		 "the system call %s of %s (process %u) was denied; where it is needed: "
		 "\"sandbox: off\" in weir.yaml",
		 name_of(&told.data), name, told.pid);
}

static void *listen_for_calls(void *user)
{
	struct system_calls *calls = user;
	struct pollfd polled[] = {{calls->listener, POLLIN, 0}, {calls->stop, POLLIN, 0}};

	for (;;) {
		if (poll(polled, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		if (polled[1].revents || polled[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return NULL;
		if (polled[0].revents)
			answer(calls);
	}
}

static int start_thread(struct system_calls *calls)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&calls->thread, &attributes, listen_for_calls, calls);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	calls->running = !failed;
	return failed ? -1 : 0;
}

const char *system_calls_filter(struct system_calls **ret_calls)
{
	struct system_calls *calls = calloc(1, sizeof(*calls));

	if (!calls)
		return "there was no memory for it";
	calls->listener = -1;
	calls->stop = eventfd(0, EFD_CLOEXEC);
	if (!SILENT && calls->stop >= 0)
		calls->listener = install(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (calls->listener >= 0 && start_thread(calls) == 0) {
		*ret_calls = calls;
		return NULL;
	}
	/* Without the thread a denied call would sleep for ever: refusing comes before asking. */
	if (install(SECCOMP_RET_ERRNO | EPERM, 0) == 0) {
		*ret_calls = calls;
		return NULL;
	}
	system_calls_stop(calls);
	return "the kernel does not have it, or forbids it here";
}

void system_calls_stop(struct system_calls *calls)
{
	const uint64_t one = 1;

	if (!calls)
		return;
	if (calls->running && write(calls->stop, &one, sizeof(one)) == sizeof(one))
		(void)pthread_join(calls->thread, NULL);
	if (calls->listener >= 0)
		close(calls->listener);
	if (calls->stop >= 0)
		close(calls->stop);
	free(calls);
}

uint64_t system_calls_denied(const struct system_calls *calls)
{
	return atomic_load(&calls->denied);
}

#else

struct system_calls {
	int none;
};

const char *system_calls_filter(struct system_calls **ret_calls)
{
	*ret_calls = NULL;
	return "Weir has no filter for this architecture";
}

void system_calls_stop(struct system_calls *calls)
{
	(void)calls;
}

uint64_t system_calls_denied(const struct system_calls *calls)
{
	(void)calls;
	return 0;
}

#endif
