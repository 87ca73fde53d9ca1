// SPDX-License-Identifier: MIT
#include "file_gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "file_path.h"

#define GZIP_STEP 65536
#define GZIP_MODE "wb6"

/* A path whose finished files are to be looked at. */
struct gzip_job {
	struct gzip_job *next;
	char path[];
};

struct file_gzip {
	const struct weir_services *host;
	struct weir_context *context;
	struct file_rotation *rotation;
	pthread_t thread;
	pthread_mutex_t lock; /* of jobs */
	pthread_cond_t wake;
	struct gzip_job *jobs;
	atomic_int stopping; /* also read without the lock, between two steps of a file */
};

/* Copies all of `from`, compressed, to `to`; 0 or an errno. ECANCELED on stop. */
static int gzip_copy(struct file_gzip *gzip, int from, int to)
{
	unsigned char step[GZIP_STEP];
	int own = dup(to);
	gzFile out = own < 0 ? NULL : gzdopen(own, GZIP_MODE);
	ssize_t got = 0;
	int failed = 0;

	if (!out) {
		if (own >= 0)
			close(own);
		return ENOMEM;
	}
	while (!failed && (got = read(from, step, sizeof(step))) > 0) {
		if (gzwrite(out, step, (unsigned int)got) != (int)got)
			failed = errno ? errno : EIO;
		if (atomic_load(&gzip->stopping))
			failed = ECANCELED;
	}
	if (got < 0 && !failed)
		failed = errno;
	if (gzclose_w(out) != Z_OK && !failed)
		failed = errno ? errno : EIO;
	if (!failed && fsync(to) < 0)
		failed = errno;
	return failed;
}

/* The number that an open file has by now; 0 = it was deleted meanwhile. */
static uint32_t number_of(const struct file_rotation *rotation, const char *path, int fd)
{
	char name[FILE_PATH_SIZE];
	struct stat wanted, info;

	if (fstat(fd, &wanted) < 0)
		return 0;
	for (uint32_t number = 1; number <= rotation->keep; number++)
		if (file_path_numbered(path, number, "", name, sizeof(name)) == 0 &&
		    stat(name, &info) == 0 && info.st_ino == wanted.st_ino &&
		    info.st_dev == wanted.st_dev)
			return number;
	return 0;
}

/* Puts the compressed file in the plain one's place. */
static int gzip_replace(struct file_rotation *rotation, const char *path, const char *part,
			int plain_fd)
{
	char plain[FILE_PATH_SIZE], compressed[FILE_PATH_SIZE];
	uint32_t number;
	int failed = 0;

	pthread_mutex_lock(&rotation->lock);
	number = number_of(rotation, path, plain_fd);
	if (number == 0) {
		unlink(part);
	} else if (file_path_numbered(path, number, "", plain, sizeof(plain)) ||
		   file_path_numbered(path, number, ".gz", compressed, sizeof(compressed))) {
		failed = ENAMETOOLONG;
	} else if (rename(part, compressed) < 0) {
		failed = errno;
	} else {
		failed = file_path_sync_dir(path);
		if (!failed && unlink(plain) < 0)
			failed = errno;
	}
	pthread_mutex_unlock(&rotation->lock);
	return failed;
}

static int gzip_file(struct file_gzip *gzip, const char *path, int plain_fd)
{
	char part[FILE_PATH_SIZE];
	struct stat info;
	int failed = file_path_numbered(path, 0, ".gz.part", part, sizeof(part));
	int to = -1;

	if (!failed && fstat(plain_fd, &info) < 0)
		failed = errno;
	if (!failed) {
		to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, info.st_mode & 0777);
		failed = to < 0 ? errno : 0;
	}
	if (!failed)
		failed = gzip_copy(gzip, plain_fd, to);
	if (!failed)
		failed = gzip_replace(gzip->rotation, path, part, plain_fd);
	if (failed && to >= 0)
		unlink(part);
	if (to >= 0)
		close(to);
	return failed;
}

/* Opens the oldest finished file that is still plain; -1 when there is none. */
static int plain_open(struct file_rotation *rotation, const char *path)
{
	char name[FILE_PATH_SIZE];
	int fd = -1;

	pthread_mutex_lock(&rotation->lock);
	for (uint32_t number = rotation->keep; number >= 1 && fd < 0; number--)
		if (file_path_numbered(path, number, "", name, sizeof(name)) == 0)
			fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	pthread_mutex_unlock(&rotation->lock);
	return fd;
}

static void gzip_path(struct file_gzip *gzip, const char *path)
{
	int failed = 0;
	int fd;

	while (!failed && !atomic_load(&gzip->stopping) &&
	       (fd = plain_open(gzip->rotation, path)) >= 0) {
		failed = gzip_file(gzip, path, fd);
		close(fd);
	}
	if (failed && failed != ECANCELED)
		weir_logf(gzip->host, gzip->context, WEIR_LOG_WARNING, "file_gzip_failed",
			  "can't compress a finished file of %s: %s; it stays as it is and is "
			  "tried again "
			  "after the next one",
			  path, strerror(failed));
}

static struct gzip_job *job_take(struct file_gzip *gzip)
{
	struct gzip_job *job;

	pthread_mutex_lock(&gzip->lock);
	while (!gzip->jobs && !atomic_load(&gzip->stopping))
		pthread_cond_wait(&gzip->wake, &gzip->lock);
	job = atomic_load(&gzip->stopping) ? NULL : gzip->jobs;
	if (job)
		gzip->jobs = job->next;
	pthread_mutex_unlock(&gzip->lock);
	return job;
}

static void *gzip_thread(void *arg)
{
	struct file_gzip *gzip = arg;
	struct gzip_job *job;

	while ((job = job_take(gzip)) != NULL) {
		gzip_path(gzip, job->path);
		free(job);
	}
	return NULL;
}

int32_t file_gzip_create(const struct weir_services *host, struct weir_context *context,
			 struct file_rotation *rotation, struct file_gzip **ret_gzip,
			 struct weir_error *error)
{
	struct file_gzip *gzip = calloc(1, sizeof(*gzip));
	sigset_t all, before;
	int status;

	if (!gzip)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to compress finished files");
	gzip->host = host;
	gzip->context = context;
	gzip->rotation = rotation;
	pthread_mutex_init(&gzip->lock, NULL);
	pthread_cond_init(&gzip->wake, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	status = pthread_create(&gzip->thread, NULL, gzip_thread, gzip);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0) {
		pthread_cond_destroy(&gzip->wake);
		pthread_mutex_destroy(&gzip->lock);
		free(gzip);
		return weir_fail(error, WEIR_ERR_MEMORY, "can't start the compressing thread: %s",
				 strerror(status));
	}
	*ret_gzip = gzip;
	return WEIR_OK;
}

void file_gzip_wake(struct file_gzip *gzip, const char *path)
{
	size_t size = strlen(path) + 1;
	struct gzip_job *job = malloc(sizeof(*job) + size), **end;

	if (!job)
		return; /* the next rotation asks again */
	memcpy(job->path, path, size);
	job->next = NULL;
	pthread_mutex_lock(&gzip->lock);
	for (end = &gzip->jobs; *end && strcmp((*end)->path, path) != 0; end = &(*end)->next)
		;
	if (*end)
		free(job); /* it is on the list already */
	else
		*end = job;
	pthread_cond_signal(&gzip->wake);
	pthread_mutex_unlock(&gzip->lock);
}

void file_gzip_destroy(struct file_gzip *gzip)
{
	if (!gzip)
		return;
	pthread_mutex_lock(&gzip->lock);
	atomic_store(&gzip->stopping, 1);
	pthread_cond_signal(&gzip->wake);
	pthread_mutex_unlock(&gzip->lock);
	pthread_join(gzip->thread, NULL);
	while (gzip->jobs) {
		struct gzip_job *next = gzip->jobs->next;

		free(gzip->jobs);
		gzip->jobs = next;
	}
	pthread_cond_destroy(&gzip->wake);
	pthread_mutex_destroy(&gzip->lock);
	free(gzip);
}
