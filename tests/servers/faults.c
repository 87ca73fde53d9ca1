// SPDX-License-Identifier: MIT
#include "faults.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPIRED_AT 100 /* requests */
#define SKEW_AT 300
#define SKEW_S 3600
#define SKEW_ALLOWED_S 300
#define BURST_MIN 2
#define BURST_MAX 5
#define KEYS_MAX 8
#define KEY_SIZE 64

static const char *const names[FAULT_COUNT] = {
	"none",        "partial", "throttle", "broken",  "reset_before",
	"reset_after", "slow",    "miscount", "expired", "skew"};

static struct {
	pthread_mutex_t lock; /* guards all below */
	uint64_t seed, number;
	uint64_t happened[FAULT_COUNT];
	int percent, burst, is_skewed;
	char expired[KEYS_MAX][KEY_SIZE];
	int expired_count;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* xorshift64; under the lock. */
static uint64_t draw(uint64_t below)
{
	faults.seed ^= faults.seed << 13;
	faults.seed ^= faults.seed >> 7;
	faults.seed ^= faults.seed << 17;
	return (faults.seed >> 11) % below;
}

void faults_create(uint64_t seed, int percent)
{
	faults.seed = seed | UINT64_C(1) << 40;
	faults.percent = percent;
}

static enum fault next(void)
{
	enum fault fault;

	faults.number++;
	if (faults.number == EXPIRED_AT)
		return FAULT_EXPIRED;
	if (faults.number == SKEW_AT)
		return FAULT_SKEW;
	if (faults.burst > 0) {
		faults.burst--;
		return FAULT_BROKEN;
	}
	if (draw(100) >= (uint64_t)faults.percent)
		return FAULT_NONE;
	fault = (enum fault)(FAULT_PARTIAL + draw(FAULT_EXPIRED - FAULT_PARTIAL));
	if (fault == FAULT_BROKEN)
		faults.burst = BURST_MIN + (int)draw(BURST_MAX - BURST_MIN + 1);
	return fault;
}

enum fault faults_next(void)
{
	enum fault fault;

	pthread_mutex_lock(&faults.lock);
	fault = next();
	if (fault == FAULT_RESET_BEFORE)
		faults.happened[fault]++;
	pthread_mutex_unlock(&faults.lock);
	return fault;
}

static void header(const char *head, const char *name, const char *stop, char *ret, size_t size)
{
	const char *at = strcasestr(head, name);

	ret[0] = '\0';
	if (!at)
		return;
	at += strlen(name);
	snprintf(ret, size, "%.*s", (int)strcspn(at, stop), at);
}

static int is_expired(const char *key)
{
	for (int i = 0; i < faults.expired_count; i++)
		if (strcmp(faults.expired[i], key) == 0)
			return 1;
	return 0;
}

static int is_too_old(const char *head)
{
	char stamp[32];
	struct tm tm = {0};

	header(head, "\r\nX-Amz-Date: ", "\r", stamp, sizeof(stamp));
	if (!strptime(stamp, "%Y%m%dT%H%M%SZ", &tm))
		return 1;
	return llabs((long long)timegm(&tm) - time(NULL) - SKEW_S) > SKEW_ALLOWED_S;
}

enum fault faults_of_head(enum fault fault, const char *head)
{
	char key[KEY_SIZE];

	header(head, "Credential=", "/\r", key, sizeof(key));
	pthread_mutex_lock(&faults.lock);
	if (fault == FAULT_EXPIRED && faults.expired_count < KEYS_MAX)
		memcpy(faults.expired[faults.expired_count++], key, sizeof(key));
	if (fault == FAULT_SKEW)
		faults.is_skewed = 1;
	if (is_expired(key))
		fault = FAULT_EXPIRED;
	else if (faults.is_skewed && is_too_old(head))
		fault = FAULT_SKEW;
	else if (fault == FAULT_EXPIRED || fault == FAULT_SKEW)
		fault = FAULT_NONE;
	faults.happened[fault]++;
	pthread_mutex_unlock(&faults.lock);
	return fault;
}

int faults_chance(int percent)
{
	int hit;

	pthread_mutex_lock(&faults.lock);
	hit = draw(100) < (uint64_t)percent;
	pthread_mutex_unlock(&faults.lock);
	return hit;
}

int64_t faults_skew_s(void)
{
	int64_t skew_s;

	pthread_mutex_lock(&faults.lock);
	skew_s = faults.is_skewed ? SKEW_S : 0;
	pthread_mutex_unlock(&faults.lock);
	return skew_s;
}

void faults_tell(char *ret_json, uint32_t size)
{
	int used = snprintf(ret_json, size, "{");

	pthread_mutex_lock(&faults.lock);
	for (int i = 0; i < FAULT_COUNT; i++)
		used += snprintf(ret_json + used, size - (uint32_t)used, "%s\"%s\":%" PRIu64,
				 i ? "," : "", names[i], faults.happened[i]);
	pthread_mutex_unlock(&faults.lock);
	snprintf(ret_json + used, size - (uint32_t)used, "}");
}
