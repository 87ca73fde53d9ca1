// SPDX-License-Identifier: MIT
/* A JSON document of the agent's while a command reads it. Missing members are empty or 0. */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include "expr/json_walk.h"
#include "expr/scratch.h"

/* `scratch` keeps what is unescaped. */
int64_t document_number(struct scratch *scratch, struct weir_slice map, const char *name);
double document_real(struct scratch *scratch, struct weir_slice map, const char *name);
struct weir_slice document_text(struct scratch *scratch, struct weir_slice map, const char *name);
/* A map or a list, raw. */
struct weir_slice document_nested(struct scratch *scratch, struct weir_slice map, const char *name);

#endif
