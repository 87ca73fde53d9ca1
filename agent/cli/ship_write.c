// SPDX-License-Identifier: MIT
/*
 * URLs as outputs:
 *
 *   kinesis://REGION/STREAM   firehose://REGION/STREAM
 *   http://… https://…        es+http://…/INDEX es+https://…/INDEX
 *   file:PATH                 -
 *
 * Names of files stay names, whatever is in them; ${NAME} in a URL and in options is a variable, for
 * secrets that have no business on a command line.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <weir/plugin.h>

#include "cli/ship.h"
#include "cli/ship_templates.h"
#include "import/fluent.h"

struct writing {
	const struct ship_request *request;
	const struct ship_destination *to;
	const char *rest; /* of the URL, behind the scheme */
	struct buffer *out;
	struct weir_error *error;
};

static void put_part(struct buffer *out, const char *name, const char *text, size_t size)
{
	struct buffer part = {0};

	buffer_append(&part, text, size);
	fluent_option(out, name, buffer_cstr(&part));
	buffer_done(&part);
}

/* ---- inputs ---- */

static int put_file(struct buffer *out, const char *path, struct weir_error *error)
{
	char whole[PATH_MAX];
	struct buffer pattern = {0};

	/* Before it is taken as a pattern: whether there is such a file. */
	if (!realpath(path, whole))
		return weir_fail(error, WEIR_ERR_NOT_FOUND, "%.256s: %s", path, strerror(errno));
	for (const char *at = whole; *at; at++) {
		if (strchr("*?[{\\", *at))
			buffer_text(&pattern, "\\");
		buffer_append(&pattern, at, 1);
	}
	buffer_text(out, "        - ");
	import_scalar(out, weir_slice_of(buffer_cstr(&pattern)));
	buffer_text(out, "\n");
	buffer_done(&pattern);
	return 0;
}

static int put_inputs(struct writing *w)
{
	const struct ship_request *request = w->request;
	int status = 0;

	if (request->file_count == 1 && strcmp(request->files[0], "-") == 0) {
		buffer_text(w->out, SHIP_STDIN);
		return 0;
	}
	buffer_text(w->out, SHIP_FILES);
	for (size_t i = 0; i < request->file_count && status == 0; i++)
		status = put_file(w->out, request->files[i], w->error);
	return status;
}

/* ---- filters ---- */

static void put_filters(struct writing *w)
{
	const struct ship_request *request = w->request;

	if (!request->parse && !request->where)
		return;
	buffer_text(w->out, SHIP_FILTERS);
	if (request->parse) {
		buffer_text(w->out, SHIP_PARSE);
		import_option(w->out, "format", request->parse);
		import_option(w->out, "pattern", request->pattern);
	}
	if (request->where) {
		buffer_text(w->out, SHIP_WHERE);
		import_option(w->out, "expr", request->where);
	}
}

/* ---- outputs ---- */

static int unexpected(struct writing *w)
{
	return weir_fail(w->error, WEIR_ERR_INVALID, "\"%s\": expected %s", w->request->to,
			 w->to->expected);
}

static int put_stream(struct writing *w)
{
	const char *slash = strchr(w->rest, '/');

	if (!slash || slash == w->rest || !slash[1] || strchr(slash + 1, '/'))
		return unexpected(w);
	put_part(w->out, "region", w->rest, (size_t)(slash - w->rest));
	fluent_option(w->out, w->to->option, slash + 1);
	return 0;
}

/* The user before an @ of the host; returns where the host begins. */
static const char *put_user(struct writing *w)
{
	const char *end = w->rest + strcspn(w->rest, "/?#");
	const char *at = memchr(w->rest, '@', (size_t)(end - w->rest));
	const char *colon = at ? memchr(w->rest, ':', (size_t)(at - w->rest)) : NULL;
	struct buffer part = {0};

	if (!colon)
		return at ? at + 1 : w->rest;
	buffer_printf(w->out, "%s{ user: ", w->to->user);
	buffer_append(&part, w->rest, (size_t)(colon - w->rest));
	fluent_scalar(w->out, buffer_cstr(&part));
	buffer_clear(&part);
	buffer_append(&part, colon + 1, (size_t)(at - colon - 1));
	buffer_text(w->out, ", password: ");
	fluent_scalar(w->out, buffer_cstr(&part));
	buffer_printf(w->out, " }%s\n", w->to->user_end);
	buffer_done(&part);
	return at + 1;
}

static int put_url(struct writing *w)
{
	struct buffer url = {0};

	buffer_printf(&url, "%s%s", w->to->base, put_user(w));
	fluent_option(w->out, w->to->option, buffer_cstr(&url));
	buffer_done(&url);
	return 0;
}

static int put_index(struct writing *w)
{
	const char *slash = strrchr(w->rest, '/'), *host;
	struct buffer url = {0};

	if (!slash || slash == w->rest || !slash[1])
		return unexpected(w);
	host = put_user(w);
	buffer_printf(&url, "%s%.*s", w->to->base, (int)(slash - host), host);
	buffer_text(w->out, "      urls: [");
	fluent_scalar(w->out, buffer_cstr(&url));
	buffer_text(w->out, "]\n");
	fluent_option(w->out, w->to->option, slash + 1);
	buffer_done(&url);
	return 0;
}

static int put_path(struct writing *w)
{
	if (!w->rest[0])
		return unexpected(w);
	fluent_option(w->out, w->to->option, w->rest);
	return 0;
}

static int put_here(struct writing *w)
{
	(void)w;
	return 0;
}

/* The row of the table, and the rest of the URL into `w`. */
static int find_destination(struct writing *w)
{
	const char *to = w->request->to;

	for (size_t i = 0; i < sizeof(ship_destinations) / sizeof(ship_destinations[0]); i++) {
		const struct ship_destination *one = &ship_destinations[i];
		size_t size = strlen(one->scheme);

		if (strncmp(to, one->scheme, size) != 0 || (one->shape == SHIP_HERE && to[size]))
			continue;
		w->to = one;
		w->rest = to + size;
		return 0;
	}
	return weir_fail(w->error, WEIR_ERR_INVALID,
			 "\"%s\" is no destination; expected kinesis://, firehose://, http://, "
			 "https://, es+http://, es+https://, file: or -",
			 to);
}

static int put_destination(struct writing *w)
{
	static int (*const put[])(struct writing * w) = {[SHIP_STREAM] = put_stream,
							 [SHIP_URL] = put_url,
							 [SHIP_INDEX] = put_index,
							 [SHIP_PATH] = put_path,
							 [SHIP_HERE] = put_here};
	int status = find_destination(w);
	const char *format;

	if (status < 0)
		return status;
	buffer_text(w->out, w->to->output);
	status = put[w->to->shape](w);
	format = w->request->parse ? w->to->fields : w->to->lines;
	buffer_text(w->out, format ? format : "");
	return status;
}

/* NAME=VALUE, the value as in a pipeline's file. */
static int put_option(struct writing *w, const char *option)
{
	const char *equals = strchr(option, '=');

	if (!equals || equals == option || strpbrk(option, "\r\n"))
		return weir_fail(w->error, WEIR_ERR_INVALID, "\"%s\": expected NAME=VALUE", option);
	buffer_printf(w->out, "      %.*s: %s\n", (int)(equals - option), option, equals + 1);
	return 0;
}

int ship_write(const struct ship_request *request, struct buffer *out, struct weir_error *error)
{
	struct writing w = {.request = request, .out = out, .error = error};
	int status = put_inputs(&w);

	put_filters(&w);
	buffer_text(out, "outputs:\n");
	if (status == 0)
		status = put_destination(&w);
	for (size_t i = 0; i < request->option_count && status == 0; i++)
		status = put_option(&w, request->options[i]);
	buffer_text(out, SHIP_DEAD_LETTER);
	import_option(out, "path", request->dead_letter);
	return status;
}
