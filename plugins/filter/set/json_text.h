// SPDX-License-Identifier: MIT
/* A checked node of the configuration as compact JSON text. */
#ifndef SET_JSON_TEXT_H
#define SET_JSON_TEXT_H

#include <weir/plugin.h>

struct json_text {
	char *data; /* freed by the caller */
	size_t size, capacity;
};

int32_t json_text_append(struct json_text *text, const struct weir_node *node);

#endif
