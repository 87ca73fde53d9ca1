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
#include "import/fluent.h"

struct url {
	const char *scheme; /* without :// */
	size_t scheme_size;
	const char *rest; /* after it */
};

struct writing {
	const struct ship_request *request;
	struct url url;
	struct buffer *out;
	struct weir_error *error;
	int is_lines; /* the records are lines as they are */
};

static int scheme_is(const struct url *url, const char *name)
{
	return url->scheme_size == strlen(name) &&
	       strncmp(url->scheme, name, url->scheme_size) == 0;
}

static struct url url_of(const char *text)
{
	const char *colon = strstr(text, "://");
	struct url url = {text, colon ? (size_t)(colon - text) : 0, colon ? colon + 3 : text};

	if (!colon && strncmp(text, "file:", 5) == 0)
		url = (struct url){text, 4, text + 5};
	return url;
}

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

	buffer_text(w->out, "inputs:\n");
	if (request->file_count == 1 && strcmp(request->files[0], "-") == 0) {
		buffer_text(w->out, "  - stdin\n");
		return 0;
	}
	buffer_text(w->out, "  - tail:\n      start: beginning\n      last_line_timeout: 10ms\n"
			    "      paths:\n");
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
	buffer_text(w->out, "filters:\n");
	if (request->parse) {
		buffer_text(w->out, "  - parse:\n");
		import_option(w->out, "format", request->parse);
		import_option(w->out, "pattern", request->pattern);
	}
	if (request->where) {
		buffer_text(w->out, "  - where:\n");
		import_option(w->out, "expr", request->where);
	}
}

/* ---- outputs ---- */

static int put_stream(struct writing *w, const char *plugin, const char *option)
{
	const char *slash = strchr(w->url.rest, '/');

	if (!slash || slash == w->url.rest || !slash[1] || strchr(slash + 1, '/'))
		return weir_fail(w->error, WEIR_ERR_INVALID, "\"%s\": expected %s://REGION/STREAM",
				 w->request->to, plugin);
	buffer_printf(w->out, "  - %s:\n", plugin);
	put_part(w->out, "region", w->url.rest, (size_t)(slash - w->url.rest));
	fluent_option(w->out, option, slash + 1);
	if (w->is_lines)
		buffer_text(w->out, "      format: line\n");
	return 0;
}

/* The user before an @ of the host; returns where the host begins. */
static const char *put_user(struct writing *w, const char *before, const char *after)
{
	const char *end = w->url.rest + strcspn(w->url.rest, "/?#");
	const char *at = memchr(w->url.rest, '@', (size_t)(end - w->url.rest));
	const char *colon = at ? memchr(w->url.rest, ':', (size_t)(at - w->url.rest)) : NULL;
	struct buffer part = {0};

	if (!colon)
		return at ? at + 1 : w->url.rest;
	buffer_printf(w->out, "%s{ user: ", before);
	buffer_append(&part, w->url.rest, (size_t)(colon - w->url.rest));
	fluent_scalar(w->out, buffer_cstr(&part));
	buffer_clear(&part);
	buffer_append(&part, colon + 1, (size_t)(at - colon - 1));
	buffer_text(w->out, ", password: ");
	fluent_scalar(w->out, buffer_cstr(&part));
	buffer_printf(w->out, " }%s\n", after);
	buffer_done(&part);
	return at + 1;
}

static int put_http(struct writing *w)
{
	struct buffer url = {0};
	const char *host;

	buffer_text(w->out, "  - http:\n");
	host = put_user(w, "      basic_auth: ", "");
	buffer_append(&url, w->url.scheme, w->url.scheme_size);
	buffer_printf(&url, "://%s", host);
	fluent_option(w->out, "url", buffer_cstr(&url));
	buffer_done(&url);
	if (w->is_lines)
		buffer_text(w->out, "      format: lines\n");
	return 0;
}

static int put_search(struct writing *w)
{
	const char *host = w->url.rest, *slash = strrchr(w->url.rest, '/');
	struct buffer url = {0};

	if (!slash || slash == host || !slash[1])
		return weir_fail(w->error, WEIR_ERR_INVALID,
				 "\"%s\": expected es+https://HOST:PORT/INDEX", w->request->to);
	buffer_text(w->out, "  - elasticsearch:\n");
	host = put_user(w, "      auth: { basic: ", " }");
	buffer_append(&url, w->url.scheme + 3, w->url.scheme_size - 3);
	buffer_printf(&url, "://%.*s", (int)(slash - host), host);
	buffer_text(w->out, "      urls: [");
	fluent_scalar(w->out, buffer_cstr(&url));
	buffer_text(w->out, "]\n");
	fluent_option(w->out, "index", slash + 1);
	buffer_done(&url);
	return 0;
}

static int put_path(struct writing *w)
{
	if (!w->url.rest[0])
		return weir_fail(w->error, WEIR_ERR_INVALID, "\"%s\": expected file:PATH",
				 w->request->to);
	buffer_text(w->out, "  - file:\n");
	fluent_option(w->out, "path", w->url.rest);
	if (w->is_lines)
		buffer_text(w->out, "      format: line\n");
	return 0;
}

static int put_destination(struct writing *w)
{
	if (strcmp(w->request->to, "-") == 0) {
		buffer_printf(w->out, "  - stdout:\n      format: %s\n",
			      w->is_lines ? "line" : "json");
		return 0;
	}
	if (scheme_is(&w->url, "kinesis"))
		return put_stream(w, "kinesis", "stream");
	if (scheme_is(&w->url, "firehose"))
		return put_stream(w, "firehose", "delivery_stream");
	if (scheme_is(&w->url, "http") || scheme_is(&w->url, "https"))
		return put_http(w);
	if (scheme_is(&w->url, "es+http") || scheme_is(&w->url, "es+https"))
		return put_search(w);
	if (scheme_is(&w->url, "file"))
		return put_path(w);
	return weir_fail(w->error, WEIR_ERR_INVALID,
			 "\"%s\" is no destination; expected kinesis://, firehose://, http://, "
			 "https://, es+http://, es+https://, file: or -",
			 w->request->to);
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
	struct writing w = {.request = request,
			    .url = url_of(request->to),
			    .out = out,
			    .error = error,
			    .is_lines = !request->parse};
	int status = put_inputs(&w);

	put_filters(&w);
	buffer_text(out, "outputs:\n");
	if (status == 0)
		status = put_destination(&w);
	for (size_t i = 0; i < request->option_count && status == 0; i++)
		status = put_option(&w, request->options[i]);
	buffer_text(out, "dead_letter:\n  - file:\n");
	import_option(out, "path", request->dead_letter);
	return status;
}
