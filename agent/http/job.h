// SPDX-License-Identifier: MIT
/*
 * A request on its way: made ready on the thread that sends it (URL and headers checked), its
 * body compressed where that is asked for, then owned by the client on the loop's thread until it is finished.
 */
#ifndef HTTP_JOB_H
#define HTTP_JOB_H

#include <curl/curl.h>
#include <weir/services.h>

struct job {
	struct job *next;
	struct weir_http_client *client;
	struct weir_http_request *request; /* borrowed from the plugin */
	char *url;
	char *method;
	char *place; /* the URL without user, query and fragment: fit for a log */
	struct curl_slist *headers;
	struct weir_slice packed; /* the compressed body; owned; empty = send request->body */
	uint64_t body_size;       /* on the wire */
	uint64_t not_before_ns;
};

/* WEIR_ERR_INVALID: not http or https, or a header or method with a control character in it. */
int job_create(struct weir_http_request *request, struct job **ret_job);
/* Whether the body is still to be compressed, and doing so. */
int job_wants_packing(const struct job *job);
void job_pack(struct job *job);
/* Takes up the request's URL, headers and body anew, before another try. */
int job_renew(struct job *job);
void job_free(struct job *job);

#endif
