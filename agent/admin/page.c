// SPDX-License-Identifier: MIT
#include "admin/page.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#define NONCE_BYTES 16
#define NONCE_MARK "%NONCE%"

/* The files of page/ as one, made an array when the agent is built. */
static const char document[] = {
#include "page_html.h"
	0};

static int make_nonce(char ret_nonce[2 * NONCE_BYTES + 1])
{
	uint8_t bytes[NONCE_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return WEIR_ERR_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret_nonce + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

int page_render(struct buffer *out, char ret_policy[PAGE_POLICY_MAX])
{
	char nonce[2 * NONCE_BYTES + 1];
	const char *at = document, *mark;

	if (make_nonce(nonce) < 0)
		return WEIR_ERR_IO;
	while ((mark = strstr(at, NONCE_MARK)) != NULL) {
		buffer_append(out, at, (size_t)(mark - at));
		buffer_text(out, nonce);
		at = mark + strlen(NONCE_MARK);
	}
	snprintf(ret_policy, PAGE_POLICY_MAX,
		 "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src "
		 "'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors "
		 "'none'",
		 nonce, nonce);
	return buffer_text(out, at);
}
