// SPDX-License-Identifier: MIT
/* What libyaml says of broken text, in words that name the remedy. */
#ifndef CONFIG_YAML_SYNTAX_H
#define CONFIG_YAML_SYNTAX_H

#include <yaml.h>

#include "config/config_file.h"

/* Reports the error that the parser has stopped at. `text` is what it was given. */
void yaml_syntax_error(struct config_file *file, const yaml_parser_t *parser,
		       struct weir_slice text);

#endif
