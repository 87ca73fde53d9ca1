// SPDX-License-Identifier: MIT
/*
 * What the tests of the HTTP service share: the loop, the module, a sink as a child process, and an
 * owner that notes what it is told. One test at a time.
 */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "await.h"
#include "base/clock.h"
#include "http/http.h"

#define REQUESTS_MAX 512
#define LOG_MAX 65536

struct answered {
	uint32_t status, advice, may_have_landed;
	char error[512], body[512];
};

static struct fixture {
	struct loop *loop;
	void *library;
	const struct http_module *module;
	struct http *http;
	struct metrics *metrics;
	pid_t sink;
	int port;
	char folder[64];

	pthread_mutex_t lock; /* guards all below */
	uint32_t tries, finished, stalls;
	int stalled;
	struct answered first, last;
	char log[LOG_MAX];
} fx = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the owner ---- */

static void note(struct answered *to, const struct weir_http_response *response)
{
	to->status = response->status;
	to->advice = response->advice;
	to->may_have_landed = response->may_have_landed;
	snprintf(to->error, sizeof(to->error), "%.*s", (int)response->error.size,
		 response->error.data ? response->error.data : "");
	snprintf(to->body, sizeof(to->body), "%.*s",
		 (int)(response->body.size < 500 ? response->body.size : 500),
		 response->body.data ? response->body.data : "");
}

static uint32_t owner_done(void *user, struct weir_http_request *request,
			   const struct weir_http_response *response)
{
	uint32_t answer = response->advice == WEIR_HTTP_TRANSIENT ? WEIR_HTTP_TRY_AGAIN
			  : response->advice == WEIR_HTTP_HOLD    ? WEIR_HTTP_TRY_SLOWLY
								  : WEIR_HTTP_FINISHED;

	(void)user;
	(void)request;
	pthread_mutex_lock(&fx.lock);
	if (fx.tries++ == 0)
		note(&fx.first, response);
	note(&fx.last, response);
	fx.finished += answer == WEIR_HTTP_FINISHED;
	pthread_mutex_unlock(&fx.lock);
	return answer;
}

static void owner_log(void *user, uint32_t level, const char *code, const char *text)
{
	size_t used;

	(void)user;
	pthread_mutex_lock(&fx.lock);
	used = strlen(fx.log);
	snprintf(fx.log + used, LOG_MAX - used, "%u %s %s\n", level, code, text);
	pthread_mutex_unlock(&fx.lock);
}

static void owner_stalled(void *user, const char *why)
{
	(void)user;
	pthread_mutex_lock(&fx.lock);
	fx.stalled = *why != '\0';
	fx.stalls += *why != '\0';
	pthread_mutex_unlock(&fx.lock);
}

static inline struct http_owner owner(void)
{
	return (struct http_owner){.done = owner_done, .log = owner_log, .stalled = owner_stalled};
}

static inline uint32_t read_count(const uint32_t *count)
{
	uint32_t value;

	pthread_mutex_lock(&fx.lock);
	value = *count;
	pthread_mutex_unlock(&fx.lock);
	return value;
}

static inline void await_count(const uint32_t *count, uint32_t wanted)
{
	AWAIT(read_count(count) >= wanted);
}

/* ---- servers ---- */

static inline void stop_child(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGTERM);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

/* Starts the sink beside this program, on fx.port (0 = any), and waits until it listens. */
static inline void start_sink(const char *flag, const char *value)
{
	char path[4096], port[16], line[64] = "";
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 16);
	int out[2];

	assert_true(size > 0);
	path[size] = '\0';
	strcpy(strrchr(path, '/') + 1, "sink");
	snprintf(port, sizeof(port), "%d", fx.port);
	assert_int_equal(pipe(out), 0);
	fx.sink = fork();
	if (fx.sink == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		execl(path, "sink", "--port", port, flag, value, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	assert_true(read(out[0], line, sizeof(line) - 1) > 0);
	close(out[0]);
	assert_int_equal(sscanf(line, "listening on %d", &fx.port), 1);
}

/* One plain request; the whole answer. */
static inline const char *ask(int port, const char *method, const char *target)
{
	static char answer[16384];
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t have = 0;
	ssize_t got;

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(dprintf(fd, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method,
			    target) > 0);
	shutdown(fd, SHUT_WR);
	while ((got = read(fd, answer + have, sizeof(answer) - 1 - have)) > 0)
		have += (size_t)got;
	answer[have] = '\0';
	close(fd);
	return answer;
}

/* A number of the sink's totals, by `"key":`. */
static inline uint64_t sink_total(const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(ask(fx.port, "GET", "/stats"), quoted);
	return at ? strtoull(at + strlen(quoted), NULL, 10) : 0;
}

/* A port that nobody else is given while this program runs: its socket stays bound and does not listen,
 * which leaves it to servers that say SO_REUSEADDR. */
static inline int unused_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	getsockname(fd, (struct sockaddr *)&address, &size);
	return ntohs(address.sin_port);
}

/* ---- requests ---- */

struct sent {
	struct weir_http_request request;
	struct weir_slice slices[8];
	char url[512];
};

static inline void sent_fill(struct sent *sent, const char *url, const char *body)
{
	memset(sent, 0, sizeof(*sent));
	snprintf(sent->url, sizeof(sent->url), "%s", url);
	sent->slices[0] = weir_slice_of(body);
	sent->request = (struct weir_http_request){.struct_size = sizeof(sent->request),
						   .url = weir_slice_of(sent->url),
						   .body = sent->slices,
						   .body_count = 1,
						   .body_size = sent->slices[0].size,
						   .record_count = 1};
}

static inline const char *sink_url(const char *target)
{
	static char url[512];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", fx.port, target);
	return url;
}

static inline struct weir_http_client_options fast_retries(void)
{
	return (struct weir_http_client_options){
		.struct_size = sizeof(struct weir_http_client_options),
		.backoff_min_ns = 10 * (uint64_t)NS_PER_MS,
		.backoff_max_ns = 100 * (uint64_t)NS_PER_MS,
	};
}

static inline struct weir_http_client *client_with(const struct weir_http_client_options *options)
{
	struct weir_http_client *client = NULL;
	struct weir_error error = {0};
	struct http_owner told = owner();

	if (fx.module->client(fx.http, &told, options, &client, &error))
		fail_msg("%s", error.text);
	return client;
}

static inline struct weir_http_client *client_of_test(void)
{
	struct weir_http_client_options options = fast_retries();

	return client_with(&options);
}

/* ---- set-up ---- */

static inline int fixture_setup(void **state)
{
	struct weir_error error = {0};

	(void)state;
	fx.tries = fx.finished = fx.stalls = 0;
	fx.stalled = 0;
	fx.log[0] = '\0';
	memset(&fx.first, 0, sizeof(fx.first));
	fx.port = 0;
	strcpy(fx.folder, "/tmp/weir-http-XXXXXX");
	assert_non_null(mkdtemp(fx.folder));
	fx.library = dlopen(WEIR_MODULE_DIR "/http.so", RTLD_NOW | RTLD_LOCAL);
	if (!fx.library)
		fail_msg("%s", dlerror());
	fx.module = dlsym(fx.library, "http_module");
	assert_non_null(fx.module);
	assert_int_equal(loop_create(&fx.loop, &error), 0);
	assert_int_equal(fx.module->open(fx.loop, &fx.http, &error), 0);
	assert_int_equal(loop_start(fx.loop, &error), 0);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	char command[128];

	(void)state;
	fx.module->close(fx.http);
	loop_destroy(fx.loop);
	stop_child(&fx.sink);
	snprintf(command, sizeof(command), "rm -rf %s", fx.folder);
	return system(command);
}

static inline int fixture_setup_sink(void **state)
{
	fixture_setup(state);
	start_sink(NULL, NULL);
	return 0;
}

#endif
