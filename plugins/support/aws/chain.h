// SPDX-License-Identifier: MIT
/*
 * Where credentials come from: options, environment, shared files, a web identity, a container's
 * endpoint, the instance's metadata; the first that is there.
 *
 * Reads the environment and the shared files, asks nobody: what has to be asked is described in the
 * chain, for credentials.c to do. Resolved anew at each refresh, so that files may change.
 */
#ifndef AWS_CHAIN_H
#define AWS_CHAIN_H

#include <weir/plugin.h>

/* What to begin with. */
#define CHAIN_KEYS 1         /* they are here */
#define CHAIN_PROCESS 2      /* a command prints them */
#define CHAIN_WEB_IDENTITY 3 /* a token in a file is exchanged for them */
#define CHAIN_CONTAINER 4    /* ECS, EKS Pod Identity */
#define CHAIN_INSTANCE 5     /* IMDSv2 */

/* Profiles that lead to each other, and roles taken on one after the other, at most. */
#define CHAIN_ROLES_MAX 6
#define CHAIN_TEXTS_MAX 64

struct chain_role {
	const char *arn, *external_id, *session_name; /* the last two may be NULL */
	int64_t duration_s;                           /* 0 = the service's default */
};

/* The options of an output; NULL or empty where not given. */
struct chain_settings {
	const char *access_key, *secret_key, *token, *profile;
	struct chain_role role; /* to take on last; arn NULL = none */
};

struct chain {
	uint32_t kind;
	const char *access_key, *secret_key, *token; /* KEYS */
	const char *command;                         /* PROCESS */
	struct chain_role web;                       /* WEB_IDENTITY, with token_file */
	const char *token_file;                      /* also CONTAINER: holds its authorization */
	const char *url, *authorization;             /* CONTAINER */
	struct chain_role roles[CHAIN_ROLES_MAX];    /* to take on in this order */
	uint32_t role_count;
	const char *region;           /* of the profile; or NULL */
	const char *origin;           /* for people: where the keys come from */
	char *texts[CHAIN_TEXTS_MAX]; /* owned */
	uint32_t text_count;
};

int32_t chain_resolve(const struct chain_settings *settings, struct chain *ret_chain,
		      struct weir_error *error);
/* Wipes and frees. */
void chain_done(struct chain *chain);

#endif
