// SPDX-License-Identifier: MIT
/*
 * The secrets that are known: each once, found by how it begins.
 *
 *   added ──▶ in use (references) ──all dropped──▶ past, oldest first ──SECRETS_PAST of them──▶ forgotten
 *                  ▲                                   │
 *                  └────────────added again────────────┘
 *
 *   - None in use is forgotten, however many there are. One that is past is still masked, as what was said
 *     with it may come back late, but only so many of them are kept: a token that changes with every reload
 *     does not pile up.
 *   - A text in which nothing begins as a secret does, which is nearly every one, is let go after a look at
 *     a table of bits, without the lock. A bit is there before the call that adds its secret returns, so
 *     whoever has heard of the secret sees it; bits order nothing else.
 */
#ifndef BASE_SECRET_LIST_H
#define BASE_SECRET_LIST_H

#include <weir/abi.h>

/* Shorter ones are left alone. */
#define SECRET_MIN 6
/* Of three that change every hour, two weeks. */
#define SECRETS_PAST 1024

struct secret;

/* One more reference to it. NULL when it is too short, or there is no memory. Any thread, as the rest. */
struct secret *secret_list_add(struct weir_slice text);
/* One reference less; NULL does no harm. */
void secret_list_drop(struct secret *secret);
/* A star for each byte of every secret in the text, overlapping ones too. */
void secret_list_mask(char *text, size_t size);
/* Between the two no other thread is at the list: for a fork(). */
void secret_list_hold(void);
void secret_list_let_go(void);

#endif
