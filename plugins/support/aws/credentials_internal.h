// SPDX-License-Identifier: MIT
/* The state of credentials, for credentials.c (what others see) and refresh.c (how they are got). */
#ifndef AWS_CREDENTIALS_INTERNAL_H
#define AWS_CREDENTIALS_INTERNAL_H

#include <pthread.h>

#include "support/aws/chain.h"
#include "support/aws/credentials.h"
#include "support/aws/exchange.h"
#include "support/aws/process.h"
#include "support/aws/vault.h"

#define REGION_MAX 64

/* What is being waited for. */
enum phase {
	PHASE_IDLE,
	PHASE_PROCESS,
	PHASE_WEB_IDENTITY,
	PHASE_CONTAINER,
	PHASE_INSTANCE_TOKEN,
	PHASE_INSTANCE_ROLE,
	PHASE_INSTANCE_KEYS,
	PHASE_ROLE,
	PHASE_REGION_TOKEN,
	PHASE_REGION,
};

struct aws_credentials {
	const struct weir_services *host;
	struct weir_context *context;
	struct chain_settings settings;
	const char *sts_endpoint;
	uint32_t timer;

	pthread_mutex_t lock; /* guards what follows */
	struct vault vault;
	int64_t expires_s; /* of the keys in the vault; 0 = never */
	int doubted;       /* the service says they are expired */
	char region[REGION_MAX];
	int64_t clock_offset_s; /* the service's clock less ours */
	int process_done;

	/* The loop's thread alone. */
	struct exchange exchange;
	struct chain chain;
	enum phase phase;
	uint32_t next_role; /* of the chain, to take on */
	struct aws_secret_keys working;
	struct text token; /* of the instance's metadata */
	struct process *process;
	uint32_t failures; /* in a row */
	char why[256];     /* of the last of them */
	int stalled, told;
	uint64_t renewed_ns; /* when the service last made us renew them */
};

/* Begins a refresh unless one is under way. */
void refresh_begin(struct aws_credentials *c);
/* The command has ended. */
void refresh_process_done(struct aws_credentials *c);
void refresh_answer(struct aws_credentials *c, const struct weir_http_response *response);
/* Keys that need nobody to be asked, at once. */
int32_t refresh_at_once(struct aws_credentials *c, struct weir_error *error);
/* Seconds since 1970, as the service's clock has them. Takes the lock. */
int64_t credentials_now_s(struct aws_credentials *c);

#endif
