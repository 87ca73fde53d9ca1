// SPDX-License-Identifier: MIT
/*
 * Statuses and transport errors to classes.
 *
 * When in doubt an error is one that passes or one for the operator, not one of the records: a
 * record goes to the dead letter only where the server has read the request and turned it down.
 */
#include "http/verdict.h"

#include <stdio.h>

/* nginx answers 400 for what is no fault of the request (its internal 495, 496 and 497). */
static const char *const front_end_errors[] = {
	"No required SSL certificate was sent",
	"The SSL certificate error",
	"The plain HTTP request was sent to HTTPS port",
};

static int contains(struct weir_slice text, const char *word)
{
	return text.size > 0 && memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static int is_front_end_error(const struct verdict_facts *facts)
{
	for (size_t i = 0; i < sizeof(front_end_errors) / sizeof(front_end_errors[0]); i++)
		if (contains(facts->answer, front_end_errors[i]))
			return 1;
	return 0;
}

static uint32_t advice_of_status(const struct verdict_facts *facts)
{
	switch (facts->status) {
	case 401:
	case 403:
	case 404:
	case 407:
		return WEIR_HTTP_HOLD;
	case 400:
		return is_front_end_error(facts) ? WEIR_HTTP_HOLD : WEIR_HTTP_REFUSED;
	case 408:
	case 425:
	case 429:
		return WEIR_HTTP_TRANSIENT;
	case 413:
		return WEIR_HTTP_TOO_LARGE;
	}
	if (facts->status >= 200 && facts->status < 300)
		return WEIR_HTTP_OK;
	return facts->status >= 500 ? WEIR_HTTP_TRANSIENT : WEIR_HTTP_REFUSED;
}

static const char *remedy_of_status(const struct verdict_facts *facts)
{
	switch (facts->status) {
	case 400:
		return is_front_end_error(facts)
			       ? "check the scheme of the URL and the client certificate"
			       : NULL;
	case 401:
		return "check the credentials";
	case 403:
		return "the credentials, or this host, are not allowed to write there";
	case 404:
		return "check the URL, or create what it names";
	case 407:
		return "check the credentials of the proxy";
	}
	if (facts->status >= 300 && facts->status < 400)
		return "redirects are not followed: put the final URL into the configuration";
	return NULL;
}

static int is_certificate_error(const struct verdict_facts *facts)
{
	switch (facts->code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return 1;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR: /* TLS 1.3 refuses a client's certificate after the handshake */
		return strstr(facts->error, "certificate") != NULL ||
		       strstr(facts->error, "alert unknown ca") != NULL;
	default:
		return 0;
	}
}

static void judge_transport(const struct verdict_facts *facts, struct verdict *v)
{
	const char *words = *facts->error ? facts->error : curl_easy_strerror(facts->code);

	v->advice = WEIR_HTTP_TRANSIENT;
	v->may_have_landed = facts->sent > 0;
	if (is_certificate_error(facts)) {
		v->advice = WEIR_HTTP_HOLD;
		v->remedy = "check the certificate of the server, the CA that is trusted, and the "
			    "client certificate";
	} else if (facts->proxy_status == 407) {
		v->advice = WEIR_HTTP_HOLD;
		v->remedy = "check the credentials of the proxy";
	} else if (facts->code == CURLE_URL_MALFORMAT ||
		   facts->code == CURLE_UNSUPPORTED_PROTOCOL) {
		v->advice = WEIR_HTTP_HOLD;
		v->remedy = "check the URL";
	}
	if (facts->proxy_status >= 300)
		snprintf(v->text, sizeof(v->text), "the proxy answered %ld", facts->proxy_status);
	else if (facts->code == CURLE_WRITE_ERROR)
		snprintf(v->text, sizeof(v->text), "the answer is longer than 16 MiB");
	else
		snprintf(v->text, sizeof(v->text), "%s", words);
}

/* A relative one has the user and the password of our own URL, and any may have a token in its query. */
static void describe_redirect(const struct verdict_facts *facts, struct verdict *v)
{
	const char *to = facts->location, *host = strstr(to, "://");
	const char *end = to + strcspn(to, "?#"), *at;

	host = host && host < end ? host + 3 : to;
	at = memrchr(host, '@', strcspn(host, "/?#"));
	snprintf(v->text, sizeof(v->text), "answered %ld, a redirect to %.*s%.*s", facts->status,
		 (int)(host - to), to, (int)(end - (at ? at + 1 : host)), at ? at + 1 : host);
}

static void judge_status(const struct verdict_facts *facts, struct verdict *v)
{
	v->status = (uint32_t)facts->status;
	v->advice = advice_of_status(facts);
	v->remedy = remedy_of_status(facts);
	/* An error of a server or gateway says nothing about what was done before it. */
	v->may_have_landed = facts->sent > 0 &&
			     (facts->status == 500 || facts->status == 502 || facts->status == 504);
	if (facts->status >= 300 && facts->status < 400 && facts->location)
		describe_redirect(facts, v);
	else if (v->advice != WEIR_HTTP_OK)
		snprintf(v->text, sizeof(v->text), "answered %ld", facts->status);
}

void verdict_reach(const struct verdict_facts *facts, struct verdict *ret_verdict)
{
	/* A server that refuses a body early may cut the connection after its answer: the status
	 * counts. A cut 2xx does not. */
	int refused_early = facts->status >= 400 && facts->code != CURLE_WRITE_ERROR;

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	if (facts->code == CURLE_OK || refused_early)
		judge_status(facts, ret_verdict);
	else
		judge_transport(facts, ret_verdict);
}
