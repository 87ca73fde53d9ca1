// SPDX-License-Identifier: MIT
/*
 * The body is compressed once, before the first try, and the copy serves every retry: on the
 * sender's thread, or by the packer, so that the loop stays free for its sockets.
 */
#include "http/job.h"

#include <stdlib.h>
#include <strings.h>

#include "http/body_pack.h"

static char *copy_text(struct weir_slice text)
{
	char *copy = malloc(text.size + 1);

	if (!copy)
		return NULL;
	if (text.size)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

/* No byte that could end the line it is put into. */
static int is_one_line(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++)
		if ((uint8_t)text.data[i] < 0x20 && text.data[i] != '\t')
			return 0;
	return 1;
}

static int is_http_url(struct weir_slice url)
{
	return (url.size > 7 && strncasecmp(url.data, "http://", 7) == 0) ||
	       (url.size > 8 && strncasecmp(url.data, "https://", 8) == 0);
}

static int add_header(struct job *job, struct weir_slice header)
{
	char *text = copy_text(header);
	struct curl_slist *list = text ? curl_slist_append(job->headers, text) : NULL;

	free(text);
	if (!list)
		return WEIR_ERR_MEMORY;
	job->headers = list;
	return 0;
}

static int add_coding(struct job *job)
{
	return add_header(job, weir_slice_of(body_pack_header(job->request->flags)));
}

static int add_headers(struct job *job)
{
	/* No waiting for "100 Continue"; no content type that libcurl makes up. */
	int code = add_header(job, weir_slice_of("Expect:"));
	int typed = 0;

	for (uint32_t i = 0; i < job->request->header_count && code == 0; i++) {
		struct weir_slice header = job->request->headers[i];

		if (!is_one_line(header) || !memchr(header.data, ':', header.size))
			return WEIR_ERR_INVALID;
		typed |= header.size > 13 && strncasecmp(header.data, "content-type:", 13) == 0;
		code = add_header(job, header);
	}
	if (!typed && code == 0)
		code = add_header(job, weir_slice_of("Content-Type:"));
	if (job->packed.size && code == 0)
		code = add_coding(job);
	return code;
}

int job_wants_packing(const struct job *job)
{
	return body_pack_header(job->request->flags) && job->request->body_size > 0 &&
	       !job->packed.size;
}

static char *part(CURLU *url, CURLUPart which)
{
	char *text = NULL;

	return curl_url_get(url, which, &text, 0) == CURLUE_OK ? text : NULL;
}

/* "https://host:port/path": users, passwords and tokens stay out of the log. */
static char *place_of(const char *text)
{
	CURLU *url = curl_url();
	char *place = NULL;

	if (url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
		curl_url_set(url, CURLUPART_USER, NULL, 0);
		curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(url, CURLUPART_OPTIONS, NULL, 0);
		curl_url_set(url, CURLUPART_QUERY, NULL, 0);
		curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
		place = part(url, CURLUPART_URL);
	}
	curl_url_cleanup(url);
	return place;
}

/* The request's URL; nothing is done when the job has it already. */
static int take_url(struct job *job)
{
	struct weir_slice wanted = job->request->url;
	char *url, *place;

	if (job->url && weir_slice_equals(wanted, job->url))
		return 0;
	if (!is_http_url(wanted) || !is_one_line(wanted))
		return WEIR_ERR_INVALID;
	url = copy_text(wanted);
	place = url ? place_of(url) : NULL;
	if (!place) {
		free(url);
		return url ? WEIR_ERR_INVALID : WEIR_ERR_MEMORY;
	}
	free(job->url);
	curl_free(job->place);
	job->url = url;
	job->place = place;
	return 0;
}

int job_create(struct weir_http_request *request, struct job **ret_job)
{
	struct weir_slice post = {"POST", 4};
	struct job *job;
	int code;

	if (!is_one_line(request->method))
		return WEIR_ERR_INVALID;
	job = calloc(1, sizeof(*job));
	if (!job)
		return WEIR_ERR_MEMORY;
	job->request = request;
	job->body_size = request->body_size;
	job->method = copy_text(request->method.size ? request->method : post);
	code = job->method ? take_url(job) : WEIR_ERR_MEMORY;
	if (code)
		goto out;
	code = add_headers(job);
	if (code)
		goto out;
	*ret_job = job;
	return 0;
out:
	job_free(job);
	return code;
}

/* Leaves the body as it is when there is no memory for another copy. */
void job_pack(struct job *job)
{
	struct weir_slice packed = body_pack(job->request);

	if (!packed.size)
		return;
	if (add_coding(job)) {
		free((char *)(uintptr_t)packed.data);
		return;
	}
	job->packed = packed;
	job->body_size = packed.size;
}

int job_renew(struct job *job)
{
	int code;

	curl_slist_free_all(job->headers);
	job->headers = NULL;
	if (!job->packed.size)
		job->body_size = job->request->body_size;
	code = take_url(job);
	return code ? code : add_headers(job);
}

void job_free(struct job *job)
{
	if (!job)
		return;
	curl_slist_free_all(job->headers);
	curl_free(job->place);
	free((char *)(uintptr_t)job->packed.data);
	free(job->url);
	free(job->method);
	free(job);
}
