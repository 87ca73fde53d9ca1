// SPDX-License-Identifier: MIT
#include "support/http_options/http_options.h"

/* Scheme, host and port of a URL: what may be shown of it. */
static void show_place(struct weir_slice url, char *ret_place, size_t size)
{
	const char *end = url.data + url.size, *host, *stop, *at;
	const char *slashes = url.size ? memmem(url.data, url.size, "://", 3) : NULL;

	host = slashes ? slashes + 3 : url.data;
	for (stop = host; stop < end && !strchr("/?#", *stop);)
		stop++;
	at = stop > host ? memrchr(host, '@', (size_t)(stop - host)) : NULL;
	snprintf(ret_place, size, "%.*s%.*s", (int)(host - url.data), url.data,
		 (int)(stop - (at ? at + 1 : host)), at ? at + 1 : host);
}

static int32_t judge_silence(const char *place, const struct weir_http_response *response,
			     struct weir_error *ret_finding)
{
	int size = response->error.size < 200 ? (int)response->error.size : 200;
	const char *why = response->error.data ? response->error.data : "";

	if (response->advice == WEIR_HTTP_HOLD)
		return weir_fail(
			ret_finding, WEIR_ERR_REFUSED,
			"%s can't be talked to: %.*s; check the certificate of the server, "
			"the CA that is trusted (tls: {ca: ...}) and the client "
			"certificate",
			place, size, why);
	return weir_fail(ret_finding, WEIR_ERR_IO,
			 "%s does not answer: %.*s; records wait until it does", place, size, why);
}

/* Of what only asks for the head of a page: that the rest is refused may be about that. */
static int32_t judge_head(const char *place, uint32_t status, struct weir_error *ret_finding)
{
	if (status == 403)
		return weir_fail(
			ret_finding, WEIR_ERR_STATE,
			"%s answers 403 to HEAD; check that the credentials, or this host, "
			"are allowed to write there",
			place);
	if (status == 404)
		return weir_fail(ret_finding, WEIR_ERR_STATE,
				 "%s answers 404 to HEAD; check the path of the URL", place);
	if (status >= 300 && status < 400)
		return weir_fail(
			ret_finding, WEIR_ERR_STATE,
			"%s answers %u to HEAD, a redirect; redirects are not followed: put "
			"the final URL",
			place, status);
	return WEIR_OK;
}

static int32_t judge_write(const char *place, uint32_t status, struct weir_error *ret_finding)
{
	if (status == 403)
		return weir_fail(
			ret_finding, WEIR_ERR_REFUSED,
			"%s answers 403: the credentials, or this host, are not allowed to "
			"write there; give them the right to",
			place);
	if (status == 404)
		return weir_fail(
			ret_finding, WEIR_ERR_REFUSED,
			"%s answers 404: nothing at this URL takes records; check its path", place);
	if (status >= 300 && status < 400)
		return weir_fail(ret_finding, WEIR_ERR_REFUSED,
				 "%s answers %u, a redirect; redirects are not followed: put the "
				 "final URL",
				 place, status);
	return WEIR_OK;
}

int32_t http_probe_judge(const struct weir_http_request *request,
			 const struct weir_http_response *response, struct weir_error *ret_finding)
{
	int is_head = weir_slice_equals(request->method, "HEAD");
	uint32_t status = response->status;
	char place[128];

	show_place(request->url, place, sizeof(place));
	if (status == 0)
		return judge_silence(place, response, ret_finding);
	if (status == 401)
		return weir_fail(ret_finding, WEIR_ERR_REFUSED,
				 "%s answers 401: it does not take the credentials; check user and "
				 "password, token or key",
				 place);
	if (status == 407)
		return weir_fail(ret_finding, WEIR_ERR_REFUSED,
				 "the proxy on the way to %s answers 407; check its credentials",
				 place);
	if (status >= 500 && status != 501)
		return weir_fail(ret_finding, WEIR_ERR_IO,
				 "%s answers %u; records wait until it takes them", place, status);
	return is_head ? judge_head(place, status, ret_finding)
		       : judge_write(place, status, ret_finding);
}
