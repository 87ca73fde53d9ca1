// SPDX-License-Identifier: MIT
#include "base/secrets.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/base64.h"
#include "base/secret_list.h"

/* Of variables: shorter ones are switches and the like. */
#define ENVIRONMENT_MIN 8
#define ROOM_STEP 16

extern char **environ;

/* What cannot be noted is kept for good, which does no harm. */
static void note(struct secrets *holder, struct secret *secret)
{
	if (holder->count % ROOM_STEP == 0) {
		struct secret **grown = realloc(holder->list, (holder->count + ROOM_STEP) *
								      sizeof(struct secret *));

		if (!grown)
			return;
		holder->list = grown;
	}
	holder->list[holder->count++] = secret;
}

void secrets_add(struct secrets *holder, struct weir_slice text)
{
	struct secret *secret = secret_list_add(text);

	if (secret && holder)
		note(holder, secret);
}

void secrets_drop(struct secrets *holder)
{
	for (size_t i = 0; i < holder->count; i++)
		secret_list_drop(holder->list[i]);
	free(holder->list);
	*holder = (struct secrets){NULL, 0};
}

/* ---- names ---- */

/* `name` has `word`, whose '_' may be a '-' or nothing. */
static int has_word(struct weir_slice name, const char *word)
{
	for (uint64_t from = 0; from < name.size; from++) {
		uint64_t at = from;
		const char *letter = word;

		while (*letter && at < name.size) {
			int is_gap = *letter == '_';
			int fits = is_gap ? name.data[at] == '_' || name.data[at] == '-'
					  : tolower((unsigned char)name.data[at]) == *letter;

			if (!fits && !is_gap)
				break;
			at += (uint64_t)fits;
			letter++;
		}
		if (!*letter)
			return 1;
	}
	return 0;
}

static int ends_with(struct weir_slice name, const char *end)
{
	size_t size = strlen(end);

	return name.size >= size && strncasecmp(name.data + name.size - size, end, size) == 0;
}

int secrets_is_name(struct weir_slice name)
{
	static const char *const words[] = {
		"token",  "secret",     "password",   "passwd",      "api_key",    "authorization",
		"cookie", "credential", "secret_key", "private_key", "access_key", "signature"};
	/* They say where the secret is, or whose. */
	static const char *const places[] = {"_id", "_file", "_path", "_dir", "_uri", "_url"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (ends_with(name, places[i]))
			return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_word(name, words[i]))
			return 1;
	return 0;
}

void secrets_add_environment(void)
{
	for (char **variable = environ; variable && *variable; variable++) {
		const char *equals = strchr(*variable, '=');
		struct weir_slice name = {*variable, equals ? (uint64_t)(equals - *variable) : 0};

		if (equals && strlen(equals + 1) >= ENVIRONMENT_MIN && secrets_is_name(name))
			secrets_add(NULL, weir_slice_of(equals + 1));
	}
}

/* ---- URLs ---- */

typedef void secret_call(struct secrets *holder, struct weir_slice text);

/* "user:password" of a text that begins behind "://"; size 0 when there is none. */
static struct weir_slice user_of(const char *from, const char *end)
{
	const char *stop = from, *at;

	while (stop < end && !strchr("/?# \t\"',}]", *stop))
		stop++;
	at = stop > from ? memrchr(from, '@', (size_t)(stop - from)) : NULL;
	return (struct weir_slice){from, at ? (uint64_t)(at - from) : 0};
}

/* Its password, or the user where that is all. */
static void each_user(const char *from, const char *end, secret_call *call, struct secrets *holder)
{
	struct weir_slice user = user_of(from, end);
	const char *colon = user.size ? memchr(from, ':', user.size) : NULL;

	if (colon)
		call(holder,
		     (struct weir_slice){colon + 1, user.size - (uint64_t)(colon + 1 - from)});
	else if (user.size)
		call(holder, user);
}

static void each_parameter(const char *from, const char *end, secret_call *call,
			   struct secrets *holder)
{
	const char *stop = from;

	while (stop < end && !strchr("# \t\"'", *stop))
		stop++;
	while (from < stop) {
		const char *next = memchr(from, '&', (size_t)(stop - from));
		const char *last = next ? next : stop;
		const char *equals = memchr(from, '=', (size_t)(last - from));

		if (equals && secrets_is_name((struct weir_slice){from, (uint64_t)(equals - from)}))
			call(holder,
			     (struct weir_slice){equals + 1, (uint64_t)(last - equals - 1)});
		from = last + 1;
	}
}

/* In any text: each URL's. */
static void each_in_urls(struct weir_slice text, secret_call *call, struct secrets *holder)
{
	const char *end = text.data + text.size, *at = text.data;

	while (at && (at = memmem(at, (size_t)(end - at), "://", 3))) {
		const char *query;

		at += 3;
		each_user(at, end, call, holder);
		query = memchr(at, '?', (size_t)(end - at));
		if (query)
			each_parameter(query + 1, end, call, holder);
	}
}

static int hex(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	letter = (char)tolower((unsigned char)letter);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* What the text means; to be freed, `data` NULL without memory. */
static struct weir_slice decoded(struct weir_slice text)
{
	char *plain = malloc(text.size + 1);
	uint64_t size = 0;

	for (uint64_t i = 0; plain && i < text.size; i++) {
		int is_code = text.data[i] == '%' && i + 2 < text.size &&
			      hex(text.data[i + 1]) >= 0 && hex(text.data[i + 2]) >= 0;

		plain[size++] = is_code ? (char)(hex(text.data[i + 1]) * 16 + hex(text.data[i + 2]))
					: text.data[i];
		i += is_code ? 2 : 0;
	}
	return (struct weir_slice){plain, size};
}

static void release(struct weir_slice text)
{
	free((char *)(uintptr_t)text.data);
}

/* As it is written, and as it is meant. */
static void add_encoded(struct secrets *holder, struct weir_slice text)
{
	struct weir_slice plain = decoded(text);

	secrets_add(holder, text);
	if (plain.data)
		secrets_add(holder, plain);
	release(plain);
}

/* User and password as libcurl puts them into a header: Basic authentication. It puts a colon behind a user
 * who has no password. */
static void add_basic(struct secrets *holder, struct weir_slice user)
{
	struct weir_slice plain = decoded(user);
	char *digits = plain.data && plain.size ? malloc(base64_size(plain.size + 1)) : NULL;

	if (digits) {
		if (!memchr(user.data, ':', user.size))
			((char *)(uintptr_t)plain.data)[plain.size++] = ':';
		base64_append(digits, plain);
		secrets_add(holder, (struct weir_slice){digits, base64_size(plain.size)});
	}
	free(digits);
	release(plain);
}

void secrets_add_url(struct secrets *holder, struct weir_slice url)
{
	const char *host = url.size ? memmem(url.data, url.size, "://", 3) : NULL;

	if (!host)
		return;
	each_in_urls(url, add_encoded, holder);
	add_basic(holder, user_of(host + 3, url.data + url.size));
}

/* ---- masking ---- */

void secrets_mask(char *text, size_t size)
{
	secret_list_mask(text, size);
}

static void mask_slice(struct secrets *holder, struct weir_slice text)
{
	(void)holder;
	if (text.size)
		memset((char *)(uintptr_t)text.data, '*', text.size);
}

/* Where what is in these quotes ends: at the end of the line when they are never closed. */
static char *quoted_end(char *at, char quote)
{
	for (; *at; at++) {
		int is_escape = quote == '"' && *at == '\\' && at[1];
		int is_double = quote == '\'' && *at == quote && at[1] == quote;

		if (is_escape || is_double)
			at++;
		else if (*at == quote)
			break;
	}
	return at;
}

/* Where the value that begins here ends. One without quotes within a map or a list ends at the next comma or
 * bracket; any other has the rest of the line, and rather too much is masked than too little. */
static char *value_end(char *at, int is_within)
{
	char *close;
	size_t size;

	if (*at == '"' || *at == '\'')
		return quoted_end(at + 1, *at);
	if (*at == '[') {
		close = strrchr(at, ']');
		return close ? close : at + strlen(at);
	}
	size = strcspn(at, is_within ? ",}]" : "");
	while (size && isspace((unsigned char)at[size - 1]))
		size--;
	return at + size;
}

/* What follows the colon, but a reference or a map. */
static void mask_value(const char *line, char *colon)
{
	char *from = colon + 1, *end;

	from += strspn(from, " \t");
	if (strncmp(from, "${", 2) == 0 || *from == '{')
		return;
	end = value_end(from, strcspn(line, "{[") < (size_t)(colon - line));
	if (*from == '"' || *from == '\'' || *from == '[')
		from++;
	if (strncmp(from, "${", 2) != 0 && end > from)
		memset(from, '*', (size_t)(end - from));
}

/* The word before the colon, without quotes. */
static struct weir_slice key_before(const char *line, const char *colon)
{
	const char *end = colon, *from;

	while (end > line && strchr(" \t\"'", end[-1]))
		end--;
	for (from = end;
	     from > line && (isalnum((unsigned char)from[-1]) || strchr("_-.", from[-1]));)
		from--;
	return (struct weir_slice){from, (uint64_t)(end - from)};
}

void secrets_mask_line(char *line)
{
	each_in_urls(weir_slice_of(line), mask_slice, NULL);
	secrets_mask(line, strlen(line));
	for (char *colon = strchr(line, ':'); colon; colon = strchr(colon + 1, ':'))
		if (secrets_is_name(key_before(line, colon)))
			mask_value(line, colon);
}
