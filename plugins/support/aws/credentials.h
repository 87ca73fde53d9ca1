// SPDX-License-Identifier: MIT
/*
 * Credentials and the region, got when needed and renewed before they expire.
 *
 *   resolve ──▶ base keys ──▶ role ──▶ role ... ──▶ region, if unknown ──▶ ready
 *      ▲    (here, a command,                                               │
 *      │     a web identity, a                         refresh time, or the │
 *      │     container, IMDSv2)                        service refused them │
 *      └────────────────────────────────────────────────────────────────────┘
 *
 *   - Nothing blocks: HTTP goes through the host, a command has a thread. Requests that need a
 *     signature meanwhile get WEIR_ERR_STATE and are tried again by the host.
 *   - Good keys stay in use while a refresh fails, until they expire. Failures wait 1 s to 1 min.
 *   - Secrets lie in memory that core dumps leave out, and are never logged.
 *   - The clock of signatures follows the service's, see aws_credentials_set_clock().
 *
 * Threads: create, start, stop, destroy on the main thread; done and timer as the host calls them;
 * sign and region from any thread.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "support/aws/error.h"
#include "support/aws/sign.h"

struct aws_credentials;

extern const struct weir_option aws_assume_role_members[];

/* The options of an output that signs; all of them are read by aws_credentials_create(). */
#define AWS_CREDENTIALS_OPTIONS                                                           \
	WEIR_OPTION("region", WEIR_TYPE_STRING, NULL,                                     \
		    "AWS region; none given: AWS_REGION, the profile's, the instance's"), \
		WEIR_OPTION("profile", WEIR_TYPE_STRING, NULL,                            \
			    "profile of the shared files; none given: the usual chain"),  \
		WEIR_OPTION("access_key_id", WEIR_TYPE_STRING, NULL, "access key"),       \
		WEIR_OPTION("secret_access_key", WEIR_TYPE_SECRET, NULL, "secret key"),   \
		WEIR_OPTION("session_token", WEIR_TYPE_SECRET, NULL,                      \
			    "session token, for temporary keys"),                         \
		{.struct_size = sizeof(struct weir_option),                               \
		 .type = WEIR_TYPE_MAP,                                                   \
		 .name = "assume_role",                                                   \
		 .doc = "role to take on with the credentials found",                     \
		 .members = aws_assume_role_members},                                     \
		WEIR_OPTION("sts_endpoint", WEIR_TYPE_STRING, NULL,                       \
			    "URL of STS; none given: AWS's own in the region")

struct aws_credentials_options {
	const struct weir_services *host;
	struct weir_context *context;
	const struct weir_node *node; /* the output's options */
	uint32_t timer;               /* id of a host timer that is the credentials' own */
	/* The region where nothing names one, with an overridden endpoint; NULL = ask the instance. */
	const char *fallback_region;
};

int32_t aws_credentials_create(const struct aws_credentials_options *options,
			       struct aws_credentials **ret_credentials, struct weir_error *error);
int32_t aws_credentials_start(struct aws_credentials *credentials, struct weir_error *error);
/* No request of theirs is under way after it. */
void aws_credentials_stop(struct aws_credentials *credentials);
void aws_credentials_destroy(struct aws_credentials *credentials);

/* Whether a request, in http_done() or http_begin(), is the credentials'. The former hand it on;
 * the latter has nothing to do for it. */
int aws_credentials_owns(const struct aws_credentials *credentials,
			 const struct weir_http_request *request);
uint32_t aws_credentials_done(struct aws_credentials *credentials,
			      struct weir_http_request *request,
			      const struct weir_http_response *response);
/* Ids that are not the credentials' are left alone. */
void aws_credentials_timer(struct aws_credentials *credentials, uint32_t id);

/* Fills in keys, region and time, and signs. WEIR_ERR_STATE while there are no keys. */
int32_t aws_credentials_sign(struct aws_credentials *credentials, struct aws_signing *signing,
			     struct aws_signed *ret_signed, struct weir_error *error);
/* Why the last attempt to get keys failed, until one succeeds; else NULL. The loop's thread, or before it
 * runs. */
const char *aws_credentials_trouble(const struct aws_credentials *credentials);
/* The region's text, NUL-terminated, for good once known; empty while it is not. */
struct weir_slice aws_credentials_region(struct aws_credentials *credentials);

/*
 * The service refused a request that was signed: what http_done() is to answer. Expired keys are
 * renewed, a wrong clock is set, and the request is tried again; where that cannot help, slowly and
 * with an alarm. For classes that have nothing to do with credentials: TRY_AGAIN for RETRY and
 * TRY_SLOWLY for the others.
 */
uint32_t aws_credentials_refused(struct aws_credentials *credentials,
				 const struct weir_http_response *response,
				 const struct aws_error *failure);

#endif
