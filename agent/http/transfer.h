// SPDX-License-Identifier: MIT
/*
 * One try of a job on an easy handle. Transfers are reused: a client has as many as it ever had
 * requests in flight. Loop's thread only.
 */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/buffer.h"
#include "http/job.h"
#include "http/verdict.h"

/* A longer answer counts as none (weir/services.h). */
#define TRANSFER_ANSWER_MAX (16u << 20)

/* What a client's transfers have in common. Owned by the client. */
struct transfer_options {
	uint64_t connect_timeout_ms, request_timeout_ms;
	int insecure;
	int http1;
	long upload_buffer; /* bytes that one write to a socket carries at most */
	char *proxy;        /* NULL = from the environment */
	char *ca_file, *cert_file, *key_file, *user_agent;
};

struct transfer {
	struct transfer *next;
	struct job *job;
	CURL *easy;
	uint32_t slice; /* where reading the body has come to */
	uint64_t offset;
	uint64_t handed;     /* bytes of the body that may have been sent */
	int is_small;        /* libcurl has the body as a whole */
	struct buffer whole; /* of a small one in several slices */
	uint64_t started_ns;
	/* Of a request that is sent twice at a time: the other copy while both are under way, when the
	 * first was started, how many were sent, and whether the one that failed may have landed. */
	struct transfer *twin;
	uint64_t began_ns;
	uint32_t copies, has_landed;
	uint32_t is_asked; /* it has been decided whether there is a second copy */
	struct buffer answer;
	struct buffer headers;
	char error[CURL_ERROR_SIZE];
};

int transfer_create(const struct transfer_options *options, struct transfer **ret_transfer);
void transfer_free(struct transfer *transfer);
/* Points the easy handle at the job, with a connection of its own if `is_fresh`; the caller adds it to the
 * engine. */
int transfer_begin(struct transfer *transfer, struct job *job, int is_fresh);
/* Forgets the job and what was answered. */
void transfer_end(struct transfer *transfer);
/* What is known after the try; borrowed from the transfer. */
void transfer_facts(struct transfer *transfer, CURLcode code, struct verdict_facts *ret_facts);
/* What Retry-After asks for, in seconds; 0 = nothing. */
uint64_t transfer_retry_after(struct transfer *transfer);

#endif
