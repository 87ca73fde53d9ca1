// SPDX-License-Identifier: MIT
/*
 * A libmicrohttpd daemon with one thread that sleeps until somebody asks. Every answer is rendered
 * whole before its status is sent, so that there is no half a page; but for taps, which are streams.
 */
#include "admin/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <strings.h>

#include <weir/plugin.h>

#include "admin/older_metrics.h"
#include "admin/page.h"
#include "admin/streams.h"
#include "admin/tap_stream.h"
#include "admin/token.h"

#define ADMIN_CONNECTIONS 64
/* Of one address: who takes all it may leaves some for the others. */
#define ADMIN_CONNECTIONS_EACH 48
#define ADMIN_IDLE_S 30
#define HOST_MAX 256

/* The cookie by which a browser brings the token. */
#define COOKIE "weir_token"

struct admin {
	struct MHD_Daemon *daemon;
	struct admin_source source;
	struct streams *streams;
	struct tap_streams *taps;
	char *token; /* NULL = none */
};

static const char index_text[] =
	"weir " WEIR_VERSION "\n\n"
	"/health   200 when all is well, 503 and why when not\n"
	"/metrics  for Prometheus\n"
	"/status   as JSON\n"
	"/api/events  what the page in a browser shows, an event a second\n"
	"/tap      live records; see weir tap\n";

/* ---- answers ---- */

/* Takes the text. */
static enum MHD_Result answer_with(struct MHD_Connection *connection, unsigned status,
				   const char *type, struct buffer *take_text, const char *header,
				   const char *value)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		take_text->size, take_text->data, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		buffer_done(take_text);
		return MHD_NO;
	}
	memset(take_text, 0, sizeof(*take_text));
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	if (header)
		MHD_add_response_header(response, header, value);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
			      struct buffer *take_text)
{
	return answer_with(connection, status, type, take_text,
			   status == MHD_HTTP_METHOD_NOT_ALLOWED ? MHD_HTTP_HEADER_ALLOW : NULL,
			   "GET, HEAD");
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct buffer out = {0};

	buffer_text(&out, text);
	return answer(connection, status, "text/plain; charset=utf-8", &out);
}

/* Prometheus asks for OpenMetrics by name; who does not gets the older form. */
static int render_metrics(const struct admin_source *source, struct MHD_Connection *connection,
			  struct buffer *out, const char **ret_type)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
	struct buffer metrics = {0};
	int failed;

	*ret_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	if (accept && strstr(accept, "application/openmetrics-text"))
		return source->metrics(source->user, out);
	*ret_type = "text/plain; version=0.0.4; charset=utf-8";
	failed = source->metrics(source->user, &metrics);
	if (!failed)
		failed = older_metrics(&metrics, out);
	buffer_done(&metrics);
	return failed;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A browser gets the page, everyone else what there is to ask for. */
static enum MHD_Result answer_index(struct MHD_Connection *connection)
{
	const char *accept = header_of(connection, "Accept");
	char policy[PAGE_POLICY_MAX];
	struct buffer out = {0};

	if (!accept || !strstr(accept, "text/html"))
		return say(connection, MHD_HTTP_OK, index_text);
	if (page_render(&out, policy) < 0) {
		buffer_done(&out);
		return say(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	}
	return answer_with(connection, MHD_HTTP_OK, "text/html; charset=utf-8", &out,
			   "Content-Security-Policy", policy);
}

/* Who has brought the token of the address, or that of the state folder. */
static int may_see_records(const struct admin *admin, struct MHD_Connection *connection)
{
	const char *token = admin->source.records_token;

	return admin->token ||
	       (token && token_is_brought(connection, token, MHD_GET_ARGUMENT_KIND, "token"));
}

static enum MHD_Result answer_events(struct admin *admin, struct MHD_Connection *connection)
{
	struct MHD_Response *response =
		streams_open(admin->streams, connection, may_see_records(admin, connection));
	enum MHD_Result result;

	if (!response)
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many listeners\n");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_page(struct admin *admin, struct MHD_Connection *connection,
				   const char *path)
{
	const struct admin_source *source = &admin->source;
	struct buffer out = {0};
	int failed = 0, well = 1;
	const char *type;

	if (strcmp(path, "/health") == 0) {
		well = source->health(source->user, &out);
		type = "text/plain; charset=utf-8";
	} else if (strcmp(path, "/metrics") == 0) {
		failed = render_metrics(source, connection, &out, &type);
	} else if (strcmp(path, "/status") == 0) {
		failed = source->status(source->user, may_see_records(admin, connection), &out);
		type = "application/json";
	} else if (strcmp(path, "/api/events") == 0) {
		return answer_events(admin, connection);
	} else if (strcmp(path, "/") == 0) {
		return answer_index(connection);
	} else {
		return say(connection, MHD_HTTP_NOT_FOUND, "there is no such page; see /\n");
	}
	if (failed) {
		buffer_done(&out);
		return say(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	}
	return answer(connection, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, type, &out);
}

/* "127.0.0.1:9712", "[::1]:9712", "localhost": what a page of another site cannot be named. */
static int is_local_name(const char *host)
{
	char name[HOST_MAX];
	struct in6_addr address;
	size_t size;

	if (*host == '[') {
		size = strcspn(++host, "]");
	} else {
		size = strcspn(host, ":");
	}
	if (size >= sizeof(name))
		return 0;
	memcpy(name, host, size);
	name[size] = '\0';
	return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1 ||
	       inet_pton(AF_INET6, name, &address) == 1;
}

/* /?token=TOKEN: the page again without it, and a cookie in its place. */
static enum MHD_Result sign_in(const struct admin *admin, struct MHD_Connection *connection,
			       const char *path)
{
	const char *given = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token");
	struct MHD_Response *response;
	enum MHD_Result result;
	struct buffer cookie = {0};

	if (strcmp(path, "/") != 0 || !given || !token_is(admin->token, given))
		return say(connection, MHD_HTTP_UNAUTHORIZED,
			   "bring the token: Authorization: Bearer TOKEN, or /?token=TOKEN\n");
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	buffer_printf(&cookie, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict", given);
	MHD_add_response_header(response, "Set-Cookie", buffer_cstr(&cookie));
	MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, "/");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	result = MHD_queue_response(connection, MHD_HTTP_SEE_OTHER, response);
	MHD_destroy_response(response);
	buffer_done(&cookie);
	return result;
}

static enum MHD_Result answer_tap(struct admin *admin, struct MHD_Connection *connection)
{
	struct buffer why = {0};
	unsigned status;

	if (!may_see_records(admin, connection))
		return say(connection, MHD_HTTP_UNAUTHORIZED,
			   "records are shown to those who have the token of the state folder; see "
			   "weir tap\n");
	status = tap_streams_answer(admin->taps, connection, &why);
	if (status == 0)
		return MHD_YES;
	return answer(connection, status, "text/plain; charset=utf-8", &why);
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request_state)
{
	struct admin *admin = user;
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");

	(void)version;
	(void)upload;
	if (*upload_size) { /* a body is read past, not looked at */
		*upload_size = 0;
		return MHD_YES;
	}
	if (!*request_state) { /* the headers alone: answering waits for the end of the body */
		*request_state = admin;
		return MHD_YES;
	}
	if (!admin->token && host && !is_local_name(host))
		return say(connection, MHD_HTTP_MISDIRECTED_REQUEST,
			   "ask by address or as localhost\n");
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is possible\n");
	if (admin->token && !token_is_brought(connection, admin->token, MHD_COOKIE_KIND, COOKIE))
		return sign_in(admin, connection, path);
	if (strcmp(path, "/tap") == 0 && strcmp(method, "GET") == 0)
		return answer_tap(admin, connection);
	return answer_page(admin, connection, path);
}

/* ---- address ---- */

static int is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	}
	return 0;
}

static int find_address(const char *host, uint16_t port, int anywhere,
			struct addrinfo **ret_address, struct weir_error *error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	char service[8];
	int code;

	snprintf(service, sizeof(service), "%u", port);
	code = getaddrinfo(host, service, &hints, ret_address);
	if (code)
		return weir_fail(error, WEIR_ERR_INVALID, "admin: %s is no address: %s", host,
				 gai_strerror(code));
	if (!anywhere && !is_loopback((*ret_address)->ai_addr)) {
		freeaddrinfo(*ret_address);
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "admin: %s is not a loopback address; use 127.0.0.1 or ::1, or "
				 "set admin_token",
				 host);
	}
	return 0;
}

/* ---- the table ---- */

static void admin_close(struct admin *admin)
{
	if (!admin)
		return;
	if (admin->streams)
		streams_stop(admin->streams);
	tap_streams_end(admin->taps);
	if (admin->daemon)
		MHD_stop_daemon(admin->daemon);
	streams_destroy(admin->streams);
	tap_streams_free(admin->taps);
	free(admin->token);
	free(admin);
}

static void ignore_log(void *user, const char *format, va_list args)
{
	(void)user;
	(void)format;
	(void)args;
}

static int start(struct admin *admin, const struct addrinfo *address)
{
	unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
			 MHD_ALLOW_SUSPEND_RESUME |
			 (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0u);

	admin->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, admin, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
		MHD_OPTION_SOCK_ADDR, address->ai_addr, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)ADMIN_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)ADMIN_CONNECTIONS_EACH, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)ADMIN_IDLE_S, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	return admin->daemon ? 0 : WEIR_ERR_IO;
}

static int admin_open(const char *host, uint16_t port, const char *token,
		      const struct admin_source *source, struct admin **ret_admin,
		      uint16_t *ret_port, struct weir_error *error)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	const union MHD_DaemonInfo *info;
	struct addrinfo *address = NULL;
	int code;

	if (!admin)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the admin address");
	admin->source = *source;
	admin->token = token ? strdup(token) : NULL;
	admin->streams = streams_create(&admin->source);
	admin->taps = tap_streams_create(source);
	if (!admin->streams || !admin->taps || (token && !admin->token)) {
		code = weir_fail(error, WEIR_ERR_MEMORY, "no memory for the admin address");
		goto out;
	}
	code = find_address(host, port, token != NULL, &address, error);
	if (code)
		goto out;
	code = start(admin, address);
	freeaddrinfo(address);
	if (code) {
		weir_fail(error, code,
			  "admin: cannot listen on %s:%u: %s; choose another port, or off", host,
			  port, strerror(errno));
		goto out;
	}
	info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_BIND_PORT);
	*ret_port = info ? info->port : port;
	*ret_admin = admin;
	return 0;
out:
	admin_close(admin);
	return code;
}

WEIR_EXPORT extern const struct admin_module admin_module;

const struct admin_module admin_module = {.open = admin_open, .close = admin_close};
