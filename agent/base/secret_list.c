// SPDX-License-Identifier: MIT
/*
 * `lock` guards everything but the bits, which are read without it. One bit stands for all secrets whose
 * first bytes have the same hash; they are in the same chain.
 */
#include "base/secret_list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HASH_BITS 16 /* 8 KiB of bits, of which 30 secrets set one in 2,000 */
#define HASHES (1u << HASH_BITS)
#define CHAINS 1024
#define WORD_BITS 64

struct secret {
	struct secret *next;          /* of its chain */
	struct secret *older, *newer; /* of those that are past */
	uint64_t references;
	size_t size;
	char text[];
};

static struct {
	pthread_mutex_t lock;
	struct secret *chains[CHAINS];
	struct secret *oldest, *newest;
	size_t past;
	_Atomic uint64_t bits[HASHES / WORD_BITS];
} secrets = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- beginnings ------------------------------------------------------------------------------ */

/* Of the first bytes, of which there are at least SECRET_MIN. */
static uint32_t hash_of(const char *text)
{
	uint32_t word;

	memcpy(&word, text, sizeof(word));
	return word * UINT32_C(2654435761) >> (32 - HASH_BITS); /* Knuth's multiplicative hash */
}

static struct secret **chain_of(uint32_t hash)
{
	return &secrets.chains[hash % CHAINS];
}

static void set_bit(uint32_t hash)
{
	atomic_fetch_or_explicit(&secrets.bits[hash / WORD_BITS], UINT64_C(1) << hash % WORD_BITS,
				 memory_order_relaxed);
}

/* Unless another of the chain needs it. */
static void clear_bit(uint32_t hash)
{
	for (const struct secret *other = *chain_of(hash); other; other = other->next)
		if (hash_of(other->text) == hash)
			return;
	atomic_fetch_and_explicit(&secrets.bits[hash / WORD_BITS],
				  ~(UINT64_C(1) << hash % WORD_BITS), memory_order_relaxed);
}

static int may_begin(const char *text)
{
	uint32_t hash = hash_of(text);

	return atomic_load_explicit(&secrets.bits[hash / WORD_BITS], memory_order_relaxed) >>
		       hash % WORD_BITS &
	       1;
}

/* ---- those that are past --------------------------------------------------------------------- */

static void past_remove(struct secret *secret)
{
	*(secret->older ? &secret->older->newer : &secrets.oldest) = secret->newer;
	*(secret->newer ? &secret->newer->older : &secrets.newest) = secret->older;
	secret->older = secret->newer = NULL;
	secrets.past--;
}

static void past_add(struct secret *secret)
{
	secret->older = secrets.newest;
	*(secrets.newest ? &secrets.newest->newer : &secrets.oldest) = secret;
	secrets.newest = secret;
	secrets.past++;
}

static void forget(struct secret *secret)
{
	uint32_t hash = hash_of(secret->text);
	struct secret **place = chain_of(hash);

	past_remove(secret);
	while (*place != secret)
		place = &(*place)->next;
	*place = secret->next;
	clear_bit(hash);
	free(secret);
}

/* ---- those in use ---------------------------------------------------------------------------- */

static struct secret *find(struct weir_slice text)
{
	struct secret *secret = *chain_of(hash_of(text.data));

	while (secret &&
	       (secret->size != text.size || memcmp(secret->text, text.data, text.size) != 0))
		secret = secret->next;
	return secret;
}

static struct secret *learn(struct weir_slice text)
{
	struct secret *secret = malloc(sizeof(*secret) + text.size);
	uint32_t hash = hash_of(text.data);

	if (!secret)
		return NULL;
	*secret = (struct secret){.next = *chain_of(hash), .size = text.size};
	memcpy(secret->text, text.data, text.size);
	*chain_of(hash) = secret;
	set_bit(hash);
	return secret;
}

struct secret *secret_list_add(struct weir_slice text)
{
	struct secret *secret;

	if (text.size < SECRET_MIN)
		return NULL;
	pthread_mutex_lock(&secrets.lock);
	secret = find(text);
	if (secret && secret->references == 0)
		past_remove(secret);
	if (!secret)
		secret = learn(text);
	if (secret)
		secret->references++;
	pthread_mutex_unlock(&secrets.lock);
	return secret;
}

void secret_list_drop(struct secret *secret)
{
	if (!secret)
		return;
	pthread_mutex_lock(&secrets.lock);
	if (--secret->references == 0)
		past_add(secret);
	if (secrets.past > SECRETS_PAST)
		forget(secrets.oldest);
	pthread_mutex_unlock(&secrets.lock);
}

/* ---- masking --------------------------------------------------------------------------------- */

/* The longest that stands there, or 0. */
static size_t size_at(const char *text, size_t size)
{
	size_t longest = 0;

	for (const struct secret *secret = *chain_of(hash_of(text)); secret; secret = secret->next)
		if (secret->size > longest && secret->size <= size &&
		    memcmp(secret->text, text, secret->size) == 0)
			longest = secret->size;
	return longest;
}

/* What was found is masked when the search is past it: another secret may begin within. */
static void mask_from(char *text, size_t at, size_t size)
{
	size_t from = at, to = at;

	for (; at + SECRET_MIN <= size; at++) {
		size_t found = may_begin(text + at) ? size_at(text + at, size - at) : 0;

		if (found && at >= to) {
			memset(text + from, '*', to - from);
			from = at;
		}
		if (found && at + found > to)
			to = at + found;
	}
	memset(text + from, '*', to - from);
}

void secret_list_mask(char *text, size_t size)
{
	size_t at = 0;

	while (at + SECRET_MIN <= size && !may_begin(text + at))
		at++;
	if (at + SECRET_MIN > size)
		return;
	pthread_mutex_lock(&secrets.lock);
	mask_from(text, at, size);
	pthread_mutex_unlock(&secrets.lock);
}

void secret_list_hold(void)
{
	pthread_mutex_lock(&secrets.lock);
}

void secret_list_let_go(void)
{
	pthread_mutex_unlock(&secrets.lock);
}
