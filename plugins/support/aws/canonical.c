// SPDX-License-Identifier: MIT
/*
 * Source: "Create a signed AWS API request", AWS IAM User Guide. Where that leaves room, as botocore
 * has it: a path is encoded once more on top of what the URL has.
 */
#include "support/aws/canonical.h"

#include <stdlib.h>
#include <strings.h>

/* Hops and proxies change these. */
static const char *const unsigned_headers[] = {"expect",          "transfer-encoding", "user-agent",
					       "x-amzn-trace-id", "authorization",     "host"};

/* ---- the URL ---- */

static struct weir_slice without_port(struct weir_slice host, const char *port)
{
	size_t size = strlen(port);

	if (host.size > size && memcmp(host.data + host.size - size, port, size) == 0)
		host.size -= size;
	return host;
}

int32_t url_split(struct weir_slice url, struct url_parts *ret_parts)
{
	const char *at = memmem(url.data, url.size, "://", 3), *end = url.data + url.size;
	const char *query, *path, *user;
	struct weir_slice host;

	if (!at)
		return WEIR_ERR_INVALID;
	at += 3;
	for (const char *c = at; c < end; c++)
		if (*c == '#')
			end = c;
	for (path = at; path < end && *path != '/' && *path != '?';)
		path++;
	user = memrchr(at, '@', (size_t)(path - at));
	host.data = user ? user + 1 : at;
	host.size = (uint64_t)(path - host.data);
	if (host.size == 0)
		return WEIR_ERR_INVALID;
	ret_parts->host = without_port(host, strncasecmp(url.data, "https:", 6) ? ":80" : ":443");
	query = memchr(path, '?', (size_t)(end - path));
	ret_parts->path = (struct weir_slice){path, (uint64_t)((query ? query : end) - path)};
	if (ret_parts->path.size == 0)
		ret_parts->path = weir_slice_of("/");
	ret_parts->query = (struct weir_slice){query ? query + 1 : end,
					       query ? (uint64_t)(end - query - 1) : 0};
	return 0;
}

/* ---- the path ---- */

/* Removes the last segment, its slash included. */
static void drop_segment(struct text *path)
{
	while (path->size > 0 && path->data[path->size - 1] != '/')
		path->size--;
	path->size -= path->size > 0;
}

static void normalise_path(struct text *out, struct weir_slice path)
{
	const char *at = path.data, *end = at + path.size;
	int slash_at_end = path.size > 0 && end[-1] == '/';

	while (at < end) {
		const char *next = memchr(at, '/', (size_t)(end - at));
		size_t size = (size_t)((next ? next : end) - at);

		if (size == 2 && memcmp(at, "..", 2) == 0) {
			drop_segment(out);
		} else if (size > 0 && !(size == 1 && *at == '.')) {
			text_add(out, "/", 1);
			text_add(out, at, size);
		}
		at += size + 1;
	}
	if (out->size == 0 || (slash_at_end && out->size > 0))
		text_add(out, "/", 1);
}

void canonical_path(struct text *text, struct weir_slice path, uint32_t flags)
{
	struct text normal = {0};

	if (flags & AWS_SIGN_PLAIN_PATH) {
		text_add_encoded(text, path, "/%");
		return;
	}
	normalise_path(&normal, path);
	text_add_encoded(text, text_slice(&normal), "/");
	text->failed |= normal.failed;
	text_done(&normal);
}

/* ---- the query ---- */

struct parameter {
	struct text name, value;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX is read and written again, so that it does not matter how the URL has it. */
static void encode_again(struct text *out, const char *at, const char *end)
{
	while (at < end) {
		int high = *at == '%' && end - at > 2 ? hex_digit(at[1]) : -1;
		int low = high >= 0 ? hex_digit(at[2]) : -1;
		char c = low >= 0 ? (char)(high << 4 | low) : *at;

		text_add_encoded(out, (struct weir_slice){&c, 1}, "");
		at += low >= 0 ? 3 : 1;
	}
	text_add(out, "", 0);
}

static int compare_text(const struct text *a, const struct text *b)
{
	return a->data && b->data ? strcmp(a->data, b->data) : 0;
}

static int compare_parameters(const void *left, const void *right)
{
	const struct parameter *a = left, *b = right;
	int names = compare_text(&a->name, &b->name);

	return names ? names : compare_text(&a->value, &b->value);
}

static uint32_t read_parameters(struct weir_slice query, struct parameter *parameters)
{
	const char *at = query.data, *end = at + query.size;
	uint32_t count = 0;

	while (at < end) {
		const char *amp = memchr(at, '&', (size_t)(end - at)), *stop = amp ? amp : end;
		const char *equals = memchr(at, '=', (size_t)(stop - at));

		if (stop > at) {
			encode_again(&parameters[count].name, at, equals ? equals : stop);
			encode_again(&parameters[count].value, equals ? equals + 1 : stop, stop);
			count++;
		}
		at = stop + 1;
	}
	return count;
}

void canonical_query(struct text *text, struct weir_slice query)
{
	struct parameter *parameters;
	uint32_t count = 1;

	if (query.size == 0)
		return;
	for (uint64_t i = 0; i < query.size; i++)
		count += query.data[i] == '&';
	parameters = calloc(count, sizeof(*parameters));
	if (!parameters) {
		text->failed = 1;
		return;
	}
	count = read_parameters(query, parameters);
	qsort(parameters, count, sizeof(*parameters), compare_parameters);
	for (uint32_t i = 0; i < count; i++) {
		text_add(text, "&", i > 0);
		text_add_slice(text, text_slice(&parameters[i].name));
		text_add(text, "=", 1);
		text_add_slice(text, text_slice(&parameters[i].value));
		text->failed |= parameters[i].name.failed | parameters[i].value.failed;
		text_done(&parameters[i].name);
		text_done(&parameters[i].value);
	}
	free(parameters);
}

/* ---- headers ---- */

struct header {
	struct weir_slice name, value;
	uint32_t order;
};

static struct weir_slice trim(struct weir_slice text)
{
	while (text.size && strchr(" \t\r\n", *text.data))
		text.data++, text.size--;
	while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
		text.size--;
	return text;
}

static int compare_names(const struct header *a, const struct header *b)
{
	uint64_t size = a->name.size < b->name.size ? a->name.size : b->name.size;
	int order = strncasecmp(a->name.data, b->name.data, size);

	return order ? order : (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

static int compare_headers(const void *left, const void *right)
{
	const struct header *a = left, *b = right;
	int names = compare_names(a, b);

	return names ? names : (a->order > b->order) - (a->order < b->order);
}

static int is_signed(struct weir_slice name)
{
	for (size_t i = 0; i < sizeof(unsigned_headers) / sizeof(unsigned_headers[0]); i++)
		if (strlen(unsigned_headers[i]) == name.size &&
		    strncasecmp(unsigned_headers[i], name.data, name.size) == 0)
			return 0;
	return name.size > 0;
}

static void add_lower(struct text *text, struct weir_slice name)
{
	for (uint64_t i = 0; i < name.size; i++) {
		char c = name.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		text_add(text, &c, 1);
	}
}

/* Runs of blanks count as one. */
static void add_value(struct text *text, struct weir_slice value)
{
	int blank = 0;

	for (uint64_t i = 0; i < value.size; i++) {
		if (strchr(" \t\r\n", value.data[i])) {
			blank = 1;
			continue;
		}
		text_add(text, " ", blank);
		text_add(text, &value.data[i], 1);
		blank = 0;
	}
}

static uint32_t read_headers(struct header *found, const struct weir_slice *headers, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		const char *colon = memchr(headers[i].data, ':', headers[i].size);
		struct weir_slice name, value;

		if (!colon)
			continue;
		name = (struct weir_slice){headers[i].data, (uint64_t)(colon - headers[i].data)};
		value = (struct weir_slice){colon + 1, headers[i].size - name.size - 1};
		if (is_signed(trim(name)))
			found[kept++] = (struct header){trim(name), trim(value), i};
	}
	return kept;
}

void canonical_headers(struct text *text, struct text *names, const struct weir_slice *headers,
		       uint32_t count, struct weir_slice host)
{
	struct header *found = calloc((size_t)count + 1, sizeof(*found));

	if (!found) {
		text->failed = 1;
		return;
	}
	count = read_headers(found, headers, count);
	found[count++] = (struct header){weir_slice_of("host"), host, 0};
	qsort(found, count, sizeof(*found), compare_headers);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && compare_names(&found[i - 1], &found[i]) == 0) {
			text_add(text, ",", 1);
			add_value(text, found[i].value);
			continue;
		}
		text_add(text, "\n", i > 0);
		text_add(names, ";", i > 0);
		add_lower(names, found[i].name);
		add_lower(text, found[i].name);
		text_add(text, ":", 1);
		add_value(text, found[i].value);
	}
	text_add(text, "\n", 1);
	free(found);
}
