// SPDX-License-Identifier: MIT
/* Names as the services' models have them, and botocore's and the Java SDK's lists of throttles. */
#include "support/aws/error.h"

#include <strings.h>

#include "support/aws/document.h"

struct name_class {
	const char *name;
	uint32_t class;
};

static const struct name_class names[] = {
	{"ProvisionedThroughputExceededException", AWS_ERROR_RETRY},
	{"LimitExceededException", AWS_ERROR_RETRY},
	{"KMSThrottlingException", AWS_ERROR_RETRY},
	{"Throttling", AWS_ERROR_RETRY},
	{"ThrottlingException", AWS_ERROR_RETRY},
	{"ThrottledException", AWS_ERROR_RETRY},
	{"RequestThrottled", AWS_ERROR_RETRY},
	{"RequestThrottledException", AWS_ERROR_RETRY},
	{"RequestLimitExceeded", AWS_ERROR_RETRY},
	{"TooManyRequestsException", AWS_ERROR_RETRY},
	{"BandwidthLimitExceeded", AWS_ERROR_RETRY},
	{"SlowDown", AWS_ERROR_RETRY},
	{"InternalFailure", AWS_ERROR_RETRY},
	{"InternalFailureException", AWS_ERROR_RETRY},
	{"InternalServerError", AWS_ERROR_RETRY},
	{"InternalServerException", AWS_ERROR_RETRY},
	{"InternalError", AWS_ERROR_RETRY},
	{"ServiceUnavailable", AWS_ERROR_RETRY},
	{"ServiceUnavailableException", AWS_ERROR_RETRY},
	{"RequestTimeout", AWS_ERROR_RETRY},
	{"RequestTimeoutException", AWS_ERROR_RETRY},
	{"ResourceInUse", AWS_ERROR_RETRY},
	{"ResourceInUseException", AWS_ERROR_RETRY},
	{"IDPCommunicationError", AWS_ERROR_RETRY},
	{"ExpiredToken", AWS_ERROR_KEYS},
	{"ExpiredTokenException", AWS_ERROR_KEYS},
	{"TokenRefreshRequired", AWS_ERROR_KEYS},
	{"RequestTimeTooSkewed", AWS_ERROR_CLOCK},
	{"RequestInTheFuture", AWS_ERROR_CLOCK},
	{"RequestExpired", AWS_ERROR_CLOCK},
	{"InvalidArgumentException", AWS_ERROR_INVALID},
	{"ValidationException", AWS_ERROR_INVALID},
	{"SerializationException", AWS_ERROR_INVALID},
	{"RequestEntityTooLarge", AWS_ERROR_TOO_LARGE},
	{"RequestEntityTooLargeException", AWS_ERROR_TOO_LARGE},
	{"PayloadTooLargeException", AWS_ERROR_TOO_LARGE},
};

uint32_t aws_error_class(const char *code)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, code) == 0)
			return names[i].class;
	return AWS_ERROR_HOLD;
}

/* ---- answers ---- */

struct weir_slice aws_answer_header(const struct weir_http_response *response, const char *name)
{
	const char *at = response->headers.data, *end = at + response->headers.size;
	struct weir_slice none = {NULL, 0};
	size_t size = strlen(name);

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at)), *from;

		if (!stop)
			stop = end;
		if ((size_t)(stop - at) > size && at[size] == ':' && !strncasecmp(at, name, size)) {
			for (from = at + size + 1; from < stop && *from == ' ';)
				from++;
			while (stop > from && (stop[-1] == '\r' || stop[-1] == ' '))
				stop--;
			return (struct weir_slice){from, (uint64_t)(stop - from)};
		}
		at = stop + 1;
	}
	return none;
}

struct weir_slice aws_answer_element(struct weir_slice xml, const char *name)
{
	struct weir_slice none = {NULL, 0};
	char open[64], close[64];
	const char *from, *to, *end = xml.data + xml.size;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	from = xml.size ? memmem(xml.data, xml.size, open, strlen(open)) : NULL;
	if (!from)
		return none;
	from += strlen(open);
	to = memmem(from, (size_t)(end - from), close, strlen(close));
	return to ? (struct weir_slice){from, (uint64_t)(to - from)} : none;
}

/* ---- errors ---- */

static void copy_text(char *to, size_t size, struct weir_slice text)
{
	uint64_t length = text.size < size - 1 ? text.size : size - 1;

	for (uint64_t i = 0; i < length; i++)
		to[i] = (uint8_t)text.data[i] < 0x20 ? ' ' : text.data[i];
	to[length] = '\0';
}

/* "com.amazonaws.kinesis#ResourceNotFoundException:http://..." is ResourceNotFoundException. */
static void copy_code(char *to, size_t size, struct weir_slice text)
{
	const char *hash = text.size ? memrchr(text.data, '#', text.size) : NULL;
	const char *colon;

	if (hash)
		text = (struct weir_slice){hash + 1, text.size - (uint64_t)(hash + 1 - text.data)};
	colon = text.size ? memchr(text.data, ':', text.size) : NULL;
	if (colon)
		text.size = (uint64_t)(colon - text.data);
	copy_text(to, size, text);
}

struct reader {
	struct aws_error *error;
	char key[32];
};

static void visit(void *user, const struct document_event *event)
{
	struct reader *reader = user;
	struct aws_error *error = reader->error;

	if (event->depth != 1)
		return;
	if (event->kind == DOCUMENT_KEY)
		copy_text(reader->key, sizeof(reader->key), event->text);
	if (event->kind != DOCUMENT_TEXT)
		return;
	if (!*error->code && (!strcmp(reader->key, "__type") || !strcmp(reader->key, "code")))
		copy_code(error->code, sizeof(error->code), event->text);
	else if (!strcasecmp(reader->key, "message"))
		copy_text(error->text, sizeof(error->text), event->text);
}

static void read_words(const struct weir_http_response *response, struct aws_error *error)
{
	struct reader reader = {error, ""};

	copy_code(error->code, sizeof(error->code),
		  aws_answer_header(response, "x-amzn-errortype"));
	if (response->body.size > 0 && *response->body.data == '<') {
		copy_code(error->code, sizeof(error->code),
			  aws_answer_element(response->body, "Code"));
		copy_text(error->text, sizeof(error->text),
			  aws_answer_element(response->body, "Message"));
	} else {
		(void)document_walk(response->body, visit, &reader);
	}
	if (!*error->text)
		copy_text(error->text, sizeof(error->text),
			  *error->code || !response->status ? response->error : response->body);
}

/* A signature that is refused for its age is a matter of the clock. */
static int is_about_the_clock(const struct aws_error *error)
{
	return strstr(error->text, "Signature expired") != NULL ||
	       strstr(error->text, "Signature not yet current") != NULL ||
	       strstr(error->text, "is now earlier than") != NULL;
}

static uint32_t class_of(const struct weir_http_response *response, const struct aws_error *error)
{
	uint32_t class = aws_error_class(error->code);

	if (is_about_the_clock(error))
		return AWS_ERROR_CLOCK;
	if (class != AWS_ERROR_HOLD)
		return class;
	switch (response->advice) {
	case WEIR_HTTP_TRANSIENT:
		return AWS_ERROR_RETRY;
	case WEIR_HTTP_TOO_LARGE:
		return AWS_ERROR_TOO_LARGE;
	}
	return response->status == 509 ? AWS_ERROR_RETRY : AWS_ERROR_HOLD;
}

void aws_error_read(const struct weir_http_response *response, struct aws_error *ret_error)
{
	memset(ret_error, 0, sizeof(*ret_error));
	if (response->advice == WEIR_HTTP_OK)
		return;
	read_words(response, ret_error);
	ret_error->class = class_of(response, ret_error);
}
