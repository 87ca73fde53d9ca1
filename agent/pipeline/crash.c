// SPDX-License-Identifier: MIT
/*
 * The handler of a signal may use nothing that takes a lock or memory: it formats numbers itself, and
 * what it needs is made before. A second fault, in the handler, ends the process at once.
 *
 * The state is global because a signal handler has no other way to it.
 */
#include "pipeline/crash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "pipeline/call.h"
#include "pipeline/pipeline.h"

#define REPORTS_KEPT 10 /* older ones are removed at the next start */
#define FRAMES_MAX 32
#define MAPS_BYTES (256 << 10) /* of /proc/self/maps: some thousand mappings */
#define TEXT_BYTES 1024
#define STACK_BYTES (64 << 10)
#define EXIT_STATUS 1

static struct {
	char folder[PATH_MAX];
	pid_t owner;
	int probe[2]; /* a pipe: writing memory to it tells whether it can be read */
	char maps[MAPS_BYTES];
	pthread_key_t stack; /* of a thread, for the handler; key of its memory */
	int has_stacks;
} crash;

/* ---- text without memory --------------------------------------------------------------------- */

struct text {
	char data[TEXT_BYTES];
	size_t size;
};

static void put(struct text *text, const char *word)
{
	for (; word && *word && text->size < sizeof(text->data) - 1; word++)
		text->data[text->size++] = *word;
	text->data[text->size] = '\0';
}

static void put_number(struct text *text, uint64_t number, unsigned base)
{
	char digits[32];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	put(text, digits + at);
}

static void write_text(int fd, const struct text *text)
{
	if (fd >= 0 && write(fd, text->data, text->size) < 0)
		return; /* there is nobody left to tell */
}

/* ---- the stack ------------------------------------------------------------------------------- */

static void read_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got;

	while (fd >= 0 && size < sizeof(crash.maps) - 1 &&
	       (got = read(fd, crash.maps + size, sizeof(crash.maps) - 1 - size)) > 0)
		size += (size_t)got;
	crash.maps[size] = '\0';
	if (fd >= 0)
		close(fd);
}

static uint64_t read_hex(const char **at)
{
	uint64_t number = 0;

	for (;; ++*at) {
		char c = **at;

		if (c >= '0' && c <= '9')
			number = number * 16 + (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			number = number * 16 + (uint64_t)(c - 'a') + 10;
		else
			return number;
	}
}

/* FILE+OFFSET of an address, by a line "START-END RIGHTS OFFSET DEVICE INODE FILE" of the maps. */
static void put_place(struct text *text, uint64_t address)
{
	for (const char *line = crash.maps; *line;) {
		const char *at = line, *end = strchr(line, '\n');
		uint64_t first = read_hex(&at), last;

		at += *at == '-';
		last = read_hex(&at);
		if (address >= first && address < last && strlen(at) > 6) {
			const char *offset = at + 6;
			uint64_t within = read_hex(&offset) + (address - first);
			const char *file = strchr(offset, '/');

			if (file && (!end || file < end))
				while (*file && *file != '\n' && text->size < TEXT_BYTES - 32)
					text->data[text->size++] = *file++;
			put(text, "+0x");
			put_number(text, within, 16);
			return;
		}
		line = end ? end + 1 : line + strlen(line);
	}
	put(text, "0x");
	put_number(text, address, 16);
}

/* Two words at an address; 0 when they can't be read. */
static int peek(uint64_t address, uint64_t ret_words[2])
{
	const void *from = (const void *)(uintptr_t)address;

	return address && address % sizeof(uintptr_t) == 0 &&
	       write(crash.probe[1], from, 2 * sizeof(uint64_t)) == 2 * sizeof(uint64_t) &&
	       read(crash.probe[0], ret_words, 2 * sizeof(uint64_t)) == 2 * sizeof(uint64_t);
}

static void start_of(const ucontext_t *context, uint64_t *ret_address, uint64_t *ret_frame)
{
#if defined(__x86_64__)
	*ret_address = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
	*ret_frame = (uint64_t)context->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
	*ret_address = context->uc_mcontext.pc;
	*ret_frame = context->uc_mcontext.regs[29];
#else
	(void)context;
	*ret_address = *ret_frame = 0;
#endif
}

/* Follows the frame pointers, which all code of ours keeps, as far as they lead. */
static void write_stack(int fd, const ucontext_t *context)
{
	uint64_t address, frame, words[2];

	start_of(context, &address, &frame);
	read_maps();
	for (unsigned i = 0; address && i < FRAMES_MAX; i++) {
		struct text line = {.size = 0};

		put(&line, "  ");
		put_place(&line, address);
		put(&line, "\n");
		write_text(fd, &line);
		if (!peek(frame, words) || words[0] <= frame)
			return;
		frame = words[0];
		address = words[1];
	}
}

/* ---- the report ------------------------------------------------------------------------------ */

static const char *signal_word(int number)
{
	return number == SIGSEGV   ? "SIGSEGV"
	       : number == SIGBUS  ? "SIGBUS"
	       : number == SIGFPE  ? "SIGFPE"
	       : number == SIGILL  ? "SIGILL"
	       : number == SIGABRT ? "SIGABRT"
				   : "exit()";
}

static const char *kind_word(uint32_t kind)
{
	return kind == WEIR_INPUT ? "input" : kind == WEIR_FILTER ? "filter" : "output";
}

static void put_culprit(struct text *text, const struct weir_context *stage)
{
	if (!stage) {
		put(text, "outside of the calls of plugins");
		return;
	}
	put(text, "in the plugin ");
	put(text, stage->plugin->name);
	put(text, " (");
	put(text, kind_word(stage->plugin->kind));
	put(text, " ");
	put(text, stage->config->name);
	put(text, " of the pipeline ");
	put(text, stage->pipeline->config->name);
	put(text, ")");
}

static int open_report(struct text *ret_path)
{
	struct timespec now = {0, 0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)mkdir(crash.folder, 0700);
	put(ret_path, crash.folder);
	put(ret_path, "/");
	put_number(ret_path, (uint64_t)now.tv_sec, 10);
	put(ret_path, "-");
	put_number(ret_path, (uint64_t)crash.owner, 10);
	put(ret_path, ".txt");
	return open(ret_path->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void report(int number, const siginfo_t *info, const ucontext_t *context)
{
	struct text path = {.size = 0}, said = {.size = 0};
	int fd = open_report(&path);

	put(&said, "weir " WEIR_VERSION ": ");
	put(&said, signal_word(number));
	if (info && number != SIGABRT) {
		put(&said, " at the address 0x");
		put_number(&said, (uint64_t)(uintptr_t)info->si_addr, 16);
	}
	put(&said, " ");
	put_culprit(&said, call_current());
	put(&said, "\n");
	write_text(fd, &said);
	if (context)
		write_stack(fd, context);
	if (fd >= 0)
		close(fd);
	said.size--; /* the line goes on */
	put(&said, fd >= 0 ? "; the report is " : "; no report could be written to ");
	put(&said, path.data);
	put(&said, "\n");
	write_text(STDERR_FILENO, &said);
}

/* SA_RESETHAND: on return the fault happens again, and ends the process as it should. */
static void handle(int number, siginfo_t *info, void *context)
{
	if (getpid() == crash.owner)
		report(number, info, context);
	if (info->si_code <= 0) /* sent by somebody: it does not happen again by itself */
		(void)raise(number);
}

static void handle_exit(void)
{
	if (!crash.owner || getpid() != crash.owner)
		return;
	report(0, NULL, NULL);
	_exit(EXIT_STATUS);
}

/* ---- around it ------------------------------------------------------------------------------- */

static int is_report(const struct dirent *entry)
{
	return strstr(entry->d_name, ".txt") != NULL;
}

/* Keeps the latest: the names begin with the time. */
static void remove_old_reports(void)
{
	struct dirent **names;
	int count = scandir(crash.folder, &names, is_report, alphasort);

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX + NAME_MAX + 2];

		snprintf(path, sizeof(path), "%s/%s", crash.folder, names[i]->d_name);
		if (i < count - REPORTS_KEPT)
			(void)unlink(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

/* A sanitizer's own handler says more. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LEAVE_SIGNALS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LEAVE_SIGNALS 1
#endif
#endif
#ifndef LEAVE_SIGNALS
#define LEAVE_SIGNALS 0
#endif

/* At the end of its thread. */
static void free_stack(void *memory)
{
	const stack_t none = {.ss_flags = SS_DISABLE};

	(void)sigaltstack(&none, NULL);
	(void)munmap(memory, STACK_BYTES);
}

void crash_thread(void)
{
	stack_t stack = {.ss_size = STACK_BYTES};

	if (!crash.has_stacks || pthread_getspecific(crash.stack))
		return;
	/* No page of it is there before it is used. */
	stack.ss_sp =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return;
	if (sigaltstack(&stack, NULL))
		(void)munmap(stack.ss_sp, STACK_BYTES);
	else
		(void)pthread_setspecific(crash.stack, stack.ss_sp); /* or it stays */
}

void crash_watch(const char *state_dir)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction action = {.sa_sigaction = handle,
				   .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK};

	snprintf(crash.folder, sizeof(crash.folder), "%s/crashes", state_dir);
	remove_old_reports();
	if (pipe2(crash.probe, O_CLOEXEC | O_NONBLOCK))
		return;
	crash.has_stacks = !LEAVE_SIGNALS && !pthread_key_create(&crash.stack, free_stack);
	crash_thread();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; !LEAVE_SIGNALS && i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
	crash.owner = getpid();
	(void)atexit(handle_exit);
}

void crash_unwatch(void)
{
	crash.owner = 0;
}
