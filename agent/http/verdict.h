// SPDX-License-Identifier: MIT
/* What an answer means, and what an operator can do about it. Pure functions. */
#ifndef HTTP_VERDICT_H
#define HTTP_VERDICT_H

#include <curl/curl.h>
#include <weir/services.h>

/* How a try ended, as libcurl has it. */
struct verdict_facts {
	CURLcode code;
	const char *error;        /* libcurl's words, or "" */
	long status;              /* 0 = none was received */
	long proxy_status;        /* of the proxy's CONNECT; 0 = none */
	uint64_t sent;            /* bytes of the body that were handed to the transport */
	const char *location;     /* where a redirect points, or NULL */
	struct weir_slice answer; /* the body, as far as it came */
};

struct verdict {
	uint32_t status; /* for the plugin: 0 when there was no whole answer */
	uint32_t advice; /* WEIR_HTTP_* */
	uint32_t may_have_landed;
	char text[300];     /* what went wrong; "" when all is well */
	const char *remedy; /* for HOLD and redirects, else NULL */
};

void verdict_reach(const struct verdict_facts *facts, struct verdict *ret_verdict);

#endif
