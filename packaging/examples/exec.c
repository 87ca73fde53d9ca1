// SPDX-License-Identifier: MIT
/*
 * The input exec: runs a command on a schedule; each line that it prints is a record.
 *
 *     cc -O2 -shared -fPIC $(pkg-config --cflags weir) -o input-exec.so exec.c -lpthread
 *
 *     inputs:
 *       - exec: { command: [df, --output=pcent, /], interval: 1m }
 *
 * What a command prints cannot be read again, so its source is volatile: no position is kept. Its
 * standard error is the agent's. A run that takes longer than `timeout` is killed with all that it
 * has started; runs that come due meanwhile are left out.
 *
 * Threads: one of ours starts the commands and reads their output into a buffer, read() takes whole
 * lines from there. While the buffer is full the pipe is left alone, so the command waits. `wake` ends
 * the thread's poll().
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/plugin.h>

#define BUFFER_BYTES (64u << 10) /* and so the longest line; longer ones come in parts */
#define SECOND_NS INT64_C(1000000000)
#define MS_NS INT64_C(1000000)

extern char **environ;

struct exec_input {
	const struct weir_services *host;
	struct weir_context *context;
	char **command; /* ended by NULL; the texts are the options' */
	uint64_t interval_ns, timeout_ns;
	struct weir_source *source;
	int once;
	int running; /* the thread has been started */
	int wake;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below */
	int stopping;
	int ended;         /* with `once`: the command has run */
	int line_ended;    /* the run is over: what is in the buffer is whole */
	uint32_t filled;   /* bytes of the buffer */
	uint64_t position; /* of the buffer's first byte in all that was printed */
	char buffer[BUFFER_BYTES];
};

/* One run of the command. */
struct run {
	pid_t pid;
	int out;    /* reading end of its output; -1 when that has ended */
	int handle; /* pidfd: readable when it has ended */
	int exited, killed;
};

static void exec_destroy(void *instance)
{
	struct exec_input *input = instance;

	if (input->wake >= 0)
		close(input->wake);
	pthread_mutex_destroy(&input->lock);
	free(input->command);
	free(input);
}

static int32_t exec_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	const struct weir_node *command = weir_node_find(options, "command");
	struct exec_input *input = calloc(1, sizeof(*input));

	if (!input)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the input");
	input->host = host;
	input->context = context;
	input->interval_ns = (uint64_t)weir_node_int(options, "interval", 60 * SECOND_NS);
	input->timeout_ns = (uint64_t)weir_node_int(options, "timeout", 60 * SECOND_NS);
	input->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&input->lock, NULL);
	input->command = calloc(command->count + 1, sizeof(char *));
	if (!input->command || input->wake < 0) {
		exec_destroy(input);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the input");
	}
	/* posix_spawn() does not change them, its declaration is older than const. */
	for (uint32_t i = 0; i < command->count; i++)
		memcpy(&input->command[i], &command->items[i]->text.data, sizeof(char *));
	if (command->count == 0 || !input->command[0][0]) {
		exec_destroy(input);
		return weir_fail(error, WEIR_ERR_INVALID,
				 "command is empty; give it a program and its arguments");
	}
	*ret_instance = input;
	return WEIR_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Starts it in a process group of its own, with the signals as they are by default. */
static int spawn(char **command, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failed;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	failed = posix_spawnp(ret_pid, command[0], &files, &attributes, command, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return failed;
}

/* 0, or an errno. */
static int run_begin(const struct exec_input *input, struct run *run)
{
	int pipe_ends[2];
	int failed;

	memset(run, 0, sizeof(*run));
	if (pipe2(pipe_ends, O_CLOEXEC))
		return errno;
	failed = spawn(input->command, pipe_ends[1], &run->pid);
	close(pipe_ends[1]);
	if (failed) {
		close(pipe_ends[0]);
		return failed;
	}
	run->out = pipe_ends[0];
	fcntl(run->out, F_SETFL, O_NONBLOCK);
	run->handle = (int)syscall(SYS_pidfd_open, run->pid, 0);
	return 0;
}

static void run_kill(struct run *run)
{
	if (!run->exited)
		kill(-run->pid, SIGKILL);
	run->killed = 1;
}

static void run_end(const struct exec_input *input, struct run *run)
{
	siginfo_t how = {0};

	if (run->handle < 0) /* no pidfd: its output has ended, so it will soon */
		run_kill(run);
	while (waitid(P_PID, (id_t)run->pid, &how, WEXITED) < 0 && errno == EINTR)
		;
	if (run->killed || how.si_status == 0)
		; /* said already, or nothing to say */
	else if (how.si_code == CLD_EXITED)
		weir_logf(input->host, input->context, WEIR_LOG_WARNING, "exec_failed",
			  "%s ended with exit status %d", input->command[0], how.si_status);
	else
		weir_logf(input->host, input->context, WEIR_LOG_WARNING, "exec_failed",
			  "%s was ended by signal %d", input->command[0], how.si_status);
	if (run->out >= 0)
		close(run->out);
	if (run->handle >= 0)
		close(run->handle);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void wake(const struct exec_input *input)
{
	const uint64_t one = 1;

	(void)!write(input->wake, &one, sizeof(one));
}

/* Reads into what is free of the buffer. Returns whether there may be more at once. */
static int take_output(struct exec_input *input, struct run *run)
{
	ssize_t got;

	pthread_mutex_lock(&input->lock);
	got = read(run->out, input->buffer + input->filled, BUFFER_BYTES - input->filled);
	if (got > 0)
		input->filled += (uint32_t)got;
	pthread_mutex_unlock(&input->lock);
	if (got > 0) {
		input->host->source_ready(input->source);
		return 1;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(run->out);
		run->out = -1;
	}
	return 0;
}

struct condition {
	int stopping, room;
};

static struct condition condition(struct exec_input *input)
{
	struct condition now;

	pthread_mutex_lock(&input->lock);
	now.stopping = input->stopping;
	now.room = input->filled < BUFFER_BYTES;
	pthread_mutex_unlock(&input->lock);
	return now;
}

/* Waits for the run, the wake-up or the time, whichever is first. */
static void wait_for(const struct exec_input *input, const struct run *run, int room,
		     uint64_t until_ns)
{
	struct pollfd polled[] = {{input->wake, POLLIN, 0},
				  {run && room ? run->out : -1, POLLIN, 0},
				  {run && !run->exited ? run->handle : -1, POLLIN, 0}};
	int64_t left = (int64_t)(until_ns - input->host->monotonic_ns());
	uint64_t turns;

	left = left < 0 ? 0 : left / MS_NS + 1;
	poll(polled, 3, left > INT32_MAX ? INT32_MAX : (int)left);
	(void)!read(input->wake, &turns, sizeof(turns));
}

/* Follows one run to its end. What a child of the command still holds open is not waited for. */
static void follow(struct exec_input *input, struct run *run)
{
	const uint64_t deadline = input->host->monotonic_ns() + input->timeout_ns;

	for (;;) {
		struct condition now = condition(input);
		siginfo_t how = {0};

		if (now.stopping)
			run_kill(run);
		else if (!run->killed && input->host->monotonic_ns() >= deadline) {
			weir_logf(input->host, input->context, WEIR_LOG_WARNING, "exec_timeout",
				  "%s was killed after %lld s; raise timeout", input->command[0],
				  (long long)(input->timeout_ns / SECOND_NS));
			run_kill(run);
		}
		run->exited = run->exited || (waitid(P_PID, (id_t)run->pid, &how,
						     WEXITED | WNOHANG | WNOWAIT) == 0 &&
					      how.si_pid == run->pid);
		if (run->out >= 0 && now.room && take_output(input, run))
			continue;
		if (now.stopping || (run->exited && (run->out < 0 || now.room)) ||
		    (run->handle < 0 && run->out < 0))
			return;
		wait_for(input, run, now.room, run->killed ? UINT64_MAX / 2 : deadline);
	}
}

static void run_once(struct exec_input *input)
{
	struct run run;
	int failed = run_begin(input, &run);

	if (failed) {
		weir_logf(input->host, input->context, WEIR_LOG_ERROR, "exec_failed",
			  "cannot run %s: %s", input->command[0], strerror(failed));
	} else {
		follow(input, &run);
		run_end(input, &run);
	}
	pthread_mutex_lock(&input->lock);
	input->line_ended = 1;
	input->ended = input->once;
	/* Under the lock: once read() has seen the end, the source is the host's to free. */
	input->host->source_ready(input->source);
	pthread_mutex_unlock(&input->lock);
}

static void *exec_run(void *instance)
{
	struct exec_input *input = instance;
	uint64_t due = input->host->monotonic_ns();

	while (!condition(input).stopping) {
		uint64_t now = input->host->monotonic_ns();

		if (now < due) {
			wait_for(input, NULL, 0, due);
			continue;
		}
		run_once(input);
		if (input->once)
			break;
		now = input->host->monotonic_ns();
		due += input->interval_ns * ((now - due) / input->interval_ns + 1);
	}
	return NULL;
}

static int32_t exec_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct exec_input *input = instance;
	struct weir_source_spec spec = {
		sizeof(spec), WEIR_SOURCE_VOLATILE, {NULL, 0}, {NULL, 0}, input, 0};
	sigset_t all, before;
	int32_t failed;

	input->once = (flags & WEIR_START_ONCE) != 0;
	spec.name = weir_slice_of(input->command[0]);
	failed = input->host->source_open(input->context, &spec, &input->source, error);
	if (failed)
		return failed;
	/* Signals are the agent's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&input->thread, NULL, exec_run, input);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return weir_fail(error, WEIR_ERR_MEMORY, "cannot start a thread: %s",
				 strerror(failed));
	input->running = 1;
	return WEIR_OK;
}

static void exec_stop(void *instance)
{
	struct exec_input *input = instance;

	if (!input->running)
		return;
	pthread_mutex_lock(&input->lock);
	input->stopping = 1;
	pthread_mutex_unlock(&input->lock);
	wake(input);
	pthread_join(input->thread, NULL);
	input->running = 0;
}

/* ---- records --------------------------------------------------------------------------------- */

static void add_record(struct weir_batch *batch, uint16_t shape, struct weir_value line,
		       uint64_t position, uint32_t span)
{
	struct weir_record *record = weir_batch_record(batch);

	record->shape = shape;
	record->capacity = 1;
	record->line_block = line.block;
	record->line_offset = (uint32_t)line.as.offset;
	record->line_length = line.length;
	record->position = position;
	record->span = span;
	*weir_batch_row(batch, 1, &record->row) = line;
}

/* How much of the buffer is whole lines, or all where no more of a line will come. */
static uint32_t whole_lines(const struct exec_input *input)
{
	const char *end = memrchr(input->buffer, '\n', input->filled);

	if (input->line_ended || (!end && input->filled == BUFFER_BYTES))
		return input->filled;
	return end ? (uint32_t)(end - input->buffer) + 1 : 0;
}

/* Copies the first `size` bytes of the buffer into the batch and makes a record of each line. */
static int32_t take_lines(struct exec_input *input, struct weir_batch *batch, uint32_t size)
{
	const struct weir_slice message = weir_slice_of("message");
	uint32_t count = 1, from = 0;
	struct weir_value text;
	uint16_t shape;
	char *copy;

	for (uint32_t i = 0; i < size; i++)
		count += input->buffer[i] == '\n';
	if (input->host->batch_reserve(batch, count, count, size) != 0 ||
	    input->host->batch_shape(batch, &message, 1, &shape) != 0)
		return WEIR_ERR_MEMORY;
	copy = weir_batch_text(batch, size, &text);
	if (!copy)
		return WEIR_ERR_MEMORY;
	memcpy(copy, input->buffer, size);
	while (from < size) {
		const char *end = memchr(copy + from, '\n', size - from);
		uint32_t length = end ? (uint32_t)(end - copy) - from : size - from;
		struct weir_value line = text;

		line.as.offset += from;
		line.length = length;
		if (length)
			add_record(batch, shape, line, input->position + from,
				   length + (end != NULL));
		from += length + (end != NULL);
	}
	return WEIR_OK;
}

static int32_t exec_read(void *instance, void *source_user, struct weir_batch *batch,
			 struct weir_error *error)
{
	struct exec_input *input = instance;
	int32_t result = WEIR_READ_IDLE;
	uint32_t size;

	(void)source_user;
	pthread_mutex_lock(&input->lock);
	size = whole_lines(input);
	batch->range_start = batch->range_end = input->position;
	if (size && take_lines(input, batch, size) != 0) {
		result = weir_fail(error, WEIR_ERR_MEMORY, "no room for records");
	} else if (size) {
		input->filled -= size;
		memmove(input->buffer, input->buffer + size, input->filled);
		input->position += size;
		batch->range_end = input->position;
		result = WEIR_READ_MORE;
	} else if (input->ended) {
		result = WEIR_READ_END;
	}
	if (input->filled == 0)
		input->line_ended = 0;
	pthread_mutex_unlock(&input->lock);
	if (size)
		wake(input);
	return result;
}

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "command",
	 .doc = "Program and its arguments; for a shell's syntax [sh, -c, TEXT]"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "interval",
	 .default_text = "1m",
	 .doc = "From the start of a run to that of the next",
	 .min = 10 * MS_NS,
	 .max = 366 * 86400 * SECOND_NS},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "timeout",
	 .default_text = "1m",
	 .doc = "A run that takes longer is killed",
	 .min = 10 * MS_NS,
	 .max = 366 * 86400 * SECOND_NS},
	WEIR_OPTION_END,
};

static const struct weir_input_ops operations = {
	.struct_size = sizeof(operations),
	.create = exec_create,
	.start = exec_start,
	.stop = exec_stop,
	.destroy = exec_destroy,
	.read = exec_read,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_INPUT,
	.name = "exec",
	.version = "1.0",
	.summary = "Runs a command on a schedule and takes the lines that it prints",
	.options = options,
	.input = &operations,
	.short_option = "command",
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
