// SPDX-License-Identifier: MIT
/*
 * Texts that must not be seen, and the masking of them in what the agent says: a star for each byte, so that
 * nothing moves.
 *
 * Whoever reads a secret adds it; the log, the problems of a configuration, what stalls an output and what
 * a server answers are masked before anybody else gets them. Short texts are not added, because masking
 * them would tear words apart. Any thread.
 */
#ifndef BASE_SECRETS_H
#define BASE_SECRETS_H

#include <weir/abi.h>

#include "base/secret_list.h"

/* What a holder uses, a configuration say: it is masked until secrets_drop() and for a while after. Zero is
 * an empty one; a holder has one thread. In each call below NULL stands for the process itself. */
struct secrets {
	struct secret **list;
	size_t count;
};

void secrets_add(struct secrets *holder, struct weir_slice text);
/* The password in a URL, and the values of parameters that secrets_is_name() says yes to. Other texts than
 * URLs do no harm. */
void secrets_add_url(struct secrets *holder, struct weir_slice url);
/* They are no longer used. */
void secrets_drop(struct secrets *holder);
/* For good: the variables that secrets_is_name() says yes to. */
void secrets_add_environment(void);
/* Whether a name is that of a secret by its words: bearer_token, X-Api-Key, AWS_SECRET_ACCESS_KEY. */
int secrets_is_name(struct weir_slice name);
void secrets_mask(char *text, size_t size);
/* Of a line of YAML that may be anything: also what follows a key that is a secret's name, and passwords in
 * URLs. */
void secrets_mask_line(char *line);

#endif
