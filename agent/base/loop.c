// SPDX-License-Identifier: MIT
/*
 * One thread: posted calls first, then timers that are due, then descriptors, then sleep.
 *
 *   - `lock` guards the queue of posted calls, the heap of timers and `asleep`. Nothing is called
 *     with it held.
 *   - The eventfd is written only while the thread sleeps, and once per sleep: a burst of posts
 *     costs one system call.
 *   - The table of descriptors belongs to the loop's thread. Each watch has a generation, so that
 *     an event of a descriptor that was closed, and its number reused, meets nobody.
 *   - The state is all in the struct, never in a thread-local: modules carry a copy of this file.
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <weir/plugin.h>

#include "base/clock.h"

/* Events taken in one go; more wait for the next round. */
#define LOOP_EVENTS 64

struct loop_posted {
	loop_call *call;
	void *user;
};

struct loop_posts {
	struct loop_posted *items;
	size_t count, capacity;
};

struct loop_watch {
	loop_fd_call *call;
	void *user;
	uint32_t events; /* LOOP_READ | LOOP_WRITE; 0 = not watched */
	uint32_t generation;
};

struct loop {
	pthread_mutex_t lock;
	struct loop_posts posts;
	struct loop_timer **heap; /* heap[0] is due first; heap_index is the place + 1 */
	size_t heap_count, heap_capacity;
	int asleep;
	int stopping;

	struct loop_posts running;  /* of the loop's thread, swapped with posts */
	struct loop_watch *watches; /* by descriptor */
	size_t watch_count;
	int epoll_fd, event_fd;
	/* Written by the thread that starts and stops; relaxed, since who asks about another thread's
	 * stop is ordered with it by other means. */
	atomic_int started;
	pthread_t thread;
	/* pthread_self() of the loop's thread; relaxed is enough, since only that thread can find it
	 * equal to its own. */
	atomic_uintptr_t owner;
};

/* ---- heap of timers, under the lock ---- */

static void heap_place(struct loop *loop, size_t at, struct loop_timer *timer)
{
	loop->heap[at] = timer;
	timer->heap_index = (uint32_t)at + 1;
}

static void heap_up(struct loop *loop, size_t at, struct loop_timer *timer)
{
	while (at > 0 && loop->heap[(at - 1) / 2]->due_ns > timer->due_ns) {
		heap_place(loop, at, loop->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_place(loop, at, timer);
}

static void heap_down(struct loop *loop, size_t at, struct loop_timer *timer)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < loop->heap_count &&
		    loop->heap[child + 1]->due_ns < loop->heap[child]->due_ns)
			child++;
		if (child >= loop->heap_count || loop->heap[child]->due_ns >= timer->due_ns)
			break;
		heap_place(loop, at, loop->heap[child]);
		at = child;
	}
	heap_place(loop, at, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
	size_t at = timer->heap_index - 1;
	struct loop_timer *last = loop->heap[--loop->heap_count];

	timer->heap_index = 0;
	if (last == timer)
		return;
	if (at > 0 && loop->heap[(at - 1) / 2]->due_ns > last->due_ns)
		heap_up(loop, at, last);
	else
		heap_down(loop, at, last);
}

static int heap_grow(struct loop *loop)
{
	size_t capacity = loop->heap_capacity ? 2 * loop->heap_capacity : 16;
	struct loop_timer **heap;

	if (loop->heap_count < loop->heap_capacity)
		return 0;
	heap = realloc(loop->heap, capacity * sizeof(struct loop_timer *));
	if (!heap)
		return WEIR_ERR_MEMORY;
	loop->heap = heap;
	loop->heap_capacity = capacity;
	return 0;
}

/* ---- waking ---- */

/* Under the lock. True when the caller must write the eventfd after unlocking. */
static int take_wake(struct loop *loop)
{
	int wake = loop->asleep;

	loop->asleep = 0;
	return wake;
}

static void wake_up(struct loop *loop)
{
	uint64_t one = 1;

	while (write(loop->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

static void drain_event(void *user, int fd, uint32_t events)
{
	uint64_t count;

	(void)user;
	(void)events;
	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		continue;
}

/* ---- the thread ---- */

static void run_posts(struct loop *loop)
{
	struct loop_posts posts;

	pthread_mutex_lock(&loop->lock);
	posts = loop->posts;
	loop->posts = loop->running;
	loop->posts.count = 0;
	pthread_mutex_unlock(&loop->lock);
	for (size_t i = 0; i < posts.count; i++)
		posts.items[i].call(posts.items[i].user);
	posts.count = 0;
	loop->running = posts;
}

static void run_timers(struct loop *loop)
{
	uint64_t now = clock_monotonic_ns();

	for (;;) {
		struct loop_timer *timer = NULL;
		loop_call *call = NULL;
		void *user = NULL;

		pthread_mutex_lock(&loop->lock);
		if (loop->heap_count > 0 && loop->heap[0]->due_ns <= now) {
			timer = loop->heap[0];
			call = timer->call;
			user = timer->user;
			heap_remove(loop, timer);
		}
		pthread_mutex_unlock(&loop->lock);
		if (!timer)
			return;
		call(user);
	}
}

/* Milliseconds until the next timer, rounded up; -1 = for ever. Under the lock. */
static int sleep_ms(const struct loop *loop)
{
	uint64_t now, ms;

	if (loop->heap_count == 0)
		return -1;
	now = clock_monotonic_ns();
	if (loop->heap[0]->due_ns <= now)
		return 0;
	ms = (loop->heap[0]->due_ns - now + (uint64_t)NS_PER_MS - 1) / (uint64_t)NS_PER_MS;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* False when the thread is to end. */
static int prepare_sleep(struct loop *loop, int *ret_timeout_ms)
{
	int go_on = 1;

	pthread_mutex_lock(&loop->lock);
	if (loop->posts.count > 0) {
		*ret_timeout_ms = 0;
	} else if (loop->stopping) {
		go_on = 0;
	} else {
		*ret_timeout_ms = sleep_ms(loop);
		loop->asleep = *ret_timeout_ms != 0;
	}
	pthread_mutex_unlock(&loop->lock);
	return go_on;
}

static void run_event(struct loop *loop, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;
	struct loop_watch *watch = &loop->watches[fd];
	uint32_t events = 0;

	if (watch->generation != (uint32_t)(event->data.u64 >> 32))
		return;
	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP | EPOLLERR))
		events |= LOOP_READ;
	if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		events |= LOOP_WRITE;
	events &= watch->events;
	if (events)
		watch->call(watch->user, fd, events);
}

static void *loop_main(void *user)
{
	struct loop *loop = user;
	struct epoll_event events[LOOP_EVENTS];
	int timeout_ms = -1;

	pthread_setname_np(pthread_self(), "weir-loop");
	atomic_store_explicit(&loop->owner, (uintptr_t)pthread_self(), memory_order_relaxed);
	for (;;) {
		int count;

		run_posts(loop);
		run_timers(loop);
		if (!prepare_sleep(loop, &timeout_ms))
			break;
		count = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS, timeout_ms);
		pthread_mutex_lock(&loop->lock);
		loop->asleep = 0;
		pthread_mutex_unlock(&loop->lock);
		for (int i = 0; i < count; i++)
			run_event(loop, &events[i]);
	}
	atomic_store_explicit(&loop->owner, 0, memory_order_relaxed);
	return NULL;
}

/* ---- public ---- */

int loop_create(struct loop **ret_loop, struct weir_error *error)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int code;

	if (!loop)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the event loop");
	pthread_mutex_init(&loop->lock, NULL);
	loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->event_fd < 0 || loop->epoll_fd < 0) {
		code = weir_fail(error, WEIR_ERR_IO, "cannot create the event loop: %s",
				 strerror(errno));
		goto out;
	}
	code = loop_fd(loop, loop->event_fd, LOOP_READ, drain_event, NULL);
	if (code) {
		weir_fail(error, code, "cannot watch the event loop's own descriptor");
		goto out;
	}
	*ret_loop = loop;
	return 0;
out:
	loop_destroy(loop);
	return code;
}

int loop_start(struct loop *loop, struct weir_error *error)
{
	sigset_t all, before;
	int failed;

	if (loop->started)
		return 0;
	loop->stopping = 0;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&loop->thread, NULL, loop_main, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return weir_fail(error, WEIR_ERR_IO, "cannot start the event loop's thread: %s",
				 strerror(failed));
	loop->started = 1;
	return 0;
}

void loop_stop(struct loop *loop)
{
	int wake;

	if (!loop->started)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->stopping = 1;
	wake = take_wake(loop);
	pthread_mutex_unlock(&loop->lock);
	if (wake)
		wake_up(loop);
	pthread_join(loop->thread, NULL);
	loop->started = 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	loop_stop(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->event_fd >= 0)
		close(loop->event_fd);
	for (size_t i = 0; i < loop->heap_count; i++)
		loop->heap[i]->heap_index = 0;
	pthread_mutex_destroy(&loop->lock);
	free(loop->heap);
	free(loop->posts.items);
	free(loop->running.items);
	free(loop->watches);
	free(loop);
}

int loop_is_current(const struct loop *loop)
{
	return atomic_load_explicit(&loop->owner, memory_order_relaxed) ==
	       (uintptr_t)pthread_self();
}

int loop_is_running(const struct loop *loop)
{
	return atomic_load_explicit(&loop->started, memory_order_relaxed);
}

struct loop_awaited {
	loop_call *call;
	void *user;
	pthread_mutex_t lock; /* guards done */
	pthread_cond_t changed;
	int done;
};

static void run_awaited(void *user)
{
	struct loop_awaited *awaited = user;

	awaited->call(awaited->user);
	pthread_mutex_lock(&awaited->lock);
	awaited->done = 1;
	pthread_cond_signal(&awaited->changed);
	pthread_mutex_unlock(&awaited->lock);
}

int loop_run(struct loop *loop, loop_call *call, void *user)
{
	struct loop_awaited awaited = {.call = call, .user = user};
	int code;

	if (!loop_is_running(loop) || loop_is_current(loop)) {
		call(user);
		return 0;
	}
	pthread_mutex_init(&awaited.lock, NULL);
	pthread_cond_init(&awaited.changed, NULL);
	code = loop_post(loop, run_awaited, &awaited);
	pthread_mutex_lock(&awaited.lock);
	while (code == 0 && !awaited.done)
		pthread_cond_wait(&awaited.changed, &awaited.lock);
	pthread_mutex_unlock(&awaited.lock);
	pthread_cond_destroy(&awaited.changed);
	pthread_mutex_destroy(&awaited.lock);
	return code;
}

int loop_post(struct loop *loop, loop_call *call, void *user)
{
	int wake = 0, code = 0;

	pthread_mutex_lock(&loop->lock);
	if (loop->posts.count == loop->posts.capacity) {
		size_t capacity = loop->posts.capacity ? 2 * loop->posts.capacity : 64;
		struct loop_posted *items = realloc(loop->posts.items, capacity * sizeof(*items));

		if (!items) {
			code = WEIR_ERR_MEMORY;
			goto out;
		}
		loop->posts.items = items;
		loop->posts.capacity = capacity;
	}
	loop->posts.items[loop->posts.count++] = (struct loop_posted){call, user};
	wake = take_wake(loop);
out:
	pthread_mutex_unlock(&loop->lock);
	if (wake)
		wake_up(loop);
	return code;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t due_ns = delay_ns > UINT64_MAX - now ? UINT64_MAX : now + delay_ns;
	int wake = 0, code = 0;

	pthread_mutex_lock(&loop->lock);
	if (timer->heap_index) {
		heap_remove(loop, timer);
	} else {
		code = heap_grow(loop);
		if (code)
			goto out;
	}
	timer->due_ns = due_ns;
	heap_up(loop, loop->heap_count++, timer);
	if (timer->heap_index == 1)
		wake = take_wake(loop);
out:
	pthread_mutex_unlock(&loop->lock);
	if (wake)
		wake_up(loop);
	return code;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	pthread_mutex_lock(&loop->lock);
	if (timer->heap_index)
		heap_remove(loop, timer);
	pthread_mutex_unlock(&loop->lock);
}

static int watch_grow(struct loop *loop, int fd)
{
	size_t count = loop->watch_count ? loop->watch_count : 64;
	struct loop_watch *watches;

	if ((size_t)fd < loop->watch_count)
		return 0;
	while (count <= (size_t)fd)
		count *= 2;
	watches = realloc(loop->watches, count * sizeof(*watches));
	if (!watches)
		return WEIR_ERR_MEMORY;
	memset(watches + loop->watch_count, 0, (count - loop->watch_count) * sizeof(*watches));
	loop->watches = watches;
	loop->watch_count = count;
	return 0;
}

int loop_fd(struct loop *loop, int fd, uint32_t events, loop_fd_call *call, void *user)
{
	struct epoll_event event = {0};
	struct loop_watch *watch;

	if (fd < 0)
		return WEIR_ERR_INVALID;
	if (watch_grow(loop, fd))
		return WEIR_ERR_MEMORY;
	watch = &loop->watches[fd];
	if (!events) {
		/* It may be closed already: then the kernel has forgotten it, and so do we. */
		if (watch->events)
			epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		watch->events = 0;
		watch->generation++;
		return 0;
	}
	if (!watch->events)
		watch->generation++;
	event.events = (events & LOOP_READ ? EPOLLIN | EPOLLRDHUP : 0u) |
		       (events & LOOP_WRITE ? EPOLLOUT : 0u);
	event.data.u64 = (uint64_t)watch->generation << 32 | (uint32_t)fd;
	/* Watched, but closed and its number reused: the kernel knows nothing of it. */
	if ((!watch->events || epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0) &&
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return WEIR_ERR_IO;
	*watch = (struct loop_watch){call, user, events, watch->generation};
	return 0;
}
